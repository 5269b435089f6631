/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SIM_FAULTS_H
#define TESTS_SIM_FAULTS_H

#include "world.h"

/* From now until the end of the trouble something befalls each house every few minutes. */
void faults_init(struct world *world);

#endif
