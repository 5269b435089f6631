/* SPDX-License-Identifier: MIT */
/* Datagrams to a device on the local network: byte 0 says from which port; each further one begins with its size in two
 * bytes. What it says is well formed, it speaks to all at most once a second, and it is done in the end. */
#include "fuzz.h"

#include "discovery/responder.h"

static void check(const struct dns_writer *writer)
{
    struct dns_reader reader;
    struct dns_record record;
    struct dns_question question;
    unsigned n = 0;
    FUZZ_CHECK(writer->size <= DNS_PACKET_MAX && dns_read(&reader, writer->bytes, writer->size) == 0);
    FUZZ_CHECK(reader.is_response);
    while (dns_next_question(&reader, &question))
        n++;
    while (dns_next_record(&reader, &record))
        n++;
    FUZZ_CHECK(n > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t text[] = "\x05mac=1";
    static const struct net_address own = {.family = 4, .bytes = {192, 0, 2, 7}};
    static struct responder responder;
    static struct dns_writer message;
    struct net_address from = {.family = 4, .bytes = {192, 0, 2, 1}};
    uint64_t now_ns = NS_PER_S, spoke_ns = 0;
    if (size < 1)
        return 0;
    from.port = data[0] % 2 ? DNS_PORT : 40000;
    FUZZ_CHECK(responder_init(&responder, &fuzz_env, "kitchen", 6053, text, sizeof(text) - 1) == 0);
    responder_set_addresses(&responder, &own, 1, now_ns);
    responder_announce(&responder, now_ns);
    for (size_t at = 1; size - at >= 2;) {
        size_t n = (size_t)data[at] << 8 | data[at + 1];
        at += 2;
        n = n < size - at ? n : size - at;
        if (responder_feed(&responder, data + at, n, &from, now_ns, &message))
            check(&message);
        at += n;
        now_ns += 100 * NS_PER_MS;
        if (!responder_next(&responder, now_ns, &message))
            continue;
        check(&message);
        FUZZ_CHECK(spoke_ns == 0 || now_ns - spoke_ns >= NS_PER_S);
        spoke_ns = now_ns;
    }
    for (unsigned i = 0; responder_deadline(&responder) != BP_NEVER; i++) {
        uint64_t deadline_ns = responder_deadline(&responder);
        now_ns = deadline_ns > now_ns ? deadline_ns : now_ns;
        FUZZ_CHECK(i < 4 && responder_next(&responder, now_ns, &message));
    }
    return 0;
}
