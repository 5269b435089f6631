/* SPDX-License-Identifier: MIT */
#include "engine/cache_file.h"

#include "base/time.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* As many databases as the cache holds, each as large as it can be, need less. */
enum { CACHE_FILE_SIZE_MAX = 16 * 1024 * 1024 };

static void cache_file_warn(const struct cache_file *file, const char *verb, const char *why)
{
    env_log(&file->loop->env, BLEPROXY_LOG_WARNING, "engine", NULL, "cannot %s the services cache %s: %s",
            verb, file->path, why);
}

/* The file's bytes in memory to be freed. 0 or -errno. */
static int cache_file_read(const char *path, uint8_t **ret_bytes, size_t *ret_size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe has no say when we go on */
    if (fd < 0)
        return -errno;
    struct stat status;
    uint8_t *bytes = NULL;
    size_t size = 0, read_size = 0;
    int r = fstat(fd, &status) < 0                 ? -errno
            : !S_ISREG(status.st_mode)             ? -EINVAL
            : status.st_size > CACHE_FILE_SIZE_MAX ? -EFBIG
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

static void cache_file_set_aside(const struct cache_file *file)
{
    char *aside;
    if (asprintf(&aside, "%s.damaged", file->path) < 0)
        return; /* the next one takes its place */
    if (rename(file->path, aside) == 0)
        env_log(&file->loop->env, BLEPROXY_LOG_WARNING, "engine", NULL,
                "the services cache is damaged or of another version: it is kept as %s, and services are "
                "discovered anew",
                aside);
    else
        cache_file_warn(file, "set aside", strerror(errno));
    free(aside);
}

static void cache_file_load(struct cache_file *file)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    int r = cache_file_read(file->path, &bytes, &size);
    if (r == -ENOENT)
        return;
    if (r < 0) {
        cache_file_warn(file, "read", strerror(-r));
        return;
    }
    r = cache_decode(file->cache, bytes, size);
    free(bytes);
    if (r == BLEPROXY_E_INVALID)
        cache_file_set_aside(file);
    else if (r < 0)
        cache_file_warn(file, "read", bleproxy_strerror(r));
}

/* 0 or -errno. */
static int cache_file_write_all(int fd, const uint8_t *bytes, size_t size)
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

/* Puts a new file in the place of the old one. 0 or -errno. */
static int cache_file_replace(const char *path, const uint8_t *bytes, size_t size)
{
    char *temporary;
    if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
        return -ENOMEM;
    int fd = mkostemp(temporary, O_CLOEXEC); /* for its owner alone: what is at home says much */
    int r = fd < 0 ? -errno : cache_file_write_all(fd, bytes, size);
    if (fd >= 0 && close(fd) < 0 && r == 0)
        r = -errno;
    if (r == 0 && rename(temporary, path) < 0)
        r = -errno;
    if (fd >= 0 && r < 0)
        unlink(temporary);
    free(temporary);
    return r;
}

static void cache_file_save(struct cache_file *file)
{
    struct buffer bytes;
    file->due_ns = BP_NEVER;
    buffer_init(&bytes, &file->loop->env, CACHE_FILE_SIZE_MAX);
    int r = cache_encode(file->cache, &bytes);
    if (r < 0) {
        cache_file_warn(file, "write", bleproxy_strerror(r));
    } else {
        r = cache_file_replace(file->path, buffer_data(&bytes), bytes.size);
        if (r < 0)
            cache_file_warn(file, "write", strerror(-r));
    }
    buffer_deinit(&bytes);
}

static void cache_file_changed(void *user)
{
    struct cache_file *file = user;
    if (file->due_ns == BP_NEVER)
        file->due_ns = time_after(loop_now(), CACHE_FILE_DELAY_MS * NS_PER_MS);
    ticker_update(&file->ticker);
}

static uint64_t cache_file_deadline(void *user)
{
    const struct cache_file *file = user;
    return file->due_ns;
}

static void cache_file_tick(void *user, uint64_t now_ns)
{
    struct cache_file *file = user;
    if (now_ns >= file->due_ns)
        cache_file_save(file);
    ticker_update(&file->ticker);
}

int cache_file_init(struct cache_file *file, struct bleproxy_loop *loop, struct cache *cache,
                    const char *path)
{
    *file = (struct cache_file){.loop = loop, .cache = cache, .due_ns = BP_NEVER};
    file->path = strdup(path);
    if (!file->path || ticker_init(&file->ticker, loop, cache_file_deadline, cache_file_tick, file) < 0) {
        free(file->path);
        file->path = NULL;
        return BLEPROXY_E_NOMEM;
    }
    cache_file_load(file);
    cache->on_change = cache_file_changed;
    cache->on_change_user = file;
    return 0;
}

void cache_file_deinit(struct cache_file *file)
{
    if (!file->path)
        return;
    if (file->due_ns != BP_NEVER)
        cache_file_save(file);
    file->cache->on_change = NULL;
    ticker_deinit(&file->ticker);
    free(file->path);
    file->path = NULL;
}
