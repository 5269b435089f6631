/* SPDX-License-Identifier: MIT */
#ifndef BENCH_HUB_MEMORY_H
#define BENCH_HUB_MEMORY_H

/* What a device takes of memory, and besides for each proxy that hears it, a line of JSON for each kind of payload:
 * {"memory":payload,"per_device","mean_per_device","worst_with","per_proxy","mean_per_proxy","worst_of_proxies_with"}, in
 * bytes and numbers of devices. */
void hub_memory_print(void);

#endif
