/* SPDX-License-Identifier: MIT */
#ifndef CLI_INHERIT_H
#define CLI_INHERIT_H

/* In a child that is about to become another program: it inherits no descriptors from this one on, whoever left them open. */
void inherit_only_below(int fd);

#endif
