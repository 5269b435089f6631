/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "text.h"
#include "top.h"
#include <stdlib.h>
#include <string.h>

enum { N_PROXIES_MAX = 60, N_DEVICES = 40, TEXT_MAX = 4096 };

static struct {
    struct top_scene scene;
    struct top_proxy proxies[N_PROXIES_MAX];
    struct top_device devices[N_DEVICES];
    struct top_hearing hearings[N_DEVICES][N_PROXIES_MAX];
    struct top_view view;
} top;

static const char *const labels[] = {"kitchen", "bedroom", "attic", "garage"};

static void add_device(size_t i, const char *name)
{
    struct top_device *device = &top.devices[i];
    size_t n = top.scene.n_proxies;
    *device = (struct top_device){.address = 0xA4C138000000 + i,
                                  .owner = n > 0 ? i % n : TOP_NONE,
                                  .strength_dbm = -40 - (int)i,
                                  .age_s = (double)i / 3,
                                  .interval_s = (double)(i % 5),
                                  .hearings = top.hearings[i],
                                  .n_hearings = n > 0 ? i % n + 1 : 0};
    snprintf(device->name, sizeof(device->name), "%s", name);
    for (size_t j = 0; j < device->n_hearings; j++)
        top.hearings[i][j] = (struct top_hearing){(device->owner + j) % n, device->strength_dbm - (int)j * 9};
}

/* All is well with all of them. */
static void build(size_t n_proxies, size_t n_devices)
{
    memset(&top, 0, sizeof(top));
    top.scene = (struct top_scene){.proxies = top.proxies, .n_proxies = n_proxies, .devices = top.devices};
    for (size_t i = 0; i < n_proxies; i++) {
        struct top_proxy *proxy = &top.proxies[i];
        *proxy = (struct top_proxy){.firmware = "2026.8.0",
                                    .state = "connected",
                                    .rate = 25,
                                    .n_devices = 57,
                                    .slots_used = 1,
                                    .slots_limit = 3,
                                    .holders = "Reading lamp"};
        snprintf(proxy->label, sizeof(proxy->label), "%s", i < 4 ? labels[i] : "sim-proxy");
        for (uint32_t bar = 0; bar < SPARKLINE_BARS; bar++)
            sparkline_add(&proxy->history, bar % 9);
    }
    for (; top.scene.n_devices < n_devices; top.scene.n_devices++)
        add_device(top.scene.n_devices, top.scene.n_devices % 3 ? "" : "Reading lamp");
}

static void bring_down(struct top_proxy *proxy)
{
    proxy->health = TOP_DOWN;
    snprintf(proxy->state, sizeof(proxy->state), "down 3 min");
    snprintf(proxy->trouble, sizeof(proxy->trouble), "cannot connect to 192.0.2.1: No route to host");
}

/* To be freed. */
static char *print(unsigned columns, unsigned rows, bool colour)
{
    const struct top_window window = {columns, rows, colour};
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    top_print(out, &top.scene, &top.view, &window);
    fclose(out);
    return text;
}

/* Line i of text, in static memory; "" behind the end. */
static const char *line_of(const char *text, size_t i)
{
    static char line[TEXT_MAX];
    for (; i > 0 && *text; i--)
        text += strcspn(text, "\n") + (text[strcspn(text, "\n")] == '\n');
    size_t n = strcspn(text, "\n");
    assert_true(n < sizeof(line));
    memcpy(line, text, n);
    line[n] = '\0';
    return line;
}

static unsigned count_lines(const char *text)
{
    unsigned n = 0;
    for (; (text = strchr(text, '\n')); text++)
        n++;
    return n;
}

static void assert_fits(unsigned columns, unsigned rows)
{
    char *text = print(columns, rows, false);
    unsigned n = count_lines(text);
    if (n > rows || n == 0)
        fail_msg("%u lines at %ux%u:\n%s", n, columns, rows, text);
    for (unsigned i = 0; i < n; i++)
        if (text_width(line_of(text, i)) > columns)
            fail_msg("too wide at %ux%u:\n%s", columns, rows, text);
    assert_null(strchr(text, '\033'));
    free(text);
}

