/* SPDX-License-Identifier: MIT */
/* Multicast DNS on the sockets of this host's loopback interface, with a responder in the same loop. */
#include "patience.h"
#include "support.h"

#include "discovery/announcement.h"
#include "engine/mdns.h"
#include "engine/netwatch.h"
#include "engine/resolver.h"
#include <arpa/inet.h>
#include <bleproxy/discovery.h>
#include <bleproxy/uv.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Everything on the caller's own loop. */
struct scene {
    uv_loop_t uv;
    struct bleproxy_loop *loop;
    uv_poll_t poll;
    uv_timer_t timer;
    int fd;
    char label[64], name[DNS_NAME_SIZE];
    struct bleproxy_browse *browse;
    struct resolution *resolution;
    unsigned n_asked, n_found, n_gone, n_resolved, n_woken;
    struct net_address address;
    char first_address[64];
    bool frees_browse, frees_loop;
    struct mdns_waker waker;
};

static void respond(struct scene *scene, const struct sockaddr_in *to, uint32_t ttl_s)
{
    struct dns_writer writer;
    struct dns_record pointer = {.type = DNS_PTR, .name = ESPHOME_SERVICE, .ttl_s = ttl_s};
    struct dns_record location = {.type = DNS_SRV, .ttl_s = 120, .port = 6053};
    struct dns_record address = {.type = DNS_A, .ttl_s = 120, .address = {127, 0, 0, 77}};
    assert_true(dns_name_make(pointer.target, scene->label, strlen(scene->label), ESPHOME_SERVICE));
    snprintf(location.name, sizeof(location.name), "%s", pointer.target);
    snprintf(location.target, sizeof(location.target), "%s", scene->name);
    snprintf(address.name, sizeof(address.name), "%s", scene->name);
    dns_write(&writer, 0, true);
    assert_int_equal(dns_write_record(&writer, &pointer), 0);
    assert_int_equal(dns_write_record(&writer, &location), 0);
    assert_int_equal(dns_write_record(&writer, &address), 0);
    assert_int_equal(
        sendto(scene->fd, writer.bytes, writer.size, 0, (const struct sockaddr *)to, sizeof(*to)),
        (ssize_t)writer.size);
}

static const struct sockaddr_in *group(void)
{
    static struct sockaddr_in group = {.sin_family = AF_INET};
    group.sin_port = htons(DNS_PORT);
    group.sin_addr.s_addr = htonl(0xe00000fb);
    return &group;
}

static void on_question(uv_poll_t *poll, int status, int events)
{
    struct scene *scene = poll->data;
    uint8_t datagram[DNS_MESSAGE_MAX];
    struct sockaddr_in from;
    socklen_t size = sizeof(from);
    (void)status, (void)events;
    ssize_t n =
        recvfrom(scene->fd, datagram, sizeof(datagram), MSG_DONTWAIT, (struct sockaddr *)&from, &size);
    struct dns_reader reader;
    struct dns_question question;
    if (n <= 0 || dns_read(&reader, datagram, (size_t)n) < 0 || reader.is_response)
        return;
    while (dns_next_question(&reader, &question)) {
        if (!dns_name_equals(question.name, scene->name) && !dns_name_equals(question.name, ESPHOME_SERVICE))
            continue;
        scene->n_asked++;
        respond(scene, ntohs(from.sin_port) == DNS_PORT ? group() : &from, 120);
        return;
    }
}

