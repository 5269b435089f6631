/* SPDX-License-Identifier: MIT */
/* Datagrams from the local network: each has two bytes of length and one of seconds that pass after it. A look-up, the
 * browser and the reader of announcements hear them all. */
#include "fuzz.h"

#include "discovery/announcement.h"
#include "discovery/browse.h"
#include "discovery/lookup.h"
#include "names/sanitise.h"

static const struct netif netif = {
    .index = 2, .n_networks = 1, .networks = {{{.family = 4, .bytes = {192, 0, 2, 1}}, 24}}};
static const struct net_address from = {.family = 4, .bytes = {192, 0, 2, 10}, .port = DNS_PORT};

static uint64_t now_ns;
static unsigned done;

static void on_question(void *user, const struct dns_writer *message, bool is_first)
{
    struct dns_reader reader;
    (void)user, (void)is_first;
    FUZZ_CHECK(message->size <= DNS_PACKET_MAX && dns_read(&reader, message->bytes, message->size) == 0);
}

static void on_send(void *user, const struct dns_writer *message)
{
    on_question(user, message, false);
}

static void check_text(const char *text, size_t capacity)
{
    size_t size = strnlen(text, capacity);
    FUZZ_CHECK(size < capacity && sanitise_keeps(text, size));
}

static void on_service(void *user, enum browse_event event, const struct service *service, uint64_t at_ns)
{
    (void)user;
    FUZZ_CHECK(at_ns == now_ns && (event == BROWSE_GONE || service_is_complete(service)) && *service->name);
    check_text(service->name, sizeof(service->name));
    check_text(service->text.friendly_name, sizeof(service->text.friendly_name));
    check_text(service->text.version, sizeof(service->text.version));
    check_text(service->text.mac, sizeof(service->text.mac));
    FUZZ_CHECK(service->host.n <= HOST_ADDRESSES_MAX);
}

static void on_done(void *user, const struct net_address *addresses, size_t n, uint64_t at_ns)
{
    (void)user, (void)addresses, (void)at_ns;
    FUZZ_CHECK(n <= HOST_ADDRESSES_MAX);
    done++;
}

static void hear(struct lookups *lookups, struct browse *browse, const uint8_t *datagram, size_t size)
{
    struct announcement announcement;
    char name[DNS_NAME_SIZE];
    lookups_feed(lookups, datagram, size, &from, &netif, now_ns);
    browse_feed(browse, datagram, size, &from, &netif, size % 2, now_ns);
    FUZZ_CHECK(browse_count(browse) <= BROWSE_SERVICES_MAX);
    if (announcement_read(&announcement, datagram, size, &from, &netif))
        while (announcement_next(&announcement, name))
            FUZZ_CHECK(strlen(name) < DNS_NAME_SIZE);
}

static void pass(struct lookups *lookups, struct browse *browse, uint64_t seconds)
{
    uint64_t end_ns = now_ns + seconds * NS_PER_S, next_ns;
    while ((next_ns = time_min(lookups_deadline(lookups), browse_deadline(browse))) <= end_ns) {
        now_ns = next_ns > now_ns ? next_ns : now_ns;
        lookups_tick(lookups, now_ns);
        browse_tick(browse, now_ns);
        FUZZ_CHECK(lookups_deadline(lookups) > now_ns && browse_deadline(browse) > now_ns);
    }
    now_ns = end_ns;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct lookups_ops lookups_ops = {on_send};
    static const struct browse_ops browse_ops = {on_question, on_service};
    struct lookups lookups;
    struct lookup *lookup;
    struct browse *browse;
    now_ns = NS_PER_S;
    done = 0;
    lookups_init(&lookups, &fuzz_env, &lookups_ops, NULL);
    FUZZ_CHECK(browse_new(&fuzz_env, &browse_ops, NULL, now_ns, &browse) == 0);
    FUZZ_CHECK(lookup_start(&lookups, "kitchen.local", on_done, NULL, now_ns, &lookup) == 0);
    while (size > 3) {
        size_t length = (size_t)data[0] << 8 | data[1];
        uint64_t seconds = data[2];
        length = length < size - 3 ? length : size - 3;
        hear(&lookups, browse, data + 3, length);
        pass(&lookups, browse, seconds);
        data += 3 + length;
        size -= 3 + length;
    }
    pass(&lookups, browse, 20);
    FUZZ_CHECK(done == 1);
    browse_free(browse);
    lookups_deinit(&lookups);
    return 0;
}