static void assert_fits_everywhere(void)
{
    for (unsigned columns = 1; columns <= 230; columns += columns < 90 ? 1 : 7)
        for (unsigned rows = 1; rows <= 70; rows += rows < 30 ? 1 : 8)
            assert_fits(columns, rows);
}

static void test_it_fits_every_window(void **state)
{
    (void)state;
    build(4, N_DEVICES);
    bring_down(&top.proxies[1]);
    assert_fits_everywhere();
}

static void test_any_number_of_proxies_fits(void **state)
{
    (void)state;
    static const size_t numbers[] = {0, 1, 12, N_PROXIES_MAX};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        build(numbers[i], numbers[i] % 2 ? 0 : 7);
        assert_fits_everywhere();
    }
}

static void test_wide_and_hostile_names_fit(void **state)
{
    (void)state;
    build(3, 6);
    for (size_t i = 0; i < 3; i++) {
        snprintf(top.proxies[i].label, sizeof(top.proxies[i].label), "台所の温度計センサー%zu", i);
        snprintf(top.proxies[i].holders, sizeof(top.proxies[i].holders), "リビング, 温度計, مرحبا");
        bring_down(&top.proxies[i]);
    }
    for (size_t i = 0; i < 6; i++)
        add_device(i, i % 2 ? "温度計センサー温度計センサー" : "שלום e\u0301e\u0301e\u0301 \xff");
    assert_fits_everywhere();
}

static void test_the_first_line_tells_what_is_wrong(void **state)
{
    (void)state;
    build(4, 0);
    char *text = print(80, 24, false);
    assert_string_equal(line_of(text, 0), "4 proxies, all well; 100 adverts/s");
    free(text);
    bring_down(&top.proxies[1]);
    top.proxies[2].health = TOP_SILENT;
    top.proxies[3].slots_used = 3;
    text = print(80, 24, false);
    assert_string_equal(line_of(text, 0), "4 proxies: 1 down, 1 silent, 1 full; 100 adverts/s");
    free(text);
}

static void test_a_line_of_details_where_the_window_is_not_wide(void **state)
{
    (void)state;
    build(4, 3);
    bring_down(&top.proxies[1]);
    top.proxies[1].holders[0] = '\0';
    char *text = print(80, 24, false);
    assert_string_equal(line_of(text, 3), "  held by Reading lamp");
    assert_non_null(strstr(line_of(text, 4), "bedroom  down 3 min"));
    assert_string_equal(line_of(text, 5), "  cannot connect to 192.0.2.1: No route to host");
    free(text);
    text = print(200, 24, false);
    assert_non_null(strstr(line_of(text, 3), "cannot connect to 192.0.2.1: No route to host"));
    free(text);
}

static void test_where_not_all_details_fit_those_of_the_worst_do(void **state)
{
    (void)state;
    build(4, 3);
    bring_down(&top.proxies[1]);
    char *text = print(80, 12, false);
    assert_null(strstr(text, "attic\n  held"));
    assert_non_null(strstr(text, "  cannot connect"));
    assert_int_equal(count_lines(text), 12);
    free(text);
}

static void test_of_too_many_proxies_those_in_trouble_are_shown(void **state)
{
    (void)state;
    build(12, 3);
    bring_down(&top.proxies[11]);
    snprintf(top.proxies[11].label, sizeof(top.proxies[11].label), "cellar");
    char *text = print(80, 14, false);
    assert_non_null(strstr(line_of(text, 2), "cellar"));
    assert_non_null(strstr(text, "\n1 to 6 of 12 proxies  (Tab scrolls them)\n"));
    free(text);
    text = print(10, 2, false);
    assert_string_equal(line_of(text, 1), "cellar");
    free(text);
}

static void test_strengths_are_columns_while_there_is_room(void **state)
{
    (void)state;
    build(4, 3);
    char *text = print(80, 24, false);
    assert_non_null(strstr(text, "kitch  bedro  attic  garag  AGE  INTERVAL\n"));
    assert_non_null(strstr(text, "  -40*     -      -      -   0.0"));
    free(text);
    text = print(160, 24, false);
    assert_non_null(strstr(text, "  OWNER    kitchen  bedroom    attic   garage  AGE"));
    free(text);
    text = print(60, 24, false);
    assert_non_null(strstr(text, "  attic -42, garage -51, +1\n"));
    free(text);
}

