/* SPDX-License-Identifier: MIT */
#include "inherit.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

/* Before Linux 5.11. */
static void mark_each(int from)
{
    DIR *directory = opendir("/proc/self/fd");
    if (!directory)
        return;
    for (struct dirent *entry; (entry = readdir(directory));) {
        int fd = atoi(entry->d_name);
        if (fd >= from)
            fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
    closedir(directory);
}

void inherit_only_below(int fd)
{
#ifdef SYS_close_range
    if (syscall(SYS_close_range, (unsigned)fd, UINT_MAX, CLOSE_RANGE_CLOEXEC) == 0)
        return;
#endif
    mark_each(fd);
}
