/* SPDX-License-Identifier: MIT */
#ifndef CONFIG_SCHEMA_H
#define CONFIG_SCHEMA_H

#include "config/config.h"

#include <yaml.h>

/* What a YAML mapping may hold, as a table from which it is read into a struct. What the table does not name
 * is an error, with the line where it stands. A new key is a row in its table. */
enum schema_type {
    SCHEMA_TEXT,   /* char *: a scalar of 1 to max bytes, all of which print; null leaves NULL */
    SCHEMA_SECRET, /* the same; no message tells anything of the value, and it is wiped when freed */
    SCHEMA_NUMBER, /* uint32_t: a decimal number of 1 to max; null leaves 0 */
    SCHEMA_CHOICE, /* unsigned: what one of the words `choices` stands for; null leaves 0 */
    SCHEMA_BITS,   /* unsigned: what one of them, or a list of them, stand for together; null leaves 0 */
    SCHEMA_TEXTS,  /* an array of struct config_text: one text, or a list of them; null leaves it empty */
    SCHEMA_LIST,   /* an array of objects after the schema `items`, at most max; null leaves it empty */
    SCHEMA_OBJECT, /* one object after the schema `items`, within the struct; null leaves it zeroed */
};

enum {
    SCHEMA_KEYS_MAX = 16,
    SCHEMA_TEXTS_MAX =
        4096, /* in all SCHEMA_TEXTS of a document together: aliases repeat them at little cost */
};

struct schema_choice {
    const char *word;
    unsigned value;
};

struct schema_key {
    const char *name;
    enum schema_type type;
    size_t offset, max;
    bool required;
    /* Text, texts and secret, may be NULL: sees a value that is well formed otherwise. 0 or config_fail(). */
    int (*check)(const char *value, unsigned line, struct config_error *ret_error);
    const struct schema_choice *choices; /* choice and bits: the last one followed by one without a word */
    const struct schema *items;          /* list and object */
    size_t count_offset;                 /* list and texts: of its size_t */
};

struct schema {
    const char *noun; /* "a proxy", for messages */
    size_t size;      /* of the struct */
    const struct schema_key *keys;
    size_t n_keys; /* at most SCHEMA_KEYS_MAX */
    /* May be NULL: sees the filled struct, which lacks values that are wrong, required ones too, and fills in what the
     * file left out. line is where the mapping begins, key_lines where each key of the table stands, 0 for an absent one.
     * 0, config_fail() or BLEPROXY_E_NOMEM. */
    int (*complete)(void *object, unsigned line, const unsigned key_lines[], const void *user,
                    struct config_error *ret_error);
};

/* Reads the mapping `node` into the struct `object`, which is zeroed or holds what others said: lists of objects grow, bits
 * are added, of everything else the later one counts. 0, with all that is wrong among the errors, or BLEPROXY_E_NOMEM;
 * object is to be freed in any case. user goes to the complete functions. */
int schema_read(const struct schema *schema, yaml_document_t *document, const yaml_node_t *node, void *object,
                const void *user, struct config_errors *errors);
/* Frees what schema_read() allocated in object and zeroes it. */
void schema_free(const struct schema *schema, void *object);

/* Fills *ret_error in, control characters left out and keys hidden, and returns BLEPROXY_E_INVALID. */
int config_fail(struct config_error *ret_error, unsigned line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
