/* SPDX-License-Identifier: MIT */
#ifndef TESTS_ENGINE_PATIENCE_H
#define TESTS_ENGINE_PATIENCE_H

#include <bleproxy/bleproxy.h>

/* For what should take a moment, on a slow machine under sanitizers. */
enum { PATIENCE_MS = 60000 };

/* The test fails if this is not freed before that time. */
struct bleproxy_timer *patience_new(struct bleproxy_loop *loop);
/* Runs the loop, which is stopped whenever something has happened, until *what is at least count. */
void run_until(struct bleproxy_loop *loop, const int *what, int count);

#endif
