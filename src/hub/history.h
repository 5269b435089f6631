/* SPDX-License-Identifier: MIT */
#ifndef HUB_HISTORY_H
#define HUB_HISTORY_H

#include "base/buffer.h"
#include "hub/device.h"

struct hub;
struct scanner;
struct codec_reader;

enum {
    HISTORY_SOURCES_MAX = 1024,            /* scanners that are remembered */
    HISTORY_SOURCE_BYTES_MAX = 512 * 1024, /* of one of them: some 5,000 devices */
    HISTORY_BYTES_MAX = 8 * 1024 * 1024,   /* of all */
    HISTORY_SAVE_S = 300,                  /* between two savings of it */
};

/* What scanners had heard that are not registered: a proxy that lost its connection, or the whole process, comes back
 * knowing the devices, their names and data, as long as it would have remembered them. Where a cap is reached the scanner
 * goes that has been away longest, and of one scanner the devices are left out that it heard once. */
struct history {
    const struct env *env;
    struct list sources; /* of struct history_source, away longest first */
    size_t n_sources, bytes;
    uint64_t restored_ns; /* until then, sightings may be there that were restored and not heard since */
    /* See history_watch(). */
    void (*on_due)(void *user);
    void *on_due_user;
    uint64_t due_ns, saved_reports;
};

void history_init(struct history *history, const struct env *env);
/* Idempotent. */
void history_deinit(struct history *history);

/* The scanner, still registered, is about to leave: what it remembers is kept. Out of memory: it is not. */
void history_keep(struct hub *hub, struct scanner *scanner, uint64_t now_ns);
/* The scanner has come: what is still worth remembering is put back into its empty table; into the hub's only as what a
 * further scanner knows of devices that are there. It is kept no longer. */
void history_restore(struct hub *hub, struct scanner *scanner, uint64_t now_ns);
/* The device is in the hub's table now: what scanners know of it from earlier becomes its own, name and interval too. */
void history_recall(struct hub *hub, struct bleproxy_device *device);
/* As hub_remembered(). */
const struct bleproxy_advertisement *history_find(const struct hub *hub, uint64_t address, const char *name);
/* What the device has told is forgotten. */
void history_forget(struct history *history, uint64_t address);
/* Every now and then: drops what is too old; lets it be saved. Within hub_enter() and hub_leave(). */
void history_sweep(struct hub *hub, uint64_t now_ns);

/* on_due is called from within hub_tick() when HISTORY_SAVE_S have passed and there were reports meanwhile: for who keeps
 * the history on disk. It must not touch the hub but for history_encode(). NULL: nobody does. */
void history_watch(struct hub *hub, void (*on_due)(void *user), void *user, uint64_t now_ns);
/* There were reports since on_due was last called. */
bool history_is_unsaved(const struct hub *hub);

/* What all scanners have heard, registered or not, appended as bytes for a file. wall_ns: what is to be added to a time for
 * it to mean the same in the next run. 0, BLEPROXY_E_NOMEM, BLEPROXY_E_LIMIT (out is as it was). */
int history_encode(const struct hub *hub, int64_t wall_ns, uint64_t now_ns, struct buffer *out);
/* And back, for scanners that come; into a hub that has had none. Devices that their scanner would have forgotten, or that
 * were heard in the future (one warning for all), or before this clock began, are left out. All or nothing: 0,
 * BLEPROXY_E_NOMEM, BLEPROXY_E_INVALID (damaged, or of another version). */
int history_decode(struct hub *hub, int64_t wall_ns, uint64_t now_ns, const uint8_t *bytes, size_t size);

/* ---- Between history.c and history_codec.c ---- */

/* A scanner that is not registered. */
struct history_source {
    struct list node;
    uint64_t source;
    uint64_t until_ns; /* when the last of its devices is too old */
    bool loaded;       /* from a file */
    size_t size;
    uint8_t bytes[]; /* HeardDevice messages as wire/codec.h puts them together, without a source */
};

/* Keeps the bytes. False: no memory. oldest: it has been away for longer than all others. */
bool history_put(struct history *history, uint64_t source, const struct buffer *bytes, uint64_t until_ns,
                 bool oldest, bool loaded);
bool history_has(const struct history *history, uint64_t source);

/* Appends what is known of one device, with that source and time. 0, BLEPROXY_E_NOMEM, BLEPROXY_E_LIMIT (out is as it was). */
int heard_write(struct buffer *out, const struct sighting *sighting, uint64_t source, uint64_t time_ns);
/* The devices of one scanner; codec_close() is to follow. */
void heard_open(const struct history_source *kept, const struct env *env, struct codec_reader *ret_reader);
/* CODEC_NEXT and the next device: a sighting that is no scanner's and whose view borrows from the reader until the next
 * call; 0 at the end; BLEPROXY_E_NOMEM, BLEPROXY_E_INVALID. */
int heard_read(struct codec_reader *reader, struct sighting *ret_sighting);

#endif
