/* SPDX-License-Identifier: MIT */
#include "lock.h"

#include "log.h"
#include "state.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HOST_MAX = 200 };

/* The directory, made if it must be; false after a warning. */
static bool open_directory(char *path, size_t size)
{
    static bool warned;
    char runtime[PATH_MAX];
    int n =
        snprintf(path, size, "%s/bleproxy", runtime_directory(runtime, sizeof(runtime)) ? runtime : "/run");
    if (n > 0 && (size_t)n < size && (mkdir(path, 0755) == 0 || errno == EEXIST))
        return true;
    if (!warned)
        log_warn(NULL, "cannot make %s (%s): nothing keeps two commands from using one proxy", path,
                 strerror(errno));
    warned = true;
    return false;
}

/* A file name of harmless characters, the same for all spellings of a host. */
static int format_path(char *path, size_t size, const char *directory,
                       const struct bleproxy_proxy_config *proxy)
{
    char host[HOST_MAX + 1];
    size_t n = 0;
    for (const char *c = proxy->address; *c && n < HOST_MAX; c++)
        host[n++] = isalnum((unsigned char)*c) || strchr(".-:", *c) ? (char)tolower((unsigned char)*c) : '_';
    host[n] = '\0';
    return snprintf(path, size, "%s/%s:%u.lock", directory, host, proxy->port);
}

static void read_holder(int fd, char holder[LOCK_HOLDER_SIZE])
{
    char text[LOCK_HOLDER_SIZE - 20] = "";
    int pid = 0, name_at = 0;
    ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    if (sscanf(text, "%d %n", &pid, &name_at) == 1 && name_at > 0)
        snprintf(holder, LOCK_HOLDER_SIZE, "process %d (%s)", pid, text + name_at);
    else
        snprintf(holder, LOCK_HOLDER_SIZE, "another process");
}

int lock_take(const struct bleproxy_proxy_config *proxy, const char *command, int *ret_fd,
              char ret_holder[LOCK_HOLDER_SIZE])
{
    char directory[PATH_MAX], path[PATH_MAX + HOST_MAX + 16];
    *ret_fd = LOCK_NONE;
    if (!open_directory(directory, sizeof(directory)))
        return 0;
    format_path(path, sizeof(path), directory, proxy);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0) {
        log_warn(proxy->name, "cannot open %s (%s): nothing keeps another command from using it too", path,
                 strerror(errno));
        return 0;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        read_holder(fd, ret_holder);
        close(fd);
        return BLEPROXY_E_STATE;
    }
    char text[LOCK_HOLDER_SIZE - 20];
    int n = snprintf(text, sizeof(text), "%d %s\n", (int)getpid(), command);
    if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)n, 0) < 0)
        log_warn(proxy->name, "cannot write %s (%s)", path, strerror(errno));
    *ret_fd = fd;
    return 0;
}