static void test_columns_have_what_tells_proxies_apart(void **state)
{
    (void)state;
    build(3, 1);
    for (size_t i = 0; i < 3; i++)
        snprintf(top.proxies[i].label, sizeof(top.proxies[i].label), "esp32-%s-proxy", labels[i]);
    char *text = print(100, 24, false);
    assert_non_null(strstr(text, "  OWNER    kitchen  bedroom    attic  AGE"));
    assert_non_null(strstr(text, "  kitchen     -40*"));
    free(text);
}

static void test_lists_have_what_tells_proxies_apart(void **state)
{
    (void)state;
    build(N_PROXIES_MAX, 12);
    for (size_t i = 0; i < N_PROXIES_MAX; i++)
        snprintf(top.proxies[i].label, sizeof(top.proxies[i].label), "room-%zu", i + 1);
    char *text = print(80, 40, false);
    assert_non_null(strstr(text, "  12 -51, 13 -60, 14 -69, +9\n"));
    free(text);
    text = print(0, 0, false);
    assert_non_null(strstr(text, "  room-12 -51, room-13 -60, room-14 -69, room-15 -78, "));
    free(text);
}

static void test_all_proxies_can_be_reached(void **state)
{
    (void)state;
    build(23, 40);
    for (size_t i = 0; i < 23; i++)
        snprintf(top.proxies[i].label, sizeof(top.proxies[i].label), "room-%zu", i + 1);
    free(print(80, 24, false));
    top_view_key(&top.view, TOP_KEY_PANE);
    char *text = print(80, 24, false);
    assert_non_null(strstr(text, "\n1 to 11 of 23 proxies  (Tab scrolls the devices)\n"));
    free(text);
    top_view_key(&top.view, TOP_KEY_LAST);
    text = print(80, 24, false);
    assert_non_null(strstr(text, "\n13 to 23 of 23 proxies"));
    assert_int_equal(strncmp(line_of(text, 2), "room-13 ", 8), 0);
    assert_int_equal(strncmp(line_of(text, 12), "room-23 ", 8), 0);
    free(text);
    bring_down(&top.proxies[22]);
    top_view_key(&top.view, TOP_KEY_FIRST);
    top_view_key(&top.view, TOP_KEY_PANE);
    text = print(80, 24, false);
    assert_int_equal(strncmp(line_of(text, 2), "room-23 ", 8), 0);
    assert_non_null(strstr(text, "(Tab scrolls them)"));
    free(text);
    top_view_key(&top.view, TOP_KEY_PANE);
    free(print(80, 60, false)); /* all of it is seen */
    assert_false(top.view.proxies_focused);
}

static void test_long_holders_leave_room_for_others(void **state)
{
    (void)state;
    build(1, 1);
    snprintf(top.proxies[0].holders, sizeof(top.proxies[0].holders),
             "Reading lamp, A4:C1:38:00:00:00, A4:C1:38:00:00:01");
    char *text = print(60, 24, false);
    assert_string_equal(line_of(text, 3), "  held by Reading lamp, A4:C1:38:00:00:00, A4:C1:38:00:00:01");
    free(text);
    text = print(59, 24, false);
    assert_string_equal(line_of(text, 3), "  held by Reading lamp, A4:C1:38:00:00:00, +1");
    free(text);
}

static void assert_order(enum top_sort sort, const char *title, unsigned first, unsigned second,
                         unsigned third)
{
    build(1, 3);
    snprintf(top.devices[0].name, sizeof(top.devices[0].name), "%s", "");
    snprintf(top.devices[1].name, sizeof(top.devices[1].name), "b");
    snprintf(top.devices[2].name, sizeof(top.devices[2].name), "a");
    top.devices[0].strength_dbm = -60, top.devices[1].strength_dbm = -50, top.devices[2].strength_dbm = -70;
    top.devices[0].age_s = 2, top.devices[1].age_s = 3, top.devices[2].age_s = 1;
    top.devices[0].interval_s = 9, top.devices[1].interval_s = 0, top.devices[2].interval_s = 10;
    top.view.sort = sort;
    char *text = print(80, 24, false);
    assert_non_null(strstr(text, title));
    free(text);
    assert_int_equal(top.devices[0].address & 0xff, first);
    assert_int_equal(top.devices[1].address & 0xff, second);
    assert_int_equal(top.devices[2].address & 0xff, third);
}

