/* SPDX-License-Identifier: MIT */
#ifndef BLEPROXY_BLEPROXY_H
#define BLEPROXY_BLEPROXY_H

/* All of libbleproxy but the libuv and the blocking layer, which have headers of their own. */
#include <bleproxy/advertisement.h>
#include <bleproxy/client.h>
#include <bleproxy/device_info.h>
#include <bleproxy/discovery.h>
#include <bleproxy/error.h>
#include <bleproxy/gatt.h>
#include <bleproxy/hub.h>
#include <bleproxy/key.h>
#include <bleproxy/log.h>
#include <bleproxy/loop.h>
#include <bleproxy/manager.h>
#include <bleproxy/names.h>
#include <bleproxy/path.h>
#include <bleproxy/peripheral.h>
#include <bleproxy/pin.h>
#include <bleproxy/proxy.h>
#include <bleproxy/scanner.h>
#include <bleproxy/scanning.h>
#include <bleproxy/uuid.h>

#endif
