/* SPDX-License-Identifier: MIT */
#ifndef CLI_ADOPTION_H
#define CLI_ADOPTION_H

#include <bleproxy/device_info.h>
#include <stdbool.h>
#include <stdint.h>

/* How a proxy without a key gets one, step by step: pure. Whoever does the steps tells how each went, and is told the next
 * one. The key is on disk before it is sent, and stays there whatever happens: a proxy never has one that nobody has. */

enum adoption_step {
    ADOPTION_CONNECT,   /* with what `with` says, and ask for the device's description */
    ADOPTION_WRITE_KEY, /* make one, and write it to the key file */
    ADOPTION_SET_KEY,   /* on the connection that is there */
    ADOPTION_WAIT,      /* for wait_ms; the connection is not needed any more */
    ADOPTION_DONE,
    ADOPTION_FAILED, /* for the reason `failure` */
};

enum adoption_with {
    ADOPTION_WITH_KEY,       /* the one of the key file */
    ADOPTION_WITH_NONE,      /* BLEPROXY_KEY_NONE */
    ADOPTION_WITH_PLAINTEXT, /* no encryption */
};

enum adoption_failure {
    ADOPTION_ERROR,        /* of a connection or a step, see `error` */
    ADOPTION_HAS_KEY,      /* it has one, and not ours */
    ADOPTION_CANNOT,       /* its firmware has no encryption */
    ADOPTION_REFUSED,      /* the proxy did not store the key, and says so */
    ADOPTION_NOT_TAKEN,    /* it says that it did, or nothing, and does not have it */
    ADOPTION_NOT_BACK,     /* it was given the key, and cannot be reached any more */
    ADOPTION_OTHER_DEVICE, /* who has the key is not who was given it */
};

/* When the new key is tried: after the 100 ms that the firmware takes until it counts, and again while that fails. */
enum { ADOPTION_ACTIVATION_MS = 150, ADOPTION_RETRY_MS = 500, ADOPTION_TRIES = 20 };

enum adoption_stage {
    ADOPTION_PROBING_KEY,
    ADOPTION_PROBING_NONE,
    ADOPTION_PROBING_PLAINTEXT,
    ADOPTION_GIVING,
    ADOPTION_CHECKING,
    ADOPTION_OVER,
};

struct adoption {
    /* For who does the steps. */
    enum adoption_step step;
    enum adoption_with with;
    uint32_t wait_ms;
    enum adoption_failure failure;
    int error;
    bool had_key; /* done: the proxy had our key before */
    bool given;   /* the key may have reached the proxy */
    char name[32], mac_address[24];

    enum adoption_stage stage;
    bool key_on_disk;
    unsigned tries;
};

/* key_on_disk: the key file was there before, and is tried first. The first step is in adoption->step. */
void adoption_init(struct adoption *adoption, bool key_on_disk);
/* How the step went; each leaves the next step. */
void adoption_connected(struct adoption *adoption, const struct bleproxy_device_info *info);
/* The connection could not be made, or was lost before it was connected() and its step was done. error: BLEPROXY_E_*. */
void adoption_failed(struct adoption *adoption, int error);
void adoption_key_written(struct adoption *adoption);
/* error as bleproxy_client_set_key() has it. */
void adoption_key_set(struct adoption *adoption, int error);
void adoption_waited(struct adoption *adoption);

#endif
