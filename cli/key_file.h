/* SPDX-License-Identifier: MIT */
#ifndef CLI_KEY_FILE_H
#define CLI_KEY_FILE_H

#include <bleproxy/key.h>
#include <stddef.h>

/* Files that hold the key of a proxy, as `noise_psk_file` names them. */

/* "DIRECTORY/NAME.key" beside the configuration, or in "DIRECTORY/keys" where that is and the former is not; in the name
 * only what is harmless in a file's. CLI_DONE, or an exit code after saying why. */
int key_file_path(const char *config_path, const char *name, char *path, size_t size);
/* As the configuration names the file: without the directory when that is its own, or keys below it, else from the root. To be
 * freed; NULL: out of memory. */
char *key_file_reference(const char *config_path, const char *path);
/* CLI_DONE; CLI_NOT_FOUND: there is none; else another exit code after saying why. */
int key_file_read(const char *path, char ret_key[BLEPROXY_KEY_TEXT_SIZE]);
/* Makes the file, for its owner only, and on return it would survive the loss of power. One that is there is never
 * replaced. CLI_DONE, or an exit code after saying why. */
int key_file_write(const char *path, const char *key);

#endif
