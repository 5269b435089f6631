/* SPDX-License-Identifier: MIT */
#include "config/file.h"

#include <bleproxy/error.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_descriptor(int fd, char *text, size_t max, size_t *ret_size)
{
    size_t size = 0;
    while (size <= max) {
        ssize_t n = read(fd, text + size, max + 1 - size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return BLEPROXY_E_IO;
        if (n == 0) {
            *ret_size = size;
            return 0;
        }
        size += (size_t)n;
    }
    return BLEPROXY_E_LIMIT;
}

int file_read(const char *path, size_t max, char **ret_text, size_t *ret_size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return errno == ENOENT ? BLEPROXY_E_NOT_FOUND : BLEPROXY_E_IO;
    char *text = malloc(max + 1); /* once: growing it would leave copies behind */
    size_t size = 0;
    int r = text ? read_descriptor(fd, text, max, &size) : BLEPROXY_E_NOMEM;
    int why = errno;
    close(fd);
    errno = why;
    if (r < 0) {
        file_free(text, max + 1);
        return r;
    }
    text[size] = '\0';
    *ret_text = text;
    *ret_size = size;
    return 0;
}

void file_free(char *text, size_t size)
{
    if (text)
        explicit_bzero(text, size);
    free(text);
}

bool file_is_public(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & (S_IROTH | S_IWOTH));
}
