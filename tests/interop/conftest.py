# SPDX-License-Identifier: MIT
"""Fixtures, and the closing line that scripts read."""

import pytest

import harness

RESULTS = {"passed": set(), "failed": set(), "skipped": set()}


@pytest.fixture
def sim(tmp_path):
    """Starts virtual proxies, shows what they said when the test fails, and ends them."""
    running = []
    log = (tmp_path / "sim.log").open("wb+")

    def start(*options, **settings):
        proxy = harness.Sim(*options, log=log, **settings)
        running.append(proxy.__enter__())
        return proxy

    yield start
    failures = []
    for proxy in running:
        try:
            proxy.__exit__()
        except (AssertionError, OSError) as error:
            failures.append(str(error))
    log.seek(0)
    print(log.read().decode(errors="replace"))
    log.close()
    assert not failures, failures


@pytest.fixture(params=[None, harness.KEY], ids=["plaintext", "encrypted"])
def psk(request):
    return request.param


@pytest.fixture(params=harness.PROFILES.values(), ids=harness.PROFILES.keys())
def profile(request):
    return request.param


def pytest_runtest_logreport(report):
    if report.when == "call" or report.outcome != "passed":
        RESULTS[report.outcome].add(report.nodeid)


def pytest_collectreport(report):
    if report.failed:
        RESULTS["failed"].add(report.nodeid)


def pytest_unconfigure(config):
    if hasattr(config, "workerinput"):  # one of several processes; the first of them counts
        return
    failed = RESULTS["failed"]
    print(f"\n{len(RESULTS['passed'] - failed)} passed, {len(failed)} failed, {len(RESULTS['skipped'])} skipped")
