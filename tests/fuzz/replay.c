/* SPDX-License-Identifier: MIT */
/* Runs a fuzz target over a corpus without a fuzzer: replay DIRECTORY. One TAP subtest a file. */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>

enum { PREFIXES_UP_TO = 1024 };

static uint8_t *read_file(const char *directory, const char *name, size_t *ret_size)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) {
        perror(path);
        exit(1);
    }
    size_t size = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(size > 0 ? size : 1);
    if (!bytes || fread(bytes, 1, size, file) != size) {
        perror(path);
        exit(1);
    }
    fclose(file);
    *ret_size = size;
    return bytes;
}

/* From a block of exactly that size, so that the sanitizer sees every overrun. */
static void run(const uint8_t *bytes, size_t size)
{
    uint8_t *exact = malloc(size > 0 ? size : 1);
    if (!exact)
        exit(1);
    memcpy(exact, bytes, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
    struct dirent **entries;
    int n = argc == 2 ? scandir(argv[1], &entries, is_visible, alphasort) : -1;
    if (n <= 0) {
        fprintf(stderr, "usage: %s DIRECTORY (with files in it)\n", argv[0]);
        return 2;
    }
    printf("1..%d\n", n);
    for (int i = 0; i < n; i++) {
        size_t size;
        uint8_t *bytes = read_file(argv[1], entries[i]->d_name, &size);
        run(bytes, size);
        for (size_t prefix = 0; size <= PREFIXES_UP_TO && prefix < size; prefix++)
            run(bytes, prefix);
        printf("ok %d - %s\n", i + 1, entries[i]->d_name);
        fflush(stdout);
        free(bytes);
        free(entries[i]);
    }
    free(entries);
    return 0;
}