static int open_responder(void)
{
    int one = 1;
    struct ip_mreqn membership = {.imr_ifindex = (int)if_nametoindex("lo")};
    struct sockaddr_in any = {.sin_family = AF_INET};
    membership.imr_multiaddr = group()->sin_addr;
    any.sin_port = htons(DNS_PORT);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)), 0);
    if (bind(fd, (const struct sockaddr *)&any, sizeof(any)) < 0 ||
        setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &membership, sizeof(membership)) < 0 ||
        setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &membership, sizeof(membership)) < 0 ||
        sendto(fd, "", 1, 0, (const struct sockaddr *)group(), sizeof(*group())) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static int set_up(void **state)
{
    static struct scene scene;
    static unsigned number;
    memset(&scene, 0, sizeof(scene));
    snprintf(scene.label, sizeof(scene.label), "mdns-test-%d-%u", (int)getpid(), number++);
    snprintf(scene.name, sizeof(scene.name), "%s.local", scene.label);
    scene.fd = open_responder();
    *state = &scene;
    if (scene.fd < 0)
        return 0;
    assert_int_equal(uv_loop_init(&scene.uv), 0);
    assert_int_equal(bleproxy_loop_new_uv(&scene.uv, NULL, &scene.loop), 0);
    uv_poll_init(&scene.uv, &scene.poll, scene.fd);
    scene.poll.data = &scene;
    uv_poll_start(&scene.poll, UV_READABLE, on_question);
    uv_timer_init(&scene.uv, &scene.timer);
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    if (scene->fd < 0)
        return 0;
    bleproxy_browse_free(scene->browse);
    if (scene->resolution)
        resolver_cancel(scene->resolution);
    mdns_waker_stop(&scene->waker);
    bleproxy_loop_free(scene->loop);
    uv_close((uv_handle_t *)&scene->poll, NULL);
    uv_close((uv_handle_t *)&scene->timer, NULL);
    uv_run(&scene->uv, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&scene->uv), 0); /* nothing of ours is left on it */
    close(scene->fd);
    return 0;
}

/* Where port 5353 or loopback cannot be had nothing can be shown. */
static struct scene *scene_of(void **state)
{
    struct scene *scene = *state;
    if (scene->fd < 0)
        skip();
    return scene;
}

static void on_patience(uv_timer_t *timer)
{
    (void)timer;
    fail_msg("it never came about");
}

static void turn_until(struct scene *scene, const unsigned *count, unsigned wanted)
{
    uv_timer_start(&scene->timer, on_patience, PATIENCE_MS, 0);
    while (*count < wanted)
        uv_run(&scene->uv, UV_RUN_ONCE);
    uv_timer_stop(&scene->timer);
}

static void on_device(void *user, enum bleproxy_browse_event event, const struct bleproxy_discovered *device)
{
    struct scene *scene = user;
    if (strcmp(device->name, scene->label) != 0)
        return;
    if (event == BLEPROXY_BROWSE_GONE) {
        scene->n_gone++;
        return;
    }
    scene->n_found++;
    assert_int_equal(device->port, 6053);
    assert_string_equal(device->host, scene->name);
    assert_int_equal(strncmp(device->instance, scene->label, strlen(scene->label)), 0);
    assert_int_equal(device->n_addresses, 1);
    snprintf(scene->first_address, sizeof(scene->first_address), "%s", device->addresses[0]);
    if (scene->frees_browse) {
        bleproxy_browse_free(scene->browse);
        bleproxy_browse_free(scene->browse);
        scene->browse = NULL;
    }
    if (scene->frees_loop) {
        bleproxy_loop_free(scene->loop);
        scene->loop = NULL;
    }
}

static void browse(struct scene *scene)
{
    assert_int_equal(bleproxy_browse_new(scene->loop, NULL, scene, &scene->browse), BLEPROXY_E_INVALID);
    assert_int_equal(bleproxy_browse_new(scene->loop, on_device, scene, &scene->browse), 0);
}

static void test_a_device_is_found_and_says_goodbye(void **state)
{
    struct scene *scene = scene_of(state);
    browse(scene);
    turn_until(scene, &scene->n_found, 1);
    assert_string_equal(scene->first_address, "127.0.0.77");
    uv_poll_stop(&scene->poll); /* what it has not answered yet would bring it back */
    respond(scene, group(), 0);
    turn_until(scene, &scene->n_gone, 1);
}

static void test_browsing_ends_from_within(void **state)
{
    struct scene *scene = scene_of(state);
    scene->frees_browse = true;
    browse(scene);
    turn_until(scene, &scene->n_found, 1);
    assert_null(scene->browse);
}

static void test_the_loop_is_freed_while_a_device_is_told_of(void **state)
{
    struct scene *scene = scene_of(state);
    scene->frees_browse = scene->frees_loop = true;
    browse(scene);
    turn_until(scene, &scene->n_found, 1);
}

static void on_resolved(void *user, const struct net_address *addresses, size_t n, int error, const char *why)
{
    struct scene *scene = user;
    scene->resolution = NULL;
    assert_int_equal(error, 0);
    assert_null(why);
    assert_true(n >= 1);
    scene->address = addresses[0];
    scene->n_resolved++;
    if (scene->frees_loop) {
        bleproxy_loop_free(scene->loop);
        scene->loop = NULL;
    }
}

