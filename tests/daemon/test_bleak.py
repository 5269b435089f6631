# SPDX-License-Identifier: MIT
"""Debian's bleak finds the proxies as an adapter, and does with the devices what it does with any."""
import os
import sys
import tempfile

import journey
from e2e import PATIENCE_S
from served import served
from support import main

FOLDER = os.path.dirname(os.path.abspath(__file__))


def test_case_54_bleak_does_all_that_a_program_does_and_survives_losses():
    with served() as (bus, reboot), tempfile.TemporaryFile() as log:
        command = [sys.executable, os.path.join(FOLDER, "bleak_client.py")]
        journey.check(journey.travel(command, log, reboot, env=journey.environment_of(bus)))


def test_a_scan_goes_on_when_the_only_proxy_reboots():
    with served() as (bus, reboot), tempfile.TemporaryFile() as log:
        scanner = journey.Client([sys.executable, os.path.join(FOLDER, "bleak_scanner.py")], log,
                                 env=journey.environment_of(bus))
        try:
            for _ in range(10):
                assert scanner.next(PATIENCE_S)["address"]
            reboot()
            for _ in range(scanner.lines.qsize() + 10):
                assert scanner.next(PATIENCE_S)["address"]
        finally:
            scanner.close()


main(globals())
