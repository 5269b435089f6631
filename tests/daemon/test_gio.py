# SPDX-License-Identifier: MIT
"""GLib's client of D-Bus, which GNOME's programs, blueman and UPower use, finds the objects and keeps up with them."""
import importlib.util
import os
import sys
import tempfile

import journey
from served import served
from support import Skip, main

CLIENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "gio_client.py")


def test_a_program_of_glib_does_all_that_a_program_does_and_survives_losses():
    if not importlib.util.find_spec("gi"):
        raise Skip("there is no python3-gi")
    with served() as (bus, reboot), tempfile.TemporaryFile() as log:
        journey.check(journey.travel([sys.executable, CLIENT], log, reboot, env=journey.environment_of(bus)))


main(globals())
