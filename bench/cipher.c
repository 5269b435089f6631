/* SPDX-License-Identifier: MIT */

/* What opening one Noise frame costs under each cipher that could stand behind the seam in noise/cipher.h, in
 * nanoseconds of CPU time, the best of many rounds in turn; and the memory that each adds to the process.
 * Sizes are those of a frame's body: one advertisement, a usual batch, a full batch, a full segment. */
#include "noise/cipher.h"

#include <dlfcn.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { N_SIZES = 4, LARGEST = 1300, ROUNDS = 60, FRAMES_PER_ROUND = 1000, NONCE = 7 };

static const size_t sizes[N_SIZES] = {64, 240, 720, LARGEST};
static const uint8_t key[CIPHER_KEY_SIZE] = "a key that everybody may know!!";

struct candidate {
    const char *name;
    /* Makes it ready. False when this machine does not have it. */
    bool (*start)(void);
    /* Opens size bytes at text, tag included, in place. 0, or -1 when the tag is wrong. */
    int (*open)(uint64_t nonce, uint8_t *text, size_t size);
};

static void nonce_bytes(uint64_t counter, uint8_t nonce[12])
{
    memset(nonce, 0, 4);
    for (size_t i = 0; i < 8; i++)
        nonce[4 + i] = (uint8_t)(counter >> 8 * i);
}

static int open_through_the_seam(uint64_t nonce, uint8_t *text, size_t size)
{
    return aead_sodium.open(key, nonce, NULL, 0, text, size);
}

static int open_libsodium(uint64_t counter, uint8_t *text, size_t size)
{
    uint8_t nonce[12];
    nonce_bytes(counter, nonce);
    return crypto_aead_chacha20poly1305_ietf_decrypt(text, NULL, NULL, text, size, NULL, 0, nonce, key);
}

static bool start_libsodium(void)
{
    return sodium_init() >= 0;
}

/* libcrypto is loaded only when its turn comes, so that its memory can be told apart, and no header of it is
 * needed. One context per direction, as a session would keep it: only the nonce changes from frame to frame.
 */
static struct {
    void *context;
    void *(*fetch)(void *library, const char *name, const char *properties);
    void *(*context_new)(void);
    int (*init)(void *context, const void *cipher, const uint8_t *key, const uint8_t *nonce,
                const void *params);
    int (*control)(void *context, int command, int size, void *argument);
    int (*update)(void *context, uint8_t *out, int *ret_size, const uint8_t *in, int size);
    int (*final)(void *context, uint8_t *out, int *ret_size);
} openssl;

static bool start_openssl(void)
{
    void *library = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return false;
    *(void **)&openssl.fetch = dlsym(library, "EVP_CIPHER_fetch");
    *(void **)&openssl.context_new = dlsym(library, "EVP_CIPHER_CTX_new");
    *(void **)&openssl.init = dlsym(library, "EVP_DecryptInit_ex2");
    *(void **)&openssl.control = dlsym(library, "EVP_CIPHER_CTX_ctrl");
    *(void **)&openssl.update = dlsym(library, "EVP_DecryptUpdate");
    *(void **)&openssl.final = dlsym(library, "EVP_DecryptFinal_ex");
    openssl.context = openssl.context_new();
    return openssl.init(openssl.context, openssl.fetch(NULL, "ChaCha20-Poly1305", NULL), key, NULL, NULL) ==
           1;
}

static int open_openssl(uint64_t counter, uint8_t *text, size_t size)
{
    enum { SET_TAG = 0x11 }; /* EVP_CTRL_AEAD_SET_TAG */
    uint8_t nonce[12];
    int n, text_size = (int)size - CIPHER_TAG_SIZE;
    nonce_bytes(counter, nonce);
    bool opened = openssl.init(openssl.context, NULL, NULL, nonce, NULL) == 1 &&
                  openssl.control(openssl.context, SET_TAG, CIPHER_TAG_SIZE, text + text_size) == 1 &&
                  openssl.update(openssl.context, text, &n, text, text_size) == 1 &&
                  openssl.final(openssl.context, text + n, &n) == 1;
    return opened ? 0 : -1;
}

static const struct candidate candidates[] = {
    {"ours, of libsodium's parts", start_libsodium, open_through_the_seam},
    {"libsodium's own", start_libsodium, open_libsodium},
    {"OpenSSL 3 EVP, context kept", start_openssl, open_openssl},
};
enum { N_CANDIDATES = sizeof(candidates) / sizeof(candidates[0]) };

static double cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static long rss_kib(void)
{
    char line[128];
    long kib = 0;
    FILE *status = fopen("/proc/self/smaps_rollup", "r");
    if (!status)
        return 0;
    while (fgets(line, sizeof(line), status))
        if (sscanf(line, "Rss: %ld", &kib) == 1)
            break;
    fclose(status);
    return kib;
}

/* Nanoseconds per frame over one round. The copy that brings the frame back is in every figure (15 ns). */
static double round_ns(const struct candidate *candidate, const uint8_t *sealed, size_t size)
{
    uint8_t text[LARGEST];
    double start = cpu_ns();
    for (int i = 0; i < FRAMES_PER_ROUND; i++) {
        memcpy(text, sealed, size);
        if (candidate->open(NONCE, text, size) < 0) {
            fprintf(stderr, "%s: a good frame was refused\n", candidate->name);
            exit(1);
        }
    }
    return (cpu_ns() - start) / FRAMES_PER_ROUND;
}

int main(void)
{
    double best[N_CANDIDATES][N_SIZES];
    bool present[N_CANDIDATES];
    long grown[N_CANDIDATES];
    uint8_t sealed[N_SIZES][LARGEST] = {{0}};

    for (size_t s = 0; s < N_SIZES; s++)
        aead_sodium.seal(key, NONCE, NULL, 0, sealed[s], sizes[s] - CIPHER_TAG_SIZE);
    for (size_t c = 0; c < N_CANDIDATES; c++) {
        long before = rss_kib();
        present[c] = candidates[c].start();
        for (size_t s = 0; present[c] && s < N_SIZES; s++)
            best[c][s] = round_ns(&candidates[c], sealed[s], sizes[s]);
        grown[c] = rss_kib() - before;
    }
    for (int round = 0; round < ROUNDS; round++)
        for (size_t c = 0; c < N_CANDIDATES; c++)
            for (size_t s = 0; present[c] && s < N_SIZES; s++) {
                double ns = round_ns(&candidates[c], sealed[s], sizes[s]);
                if (ns < best[c][s])
                    best[c][s] = ns;
            }

    printf("%-28s %8s %8s %8s %8s   memory\n", "ns per frame opened", "64 B", "240 B", "720 B", "1300 B");
    for (size_t c = 0; c < N_CANDIDATES; c++) {
        if (!present[c]) {
            printf("%-28s not on this machine\n", candidates[c].name);
            continue;
        }
        printf("%-28s %8.0f %8.0f %8.0f %8.0f   +%ld KiB\n", candidates[c].name, best[c][0], best[c][1],
               best[c][2], best[c][3], grown[c]);
        printf("%-28s %8.2f %8.2f %8.2f %8.2f\n", "  times libsodium's own", best[c][0] / best[1][0],
               best[c][1] / best[1][1], best[c][2] / best[1][2], best[c][3] / best[1][3]);
    }
    return 0;
}
