/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_TREE_H
#define DAEMON_TREE_H

#include "call.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

/* The objects that are on the bus, and what they tell. sd-bus carries the messages only: its own object tables answer with
 * other errors than BlueZ, fail as a whole where one property is absent, and list objects in the order of a hash.
 *
 * Signals wait until tree_flush(): before the loop waits, and before each reply, so that a program learns of what a call
 * has done before the call returns. What changes until then is told in one signal. */

/* What an interface has. Tables end with an entry without a name; data is the object's. Functions return 0 or a negative
 * errno. */
struct property {
    const char *name, *signature;
    int (*append)(sd_bus_message *message, void *data); /* a value of the signature */
    bool (*exists)(void *data);                         /* NULL: always; else it is left out meanwhile */
    /* Answers the call, now or later; the value is what is read from it next. NULL: it can only be read. */
    int (*set)(sd_bus_message *call, void *data);
};

struct method {
    const char *name, *in, *out;
    /* Answers the call, now or later. What it returns below 0 is answered as an error of the bus. */
    int (*call)(sd_bus_message *call, void *data);
};

struct signal {
    const char *name, *signature;
};

struct interface {
    const char *name;
    const struct property *properties; /* at most 64; NULL: none, as for the others */
    const struct method *methods;
    const struct signal *signals;
    /* Properties of passing interest, a bit each: of their changes a program misses what it does not read. */
    uint64_t passing;
};

enum { OBJECT_INTERFACES_MAX = 4 };

/* An interface of an object. */
struct facet {
    const struct interface *interface;
    void *data;
    uint64_t changed; /* properties that nobody was told of, a bit each, in the order of the table */
    bool announced;
};

struct object {
    struct tree *tree;
    char *path;
    struct facet facets[OBJECT_INTERFACES_MAX];
    size_t n_facets;
    bool dirty;    /* among those that have something to tell */
    bool is_aside; /* it is there for who knows of it, and in no list */
    struct object *parent, *first_child, *last_child, *next,
        *previous; /* children are in the order of their making */
    struct object *next_dirty;
};

struct audience;

struct tree {
    sd_bus *bus;               /* NULL: nobody is told anything */
    struct audience *audience; /* NULL: everybody is taken to read */
    struct object *root;       /* "/", with org.freedesktop.DBus.ObjectManager */
    struct object *first_dirty, *last_dirty;
    /* Sees each call before it is carried out: 1, it may be; 0, it was answered, or is kept for call_resume(); a negative
     * errno. NULL: all may. */
    int (*gate)(void *user, sd_bus_message *call, const struct object *object,
                const struct interface *interface);
    void *gate_user;
};

/* 0 or -ENOMEM. The bus is borrowed, and must be open; method calls are answered from now on. */
int tree_init(struct tree *tree, sd_bus *bus);
/* Removes all objects, without a word. Idempotent. */
void tree_deinit(struct tree *tree);

/* An object below parent; name is the last element of its path. NULL: no memory. */
struct object *object_new(struct object *parent, const char *name);
/* 0 or -ENOBUFS. Told with the next flush; an object without interfaces of its own only leads to others. */
int object_add(struct object *object, const struct interface *interface, void *data);
/* Takes an interface away again; told at once, after what waited. */
void object_drop(struct object *object, const struct interface *interface);
/* Removes it and all below it; told at once, children first, after what waited. NULL is fine. */
void object_free(struct object *object);
/* NULL: there is none. */
struct object *object_find(const struct tree *tree, const char *path);
/* Of one that may have changed: its number in the table. */
void object_changed(struct object *object, const struct interface *interface, unsigned property);
/* Tells a property's value now, after what waited, even if it is what it was. */
void object_tell(struct object *object, const struct interface *interface, unsigned property);
/* Tells that program alone what is of passing interest, as it is now. */
void object_tell_passing(struct object *object, const struct interface *interface, const char *name);
/* A signal of the interface, after what waited. */
int object_signal(struct object *object, const struct interface *interface, const char *member,
                  const char *types, ...);
/* Whether it has the interface, and with which data (may be NULL). */
bool object_has(const struct object *object, const struct interface *interface, void **ret_data);

/* Tells what waits. */
void tree_flush(struct tree *tree);

/* For standard.c, the interfaces that every object has. */
extern const struct interface introspectable_interface, properties_interface, object_manager_interface;
/* {property: value, ...}, of those that exist; only those of the mask. */
int facet_append_properties(sd_bus_message *message, const struct facet *facet, uint64_t mask);
/* {interface: {property: value}}, of those that are announced already or not, or of both. */
int object_append_interfaces(sd_bus_message *message, const struct object *object, bool only_new);
/* The one after it with parents before their children, from the root on; NULL at the end. */
struct object *object_after(const struct object *object);
/* Whether it has interfaces of its own. */
bool object_is_listed(const struct object *object);

#endif
