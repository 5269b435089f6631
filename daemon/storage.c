/* SPDX-License-Identifier: MIT */
#include "storage.h"

#include "cli/log.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int storage_init(struct storage *storage, struct bleproxy_loop *loop, const char *directory,
                 int (*fill)(void *user, struct memory *memory), void *user)
{
    *storage = (struct storage){.loop = loop, .fill = fill, .user = user};
    if (!directory)
        return 0;
    storage->directory = strdup(directory);
    if (storage->directory && asprintf(&storage->path, "%s/bleproxyd.state", directory) >= 0)
        return 0;
    free(storage->directory);
    storage->directory = storage->path = NULL;
    return -ENOMEM;
}

/* ---- Reading ---- */

static int read_fd(int fd, char **ret_bytes, size_t *ret_size)
{
    struct stat status;
    size_t size = 0;
    ssize_t n = 1;
    if (fstat(fd, &status) < 0)
        return -errno;
    if (!S_ISREG(status.st_mode) || status.st_size > MEMORY_BYTES_MAX)
        return -EINVAL;
    char *bytes = malloc((size_t)status.st_size + 1);
    if (!bytes)
        return -ENOMEM;
    while (size < (size_t)status.st_size && n > 0) {
        n = read(fd, bytes + size, (size_t)status.st_size - size);
        size += n > 0 ? (size_t)n : 0;
    }
    if (n < 0) {
        free(bytes);
        return -errno;
    }
    *ret_bytes = bytes;
    *ret_size = size;
    return 0;
}

static int read_file(const char *path, struct memory *memory)
{
    char *bytes = NULL;
    size_t size = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe has no say when we go on */
    int r = fd < 0 ? -errno : read_fd(fd, &bytes, &size);
    if (fd >= 0)
        close(fd);
    if (r == 0)
        r = memory_decode(memory, bytes, size);
    free(bytes);
    return r;
}

static void set_aside(const struct storage *storage)
{
    char *aside;
    if (asprintf(&aside, "%s.damaged", storage->path) < 0)
        return;
    if (rename(storage->path, aside) == 0)
        log_warn(NULL,
                 "the daemon's memory is damaged or of another version: it is kept as %s, and begins anew",
                 aside);
    else
        log_warn(NULL, "cannot set aside %s: %s", storage->path, strerror(errno));
    free(aside);
}

void storage_load(struct storage *storage, struct memory *ret_memory)
{
    *ret_memory = (struct memory){0};
    int r = storage->path ? read_file(storage->path, ret_memory) : 0;
    if (r == -EINVAL)
        set_aside(storage);
    storage->is_unread = r < 0 && r != -EINVAL && r != -ENOENT;
    if (storage->is_unread)
        log_warn(NULL, "cannot read %s: %s", storage->path, strerror(-r));
}

/* ---- Writing ---- */

static int write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, bytes, size);
        if (n < 0 && errno != EINTR)
            return -errno;
        bytes += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
    }
    return fsync(fd) < 0 ? -errno : 0;
}

/* So that a crash finds the old file or the new one. */
static int sync_directory(const char *directory)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = fd < 0 || fsync(fd) < 0 ? -errno : 0;
    if (fd >= 0)
        close(fd);
    return r;
}

static int replace(const struct storage *storage, const char *bytes, size_t size)
{
    char *temporary;
    if (asprintf(&temporary, "%s.XXXXXX", storage->path) < 0)
        return -ENOMEM;
    int fd = mkostemp(temporary, O_CLOEXEC); /* for its owner alone: who is at home says much */
    int r = fd < 0 ? -errno : write_all(fd, bytes, size);
    if (fd >= 0 && close(fd) < 0 && r == 0)
        r = -errno;
    if (r == 0 && rename(temporary, storage->path) < 0)
        r = -errno;
    if (fd >= 0 && r < 0)
        unlink(temporary);
    free(temporary);
    return r < 0 ? r : sync_directory(storage->directory);
}

static void save(struct storage *storage)
{
    struct memory memory = {0};
    char *bytes = NULL;
    size_t size;
    int r = storage->fill(storage->user, &memory);
    if (r >= 0)
        r = memory_encode(&memory, &bytes, &size);
    if (r >= 0)
        r = replace(storage, bytes, size);
    if (r < 0)
        log_warn(NULL, "cannot write %s: %s", storage->path, strerror(-r));
    free(bytes);
    memory_deinit(&memory);
}

static void on_due(void *user)
{
    struct storage *storage = user;
    bleproxy_timer_free(storage->timer);
    storage->timer = NULL;
    save(storage);
}

void storage_changed(struct storage *storage, bool soon)
{
    if (!storage->path || storage->is_unread || (storage->timer && (storage->is_soon || !soon)))
        return;
    bleproxy_timer_free(storage->timer);
    storage->timer = NULL;
    storage->is_soon = soon;
    bleproxy_timer_new(storage->loop, soon ? STORAGE_SOON_MS : STORAGE_LATER_MS, 0, on_due, storage,
                       &storage->timer);
}

void storage_close(struct storage *storage)
{
    if (storage->path && !storage->is_unread)
        save(storage);
    storage_abandon(storage);
}

void storage_abandon(struct storage *storage)
{
    bleproxy_timer_free(storage->timer);
    free(storage->directory);
    free(storage->path);
    *storage = (struct storage){0};
}
