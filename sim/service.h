/* SPDX-License-Identifier: MIT */
#ifndef SIM_SERVICE_H
#define SIM_SERVICE_H

#include "discovery/responder.h"
#include "sim/proxy.h"

/* What the virtual proxy's firmware tells of itself on the local network: a TXT record. Returns its size. */
size_t service_describe(const struct sim_proxy *proxy, uint8_t text[RESPONDER_TEXT_MAX]);

#endif
