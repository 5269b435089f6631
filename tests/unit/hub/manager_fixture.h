/* SPDX-License-Identifier: MIT */
#ifndef TESTS_HUB_MANAGER_FIXTURE_H
#define TESTS_HUB_MANAGER_FIXTURE_H

#include "support.h"

#include "hub/manager.h"
#include "hub/scanner.h"
#include "hub/slots.h"
#include "session/gatt.h"
#include <bleproxy/error.h>
#include <string.h>

/* A manager, the hub that it works for, and the world around it, which is the test. */

#define HELLO_RESPONSE "0016020801100f1a08323032362e382e3022067670726f7879"
#define DEVICE_INFO                                                                                          \
    "006e0a12067670726f78791a1141433a42433a33323a38393a30453a41382208323032362e382e302a15417567203231203230" \
    "32362c2031383a34313a343632077669727475616c6204486f73746a07562050726f787978ff0192011141433a42433a33323a" \
    "38393a30453a4141980101"
#define CAPABILITIES        "001896010a1608ff01121141433a42433a33323a38393a30453a4141"
#define DISCONNECT_REQUEST  "000005"
#define DISCONNECT_RESPONSE "000006"
#define REFUSED_PASSWORD    "0002040801"
#define RAW_ADVERT          "00215d0a1f08b3c4c4c09398291085012212020106030316180a09544553542d30303031"

/* About the device A2:C1:38:11:22:33, which draw() has an inquiry ask for; and what a proxy answers to everybody. */
#define REFUSED_READ "00155208b3c4c4c093d828100118ffffffffffffffffff01"
#define PONG         "000008"

struct completion {
    unsigned count;
    int error;
};

/* How far reach() goes: each stage includes those before it. */
enum stage { NEW, LOOKING_UP, DIALLING, GREETING, DESCRIBING, WIRED };

struct fixture {
    struct test_env test;
    struct hub *hub;
    struct manager *manager;
    uint64_t now_ns;
    bool resolving, open;
    unsigned attempt, n_open, n_pending;
    size_t n_unsent; /* at the last close */
    struct completion started, stopped;

    const char *act_in; /* in this callback, once ... */
    void (*act)(struct fixture *f);

    enum bleproxy_proxy_state states[32];
    unsigned n_states;
    int why; /* of the last state that had a reason */
    char text[SESSION_END_TEXT_MAX];

    unsigned n_lost; /* disconnect callbacks that ran */
    bool was_available, was_registered;
    enum bleproxy_hearing hearing; /* as on_hearing told */
    unsigned n_hearings;
    struct slot_waiter waiter;
    unsigned n_failed; /* calls that told it so */
    struct session_link link;
    unsigned n_links_ended;
};

extern const struct manager_ops manager_world;

/* The manager is new, and called kitchen. */
int setup(void **state);
int teardown(void **state);
void new_manager(struct fixture *f, const char *label);

/* In the callback act_in, once, act() is called. */
void maybe_act(struct fixture *f, const char *callback);
/* user is the fixture. */
void on_started(void *user, int error, uint64_t now_ns);
void on_stopped(void *user, int error, uint64_t now_ns);
/* user is a struct completion, whose error is that it was not opened. */
void on_window_done(void *user, bool opened, uint64_t now_ns);

size_t n_registered(const struct fixture *f);
bool is_in(const struct fixture *f, enum bleproxy_proxy_state state);

/* Leads the manager on as far as the stage, answering for the world. Callbacks may free it and set it to NULL. */
void reach(struct fixture *f, enum stage stage);

/* It is wired, hears, and answers the first inquiry. */
void reach_hearing(struct fixture *f);
void draw(struct fixture *f);

void feed(struct fixture *f, const char *text);
void answer_look_up(struct fixture *f);
void lose_connection(struct fixture *f);

/* As one wait: what is due before is late. */
void wait_for(struct fixture *f, uint64_t delay_ns);

/* All that is due within that time; the proxy answers pings. */
void pass(struct fixture *f, uint64_t seconds);

/* on_lost and the like count what is told of the next loss. */
void watch_loss(struct fixture *f);

/* What is pending, and that it is sent. */
bool writes(struct fixture *f, const char *text);
void send_all(struct fixture *f);

void free_manager(struct fixture *f);
void stop_manager(struct fixture *f);

#endif
