/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_TIMEZONE_H
#define ENGINE_TIMEZONE_H

#include "session/session.h"

enum { TIMEZONE_SIZE = sizeof(((struct session_time *)NULL)->timezone) };

/* The local time zone as a POSIX TZ string: from $TZ, or from the last line of /etc/localtime; "" when
 * neither says. */
void timezone_read(char zone[static TIMEZONE_SIZE]);

#endif
