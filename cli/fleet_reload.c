/* SPDX-License-Identifier: MIT */
#include "cli.h"
#include "difference.h"
#include "fleet.h"
#include "lock.h"
#include "log.h"
#include "settings.h"

#include <stdlib.h>
#include <unistd.h>

/* A proxy that is not wanted any more, until it has said goodbye. */
struct leaving {
    struct fleet *fleet;
    struct bleproxy_manager *manager; /* NULL: it has */
    int lock;
};

static void let_go(struct leaving *leaving)
{
    struct bleproxy_manager *manager = leaving->manager;
    leaving->manager = NULL; /* freeing it may call on_left() */
    bleproxy_manager_free(manager);
    if (leaving->lock != LOCK_NONE)
        close(leaving->lock);
    leaving->lock = LOCK_NONE;
}

/* Only then: a proxy that is spoken to in another way now is among both, and is locked by us. */
static void start_new(struct fleet *fleet)
{
    free(fleet->leaving);
    fleet->leaving = NULL;
    fleet->n_leaving = 0;
    for (size_t i = 0; i < fleet->n_members; i++) {
        struct member *member = &fleet->members[i];
        if (!member->is_new)
            continue;
        member->is_new = false;
        member_start(member);
    }
    if (fleet->reload_again)
        fleet_reload(fleet);
}

static void on_left(void *user, int error)
{
    (void)error;
    struct leaving *leaving = user;
    struct fleet *fleet = leaving->fleet;
    if (!fleet)
        return;
    let_go(leaving);
    for (size_t i = 0; i < fleet->n_leaving; i++)
        if (fleet->leaving[i].manager)
            return;
    start_new(fleet);
}

/* Not found out before all are asked, as one may be gone at once. */
static void begin_to_leave(struct fleet *fleet)
{
    size_t n = 0;
    for (size_t i = 0; i < fleet->n_leaving; i++) {
        struct leaving *leaving = &fleet->leaving[i];
        if (leaving->manager && bleproxy_manager_stop(leaving->manager, on_left, leaving) == 0)
            n++;
        else
            let_go(leaving);
    }
    if (n == 0)
        start_new(fleet);
}

void fleet_forget_leaving(struct fleet *fleet)
{
    for (size_t i = 0; i < fleet->n_leaving; i++) {
        fleet->leaving[i].fleet = NULL;
        let_go(&fleet->leaving[i]);
    }
    free(fleet->leaving);
    fleet->leaving = NULL;
    fleet->n_leaving = 0;
}

/* Takes the member's manager and lock. */
static void leave(struct fleet *fleet, struct member *member)
{
    if (member->manager)
        bleproxy_manager_watch(member->manager, NULL, NULL);
    if (member->is_ready && fleet->on_down)
        fleet->on_down(fleet->user, member);
    fleet->leaving[fleet->n_leaving++] =
        (struct leaving){.fleet = fleet, .manager = member->manager, .lock = member->lock};
}

/* Proxies that -p names are not to be taken for addresses suddenly. */
static bool has_those_named(const struct fleet *fleet, const struct proxies *next)
{
    for (size_t i = 0; fleet->options->n_proxies > 0 && i < fleet->proxies.n_targets; i++) {
        const struct target *target = &fleet->proxies.targets[i];
        if (target->configured && !config_find(&next->config, target->config.name)) {
            log_say("the proxy '%s', which was given with -p, is no longer in the configuration",
                    target->config.name);
            return false;
        }
    }
    return true;
}

struct change {
    struct proxies next;
    struct member *members;
    struct leaving *leaving;
    size_t *from; /* of each member: where it was */
    bool *stays;  /* of each old one */
};

static void change_deinit(struct change *change)
{
    proxies_deinit(&change->next);
    free(change->members);
    free(change->leaving);
    free(change->from);
    free(change->stays);
}

/* All that can fail, before anything is changed. */
static int prepare(struct fleet *fleet, struct change *change)
{
    int r = proxies_init(&change->next, fleet->options);
    if (r != CLI_DONE)
        return r;
    if (!has_those_named(fleet, &change->next))
        return CLI_USAGE;
    size_t n = change->next.n_targets;
    change->members = calloc(n + 1, sizeof(*change->members));
    change->leaving = calloc(fleet->n_members + 1, sizeof(*change->leaving));
    change->from = calloc(n + 1, sizeof(*change->from));
    change->stays = calloc(fleet->n_members + 1, sizeof(*change->stays));
    if (!change->members || !change->leaving || !change->from || !change->stays) {
        log_say("%s", bleproxy_strerror(BLEPROXY_E_NOMEM));
        return CLI_INTERNAL;
    }
    r = settings_change(fleet->hub, &fleet->proxies.config, &change->next.config);
    if (r < 0) {
        log_say("%s", bleproxy_strerror(r));
        return CLI_INTERNAL;
    }
    const struct bleproxy_hub_options own = {.reference = fleet->reference};
    bleproxy_hub_set_reference(fleet->hub, settings_options(&change->next.config, &own).reference);
    return CLI_DONE;
}

/* Members are in the order of the targets. */
static void carry_out(struct fleet *fleet, struct change *change)
{
    size_t n = change->next.n_targets;
    difference_match(fleet->proxies.targets, fleet->n_members, change->next.targets, n, change->from);
    fleet->had_worked |= fleet_has_worked(fleet);
    for (size_t i = 0; i < n; i++) {
        struct member *member = &change->members[i];
        if (change->from[i] == DIFFERENCE_NEW) {
            *member = (struct member){.fleet = fleet, .is_new = true, .lock = LOCK_NONE};
        } else {
            *member = fleet->members[change->from[i]];
            change->stays[change->from[i]] = true;
            if (member->manager)
                member_watch(member);
        }
        member->target = &change->next.targets[i];
        member_label(member);
    }
    fleet->leaving = change->leaving;
    for (size_t i = 0; i < fleet->n_members; i++)
        if (!change->stays[i])
            leave(fleet, &fleet->members[i]);
    free(fleet->members);
    proxies_deinit(&fleet->proxies);
    fleet->members = change->members;
    fleet->n_members = n;
    fleet->proxies = change->next;
    change->members = NULL;
    change->leaving = NULL;
    change->next = (struct proxies){0};
    if (fleet->on_reload)
        fleet->on_reload(fleet->user, change->from, n);
}

void fleet_reload(struct fleet *fleet)
{
    struct change change = {0};
    fleet->reload_again = fleet->leaving != NULL; /* one at a time */
    if (fleet->reload_again)
        return;
    if (prepare(fleet, &change) == CLI_DONE) {
        carry_out(fleet, &change);
        fleet->reloaded = true;
        begin_to_leave(fleet);
    } else {
        log_say("the configuration is not read anew: what was in force stays");
    }
    change_deinit(&change);
}
