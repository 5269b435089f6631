/* SPDX-License-Identifier: MIT */
#include "fixture.h"

/* The names in an announcement, each with a space behind it; "-" when it is none. */
static const char *names_in(const struct dns_record *records, size_t n, const struct net_address *from)
{
    static char text[1024];
    struct dns_writer writer;
    struct announcement announcement;
    char name[DNS_NAME_SIZE];
    write_response(&writer, records, n);
    text[0] = '\0';
    if (!announcement_read(&announcement, writer.bytes, writer.size, from, &lan))
        return "-";
    while (announcement_next(&announcement, name)) {
        strcat(text, name);
        strcat(text, " ");
    }
    return text;
}

static void test_who_is_there(void **state)
{
    (void)state;
    struct dns_record other = record_ptr("printer", 4500);
    snprintf(other.name, sizeof(other.name), "_ipp._tcp.local");
    const struct dns_record records[] = {
        record_ptr("Kitchen", 4500),       record_srv("kitchen", "elsewhere.local", 6053, 120),
        record_a("kitchen.local", 1, 120), record_aaaa("attic.LOCAL", 1, 120),
        record_a("gone.local", 1, 0),      record_ptr("gone", 0),
        record_a("a.b.local", 1, 120),     other,
    };
    enum { N = sizeof(records) / sizeof(records[0]) };
    assert_string_equal(names_in(records, N, &neighbour), "Kitchen.local kitchen.local attic.local ");
    assert_string_equal(names_in(records, N, &other_neighbour), "-");
    struct net_address other_port = neighbour;
    other_port.port = 1234;
    assert_string_equal(names_in(records, N, &other_port), "-");
}

static void test_questions_are_no_announcements(void **state)
{
    (void)state;
    struct dns_writer writer;
    struct announcement announcement;
    dns_write(&writer, 0, false);
    assert_int_equal(
        dns_write_question(&writer, &(struct dns_question){.name = "kitchen.local", .type = DNS_A}), 0);
    assert_false(announcement_read(&announcement, writer.bytes, writer.size, &neighbour, &lan));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_is_there),
        cmocka_unit_test(test_questions_are_no_announcements),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