static void resolve(struct scene *scene)
{
    assert_int_equal(resolver_start(scene->loop, scene->name, 6054, on_resolved, scene, &scene->resolution),
                     0);
    assert_int_equal(scene->n_resolved, 0);
}

static void test_a_name_is_resolved_and_remembered(void **state)
{
    struct scene *scene = scene_of(state);
    struct net_address known[DIAL_ADDRESSES_MAX];
    assert_int_equal(resolver_known(scene->loop, scene->name, 6054, known), 0);
    resolve(scene);
    turn_until(scene, &scene->n_resolved, 1);
    assert_int_equal(scene->address.family, 4);
    assert_int_equal(scene->address.bytes[3], 77);
    assert_int_equal(scene->address.port, 6054);
    assert_int_equal(resolver_known(scene->loop, scene->label, 6055, known), 1);
    assert_int_equal(known[0].bytes[3], 77);
    assert_int_equal(known[0].port, 6055);
}

static void test_the_loop_is_freed_when_a_name_is_resolved(void **state)
{
    struct scene *scene = scene_of(state);
    scene->frees_loop = true;
    resolve(scene);
    turn_until(scene, &scene->n_resolved, 1);
}

static void test_a_look_up_that_is_cancelled_tells_nothing(void **state)
{
    struct scene *scene = scene_of(state);
    resolve(scene);
    turn_until(scene, &scene->n_asked, 1);
    resolver_cancel(scene->resolution);
    scene->resolution = NULL;
    resolve(scene);
    turn_until(scene, &scene->n_resolved, 1);
    assert_int_equal(scene->n_resolved, 1);
}

static void on_wake(void *user)
{
    struct scene *scene = user;
    scene->n_woken++;
    mdns_waker_stop(&scene->waker);
    mdns_waker_stop(&scene->waker);
}

static void test_an_announcement_wakes_once(void **state)
{
    struct scene *scene = scene_of(state);
    mdns_waker_start(&scene->waker, mdns_get(scene->loop), scene->name, on_wake, scene);
    uv_timer_start(&scene->timer, on_patience, PATIENCE_MS, 0);
    while (scene->n_woken == 0) {
        respond(scene, group(), 120); /* until it listens */
        uv_run(&scene->uv, UV_RUN_ONCE);
    }
    uv_timer_stop(&scene->timer);
    assert_int_equal(scene->n_woken, 1);
}

/* Whoever only listens has nothing to wait for. */
static void test_a_waker_does_not_keep_the_loop_running(void **state)
{
    struct scene *scene = scene_of(state);
    struct bleproxy_loop *loop;
    struct mdns_waker waker;
    assert_int_equal(bleproxy_loop_new(NULL, &loop), 0);
    mdns_waker_start(&waker, mdns_get(loop), scene->name, on_wake, scene);
    bleproxy_loop_run(loop);
    mdns_waker_stop(&waker);
    bleproxy_loop_free(loop);
}

/* While nothing changes it is not woken either. */
static void test_a_waker_costs_no_wakeups(void **state)
{
    struct scene *scene = scene_of(state);
    struct netwatch watch = {0};
    netwatch_start(&watch, &scene->uv, on_wake, scene);
    bool is_told = netwatch_is_on(&watch);
    netwatch_stop(&watch);
    if (!is_told)
        skip(); /* interfaces are looked at by the clock */
    mdns_waker_start(&scene->waker, mdns_get(scene->loop), scene->name, on_wake, scene);
    do
        uv_run(&scene->uv, UV_RUN_NOWAIT);
    while (uv_backend_timeout(&scene->uv) == 0);
    assert_int_equal(uv_backend_timeout(&scene->uv), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_device_is_found_and_says_goodbye, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_browsing_ends_from_within, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_loop_is_freed_while_a_device_is_told_of, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_name_is_resolved_and_remembered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_loop_is_freed_when_a_name_is_resolved, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_look_up_that_is_cancelled_tells_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_announcement_wakes_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_waker_does_not_keep_the_loop_running, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_waker_costs_no_wakeups, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
