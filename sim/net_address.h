/* SPDX-License-Identifier: MIT */
#ifndef SIM_NET_ADDRESS_H
#define SIM_NET_ADDRESS_H

#include "sim/net.h"

enum { NET_ADDRESS_TEXT_SIZE = 80 };

/* As net_parse_listen(), with another port where the text has none. */
int net_parse_address(const char *text, const char *default_port, struct sockaddr_storage *ret_address);
uint16_t net_address_port(const struct sockaddr_storage *address);
socklen_t net_address_size(const struct sockaddr_storage *address);
/* The n-th further address, or port unless that is 0. 0 or BLEPROXY_E_INVALID when there is none. */
int net_address_step(struct sockaddr_storage *address, bool step_address, uint32_t n);
void net_address_format(const struct sockaddr_storage *address, char text[NET_ADDRESS_TEXT_SIZE]);

#endif
