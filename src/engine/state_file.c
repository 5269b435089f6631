/* SPDX-License-Identifier: MIT */
#include "engine/state_file.h"

#include "base/time.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* As many databases as are kept of devices, each as large as it can be, need less. */
enum { STATE_FILE_SIZE_MAX = 16 * 1024 * 1024 };

static void state_file_warn(const struct state_file *file, const char *verb, const char *why)
{
    env_log(&file->loop->env, BLEPROXY_LOG_WARNING, "engine", NULL, "cannot %s %s %s: %s", verb,
            file->codec->what, file->path, why);
}

/* The file's bytes in memory to be freed. 0 or -errno. */
static int state_file_read(const char *path, uint8_t **ret_bytes, size_t *ret_size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe has no say when we go on */
    if (fd < 0)
        return -errno;
    struct stat status;
    uint8_t *bytes = NULL;
    size_t size = 0, read_size = 0;
    int r = fstat(fd, &status) < 0                 ? -errno
            : !S_ISREG(status.st_mode)             ? -EINVAL
            : status.st_size > STATE_FILE_SIZE_MAX ? -EFBIG
                                                   : 0;
    if (r == 0) {
        size = (size_t)status.st_size;
        bytes = malloc(size + 1);
        r = bytes ? 0 : -ENOMEM;
    }
    while (r == 0 && read_size < size) {
        ssize_t n = read(fd, bytes + read_size, size - read_size);
        if (n == 0)
            break;
        if (n > 0)
            read_size += (size_t)n;
        else if (errno != EINTR)
            r = -errno;
    }
    close(fd);
    if (r < 0) {
        free(bytes);
        return r;
    }
    *ret_bytes = bytes;
    *ret_size = read_size;
    return 0;
}

static void state_file_set_aside(const struct state_file *file)
{
    char *aside;
    if (asprintf(&aside, "%s.damaged", file->path) < 0)
        return; /* the next one takes its place */
    if (rename(file->path, aside) == 0)
        env_log(&file->loop->env, BLEPROXY_LOG_WARNING, "engine", NULL,
                "%s is damaged or of another version: it is kept as %s, and %s", file->codec->what, aside,
                file->codec->without);
    else
        state_file_warn(file, "set aside", strerror(errno));
    free(aside);
}

/* False when the file is there and cannot be read. */
static bool state_file_load(struct state_file *file)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    int r = state_file_read(file->path, &bytes, &size);
    if (r == -ENOENT)
        return true;
    if (r < 0) {
        state_file_warn(file, "read", strerror(-r));
        return false;
    }
    r = file->codec->decode(file->object, bytes, size);
    free(bytes);
    if (r == BLEPROXY_E_INVALID)
        state_file_set_aside(file);
    else if (r < 0)
        state_file_warn(file, "read", bleproxy_strerror(r));
    return r == 0 || r == BLEPROXY_E_INVALID;
}

/* 0 or -errno. */
static int state_file_write_all(int fd, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, bytes, size);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0) {
            bytes += n;
            size -= (size_t)n;
        }
    }
    return fsync(fd) < 0 ? -errno : 0;
}

/* So that a crash finds the old file or the new one. 0 or -errno. */
static int state_file_sync_directory(const char *directory)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = fd < 0 || fsync(fd) < 0 ? -errno : 0;
    if (fd >= 0)
        close(fd);
    return r;
}

/* Puts a new file in the place of the old one. 0 or -errno. */
static int state_file_replace(const struct state_file *file, const uint8_t *bytes, size_t size)
{
    char *temporary;
    if (asprintf(&temporary, "%s.XXXXXX", file->path) < 0)
        return -ENOMEM;
    int fd = mkostemp(temporary, O_CLOEXEC); /* for its owner alone: what is at home says much */
    int r = fd < 0 ? -errno : state_file_write_all(fd, bytes, size);
    if (fd >= 0 && close(fd) < 0 && r == 0)
        r = -errno;
    if (r == 0 && rename(temporary, file->path) < 0)
        r = -errno;
    if (fd >= 0 && r < 0)
        unlink(temporary);
    free(temporary);
    return r < 0 ? r : state_file_sync_directory(file->directory);
}

static void state_file_write(struct state_file *file)
{
    struct buffer bytes;
    buffer_init(&bytes, &file->loop->env, STATE_FILE_SIZE_MAX);
    int r = file->codec->encode(file->object, &bytes);
    if (r < 0) {
        state_file_warn(file, "write", bleproxy_strerror(r));
    } else {
        r = state_file_replace(file, buffer_data(&bytes), bytes.size);
        if (r < 0)
            state_file_warn(file, "write", strerror(-r));
    }
    buffer_deinit(&bytes);
    if (r < 0)
        return; /* with the next change, or at the end */
    file->dirty = false;
    if (file->codec->saved)
        file->codec->saved(file->object);
}

/* Of several programs one at a time adds its changes to what the others have written, which is not overwritten when it
 * cannot be read. */
static void state_file_save_shared(struct state_file *file)
{
    int lock = open(file->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (lock >= 0 && flock(lock, LOCK_EX) < 0 && errno == EINTR)
        ;
    if (state_file_load(file))
        state_file_write(file);
    if (lock >= 0)
        close(lock);
}

static void state_file_save(struct state_file *file)
{
    file->due_ns = BP_NEVER;
    if (file->codec->shared)
        state_file_save_shared(file);
    else if (!file->unread)
        state_file_write(file);
}

void state_file_changed(void *user)
{
    struct state_file *file = user;
    file->dirty = true;
    if (file->codec->delay_ms == 0)
        state_file_save(file);
    else if (file->due_ns == BP_NEVER)
        file->due_ns = time_after(loop_now(), file->codec->delay_ms * NS_PER_MS);
    ticker_update(&file->ticker);
}

void state_file_doubted(void *user)
{
    (void)state_file_load(user);
}

static uint64_t state_file_deadline(void *user)
{
    const struct state_file *file = user;
    return file->due_ns;
}

static void state_file_tick(void *user, uint64_t now_ns)
{
    struct state_file *file = user;
    if (now_ns >= file->due_ns)
        state_file_save(file);
    ticker_update(&file->ticker);
}

static void state_file_release(struct state_file *file)
{
    ticker_deinit(&file->ticker);
    free(file->path);
    free(file->directory);
    file->path = file->directory = NULL;
}

int state_file_init(struct state_file *file, struct bleproxy_loop *loop, const char *directory,
                    const struct state_codec *codec, void *object)
{
    *file = (struct state_file){.loop = loop, .codec = codec, .object = object, .due_ns = BP_NEVER};
    file->directory = strdup(directory);
    if (!file->directory || asprintf(&file->path, "%s/%s", directory, codec->name) < 0) {
        free(file->directory);
        file->path = file->directory = NULL;
        return BLEPROXY_E_NOMEM;
    }
    if (ticker_init(&file->ticker, loop, state_file_deadline, state_file_tick, file) < 0) {
        state_file_release(file);
        return BLEPROXY_E_NOMEM;
    }
    file->unread = !state_file_load(file);
    return 0;
}

void state_file_deinit(struct state_file *file)
{
    if (!file->path)
        return;
    if (file->dirty)
        state_file_save(file);
    state_file_release(file);
}
