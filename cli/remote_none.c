/* SPDX-License-Identifier: MIT */
/* What a build without D-Bus has in the place of a daemon: the commands use the proxies themselves. */
#include "cli.h"
#include "device.h"
#include "log.h"
#include "remote.h"
#include "slots.h"

const struct remote_ops *const remote_ops = NULL;
const struct device_ops *const device_remote = NULL;
const struct slots_ops *const slots_remote = NULL;

int cmd_run(int argc, char **argv)
{
    (void)argc, (void)argv;
    log_say("this build is without D-Bus: there is no 'bleproxy run'");
    return CLI_USAGE;
}
