/* SPDX-License-Identifier: MIT */
#ifndef CONFIG_FILE_H
#define CONFIG_FILE_H

#include <stddef.h>

/* Reads a whole file, or pipe, of at most max bytes into memory with a NUL behind it, leaving no copy of what
 * may be secret elsewhere. 0, BLEPROXY_E_NOT_FOUND, BLEPROXY_E_IO (errno says why), BLEPROXY_E_LIMIT,
 * BLEPROXY_E_NOMEM. */
int file_read(const char *path, size_t max, char **ret_text, size_t *ret_size);
/* Wipes size bytes of text and frees it. text may be NULL. */
void file_free(char *text, size_t size);

#endif
