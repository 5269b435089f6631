/* SPDX-License-Identifier: MIT */
#include "agent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Each program has one at most. */
struct agent {
    struct agent *next;
    char *sender, *path;
};

static struct tree *tree_of(const struct agents *agents)
{
    return agents->object->tree;
}

static struct agent **find(struct agents *agents, const char *sender)
{
    struct agent **at = &agents->first;
    while (*at && strcmp((*at)->sender, sender) != 0)
        at = &(*at)->next;
    return at;
}

/* The sender's, if it is at that path; NULL: it is not. */
static struct agent **find_own(struct agents *agents, sd_bus_message *call, const char *path)
{
    struct agent **at = find(agents, sd_bus_message_get_sender(call));
    return *at && strcmp((*at)->path, path) == 0 ? at : NULL;
}

static void free_agent(struct agent *agent)
{
    if (!agent)
        return;
    free(agent->sender);
    free(agent->path);
    free(agent);
}

static struct agent *new_agent(const char *sender, const char *path)
{
    struct agent *agent = calloc(1, sizeof(*agent));
    if (!agent)
        return NULL;
    agent->sender = strdup(sender);
    agent->path = strdup(path);
    if (agent->sender && agent->path)
        return agent;
    free_agent(agent);
    return NULL;
}

static void remove_agent(struct agents *agents, struct agent **at)
{
    struct agent *agent = *at;
    *at = agent->next;
    agents->n--;
    free_agent(agent);
}

static bool is_capability(const char *text)
{
    static const char *const known[] = {
        "", "DisplayOnly", "DisplayYesNo", "KeyboardOnly", "NoInputNoOutput", "KeyboardDisplay"};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(text, known[i]) == 0)
            return true;
    return false;
}

/* ---- Methods ---- */

static int call_register(sd_bus_message *call, void *data)
{
    struct agents *agents = data;
    const char *sender = sd_bus_message_get_sender(call), *path, *capability;
    int r = sd_bus_message_read(call, "os", &path, &capability);
    if (r < 0)
        return r;
    struct agent **last = find(agents, sender);
    if (*last)
        return call_fail(tree_of(agents), call, ERROR_ALREADY_EXISTS, "Already Exists");
    if (!is_capability(capability))
        return call_fail(tree_of(agents), call, ERROR_INVALID_ARGUMENTS, "Invalid arguments in method call");
    if (agents->n == AGENTS_MAX)
        return call_fail(tree_of(agents), call, ERROR_FAILED, "too many programs have agents");
    *last = new_agent(sender, path);
    if (!*last)
        return -ENOMEM;
    agents->n++;
    return call_reply(tree_of(agents), call, "");
}

static int call_unregister(sd_bus_message *call, void *data)
{
    struct agents *agents = data;
    const char *path;
    int r = sd_bus_message_read(call, "o", &path);
    if (r < 0)
        return r;
    struct agent **at = find_own(agents, call, path);
    if (!at)
        return call_fail(tree_of(agents), call, ERROR_DOES_NOT_EXIST, "Does Not Exist");
    remove_agent(agents, at);
    return call_reply(tree_of(agents), call, "");
}

static int call_request_default(sd_bus_message *call, void *data)
{
    struct agents *agents = data;
    const char *path;
    int r = sd_bus_message_read(call, "o", &path);
    if (r < 0)
        return r;
    struct agent **at = find_own(agents, call, path);
    if (!at)
        return call_fail(tree_of(agents), call, ERROR_DOES_NOT_EXIST, "Does Not Exist");
    struct agent *agent = *at;
    *at = agent->next;
    agent->next = agents->first;
    agents->first = agent;
    return call_reply(tree_of(agents), call, "");
}

static const struct method methods[] = {
    {"RegisterAgent", "os", "", call_register},
    {"UnregisterAgent", "o", "", call_unregister},
    {"RequestDefaultAgent", "o", "", call_request_default},
    {0},
};
static const struct interface agent_manager_interface = {
    .name = "org.bluez.AgentManager1",
    .methods = methods,
};

/* ---- What becomes of it ---- */

int agents_init(struct agents *agents, struct object *object)
{
    *agents = (struct agents){.object = object};
    return object_add(object, &agent_manager_interface, agents);
}

void agents_forget(struct agents *agents, const char *sender)
{
    struct agent **at = find(agents, sender);
    if (*at)
        remove_agent(agents, at);
}

void agents_deinit(struct agents *agents)
{
    if (!agents->object)
        return;
    while (agents->first) {
        call_out(tree_of(agents), agents->first->sender, agents->first->path, "org.bluez.Agent1", "Release",
                 "");
        remove_agent(agents, &agents->first);
    }
    agents->object = NULL;
}