static void test_orders(void **state)
{
    (void)state;
    assert_order(TOP_BY_STRENGTH, "by strength", 1, 0, 2);
    assert_order(TOP_BY_NAME, "by name", 2, 1, 0);
    assert_order(TOP_BY_AGE, "by age", 2, 0, 1);
    assert_order(TOP_BY_INTERVAL, "by interval", 0, 2, 1);
}

static void test_scrolling_ends_at_the_end(void **state)
{
    (void)state;
    build(1, N_DEVICES);
    top_view_key(&top.view, TOP_KEY_LAST);
    char *text = print(80, 24, false);
    assert_int_equal(top.view.devices.first, N_DEVICES - top.view.devices.page);
    assert_non_null(strstr(text, ", 24 to 40"));
    assert_int_equal(count_lines(text), 24);
    free(text);
    top_view_key(&top.view, TOP_KEY_UP);
    text = print(80, 24, false);
    assert_non_null(strstr(text, ", 23 to 39"));
    free(text);
    free(print(80, 60, false)); /* all of it is seen */
    assert_int_equal(top.view.devices.first, 0);
}

static void test_pausing_and_help_are_told(void **state)
{
    (void)state;
    build(1, 1);
    top.view.paused = true;
    char *text = print(80, 24, false);
    assert_non_null(strstr(text, "PAUSED"));
    free(text);
    top.view.help = true;
    text = print(80, 24, false);
    assert_non_null(strstr(text, "PAUSED"));
    assert_non_null(strstr(text, "1 device by strength"));
    assert_non_null(strstr(text, "s sorts"));
    assert_non_null(strstr(text, "*: its owner"));
    free(text);
    build(12, 3);
    top.view.help = true;
    text = print(80, 24, false);
    assert_non_null(strstr(text, "HEARD BY: its owner first"));
    free(text);
    assert_fits_everywhere();
}

static void test_elsewhere_than_in_a_window_all_of_it_is_told(void **state)
{
    (void)state;
    build(12, N_DEVICES);
    bring_down(&top.proxies[11]);
    for (size_t i = 0; i < 12; i++)
        top.proxies[i].label[0] = (char)('a' + i);
    char *text = print(0, 0, false);
    assert_int_equal(count_lines(text), 1 + 1 + 12 + 1 + 1 + 1 + N_DEVICES);
    assert_non_null(strstr(text, "cannot connect to 192.0.2.1: No route to host"));
    assert_null(strstr(text, "quits"));
    free(text);
}

static int setup(void **state)
{
    (void)state;
    text_init();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_fits_every_window),
        cmocka_unit_test(test_any_number_of_proxies_fits),
        cmocka_unit_test(test_wide_and_hostile_names_fit),
        cmocka_unit_test(test_the_first_line_tells_what_is_wrong),
        cmocka_unit_test(test_a_line_of_details_where_the_window_is_not_wide),
        cmocka_unit_test(test_where_not_all_details_fit_those_of_the_worst_do),
        cmocka_unit_test(test_of_too_many_proxies_those_in_trouble_are_shown),
        cmocka_unit_test(test_strengths_are_columns_while_there_is_room),
        cmocka_unit_test(test_columns_have_what_tells_proxies_apart),
        cmocka_unit_test(test_lists_have_what_tells_proxies_apart),
        cmocka_unit_test(test_all_proxies_can_be_reached),
        cmocka_unit_test(test_long_holders_leave_room_for_others),
        cmocka_unit_test(test_orders),
        cmocka_unit_test(test_scrolling_ends_at_the_end),
        cmocka_unit_test(test_pausing_and_help_are_told),
        cmocka_unit_test(test_elsewhere_than_in_a_window_all_of_it_is_told),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
