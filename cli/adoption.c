/* SPDX-License-Identifier: MIT */
#include "adoption.h"

#include <bleproxy/error.h>
#include <stdio.h>
#include <string.h>

static void fail(struct adoption *adoption, enum adoption_failure failure, int error)
{
    adoption->step = ADOPTION_FAILED;
    adoption->failure = failure;
    adoption->error = error;
    adoption->stage = ADOPTION_OVER;
}

static void connect_with(struct adoption *adoption, enum adoption_stage stage, enum adoption_with with)
{
    adoption->stage = stage;
    adoption->step = ADOPTION_CONNECT;
    adoption->with = with;
}

static void wait(struct adoption *adoption, uint32_t wait_ms)
{
    adoption->stage = ADOPTION_CHECKING;
    adoption->step = ADOPTION_WAIT;
    adoption->wait_ms = wait_ms;
}

void adoption_init(struct adoption *adoption, bool key_on_disk)
{
    *adoption = (struct adoption){.key_on_disk = key_on_disk};
    if (key_on_disk)
        connect_with(adoption, ADOPTION_PROBING_KEY, ADOPTION_WITH_KEY);
    else
        connect_with(adoption, ADOPTION_PROBING_NONE, ADOPTION_WITH_NONE);
}

/* It is there, and has no key. */
static void give(struct adoption *adoption)
{
    adoption->stage = ADOPTION_GIVING;
    adoption->step = adoption->key_on_disk ? ADOPTION_SET_KEY : ADOPTION_WRITE_KEY;
}

static void finish(struct adoption *adoption, bool had_key)
{
    adoption->step = ADOPTION_DONE;
    adoption->stage = ADOPTION_OVER;
    adoption->had_key = had_key;
}

static void note_identity(struct adoption *adoption, const struct bleproxy_device_info *info)
{
    snprintf(adoption->name, sizeof(adoption->name), "%s", info->name);
    snprintf(adoption->mac_address, sizeof(adoption->mac_address), "%s", info->mac_address);
}

void adoption_connected(struct adoption *adoption, const struct bleproxy_device_info *info)
{
    switch (adoption->stage) {
    case ADOPTION_PROBING_KEY:
        note_identity(adoption, info);
        finish(adoption, true);
        return;
    case ADOPTION_PROBING_NONE:
        note_identity(adoption, info);
        give(adoption);
        return;
    case ADOPTION_PROBING_PLAINTEXT:
        note_identity(adoption, info);
        if (info->api_encryption_supported || info->api_encryption_provisionable)
            give(adoption);
        else
            fail(adoption, ADOPTION_CANNOT, 0);
        return;
    case ADOPTION_CHECKING:
        if (strcmp(adoption->mac_address, info->mac_address) == 0)
            finish(adoption, false);
        else
            fail(adoption, ADOPTION_OTHER_DEVICE, 0);
        return;
    case ADOPTION_GIVING:
    case ADOPTION_OVER:
        return;
    }
}

/* The proxy is there, and does not know the key. */
static bool is_wrong_key(int error)
{
    return error == BLEPROXY_E_INVALID_KEY || error == BLEPROXY_E_ENCRYPTION_PLAINTEXT;
}

static void try_again(struct adoption *adoption, int error)
{
    if (++adoption->tries < ADOPTION_TRIES)
        wait(adoption, ADOPTION_RETRY_MS);
    else
        fail(adoption, is_wrong_key(error) ? ADOPTION_NOT_TAKEN : ADOPTION_NOT_BACK, error);
}

void adoption_failed(struct adoption *adoption, int error)
{
    switch (adoption->stage) {
    case ADOPTION_PROBING_KEY:
        if (is_wrong_key(error))
            connect_with(adoption, ADOPTION_PROBING_NONE, ADOPTION_WITH_NONE);
        else
            fail(adoption, ADOPTION_ERROR, error);
        return;
    case ADOPTION_PROBING_NONE:
        if (error == BLEPROXY_E_ENCRYPTION_PLAINTEXT)
            connect_with(adoption, ADOPTION_PROBING_PLAINTEXT, ADOPTION_WITH_PLAINTEXT);
        else
            fail(adoption, error == BLEPROXY_E_INVALID_KEY ? ADOPTION_HAS_KEY : ADOPTION_ERROR, error);
        return;
    case ADOPTION_PROBING_PLAINTEXT:
        fail(adoption, error == BLEPROXY_E_REQUIRES_ENCRYPTION ? ADOPTION_HAS_KEY : ADOPTION_ERROR, error);
        return;
    case ADOPTION_GIVING:
        fail(adoption, ADOPTION_ERROR, error);
        return;
    case ADOPTION_CHECKING:
        try_again(adoption, error);
        return;
    case ADOPTION_OVER:
        return;
    }
}

void adoption_key_written(struct adoption *adoption)
{
    adoption->key_on_disk = true;
    adoption->step = ADOPTION_SET_KEY;
}

void adoption_key_set(struct adoption *adoption, int error)
{
    if (error == BLEPROXY_E_REFUSED) {
        fail(adoption, ADOPTION_REFUSED, error);
        return;
    }
    adoption->given = true; /* without an answer only the next connection tells */
    wait(adoption, ADOPTION_ACTIVATION_MS);
}

void adoption_waited(struct adoption *adoption)
{
    connect_with(adoption, ADOPTION_CHECKING, ADOPTION_WITH_KEY);
}
