/* SPDX-License-Identifier: MIT */
#ifndef CONFIG_FILE_H
#define CONFIG_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* Reads a whole file, or pipe, of at most max bytes into memory with a NUL behind it, leaving no copy of what
 * may be secret elsewhere. 0, BLEPROXY_E_NOT_FOUND, BLEPROXY_E_IO (errno says why), BLEPROXY_E_LIMIT,
 * BLEPROXY_E_NOMEM. */
int file_read(const char *path, size_t max, char **ret_text, size_t *ret_size);
/* Makes a file that was not there, for its owner only, and directories that are missing. It is there as a whole or not at all,
 * and on return it would survive the loss of power. 0, BLEPROXY_E_STATE (there is one already), BLEPROXY_E_IO: errno says why, and there is none. */
int file_create(const char *path, const char *text, size_t size);
/* Replaces a file as a whole, or makes it as file_create() does; a link stays one. Mode and, where that is allowed, owner
 * are kept, and a file that may not be written is left alone. 0, BLEPROXY_E_IO (errno says why; it is as it was),
 * BLEPROXY_E_NOMEM. */
int file_replace(const char *path, const char *text, size_t size);
/* Keeps others that do the same from reading and replacing a file meanwhile; makes the directories that it lacks. 0 with
 * *ret_lock, to be closed, -1 where nothing can be locked; BLEPROXY_E_IO: errno says why, EAGAIN when somebody has had it for
 * seconds; BLEPROXY_E_NOMEM. */
int file_lock(const char *path, int *ret_lock);
/* Whether it is a file that every user of the machine may read or write; not so if that cannot be found out. */
bool file_is_public(const char *path);
/* Wipes size bytes of text and frees it. text may be NULL. */
void file_free(char *text, size_t size);

#endif
