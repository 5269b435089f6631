# SPDX-License-Identifier: MIT
"""Fixtures, and the closing line that scripts read."""

import pytest

import harness

RESULTS = pytest.StashKey[dict]()


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


def pytest_configure(config):
    config.stash[RESULTS] = {"passed": set(), "failed": set(), "skipped": set()}


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    report = (yield).get_result()
    results = item.config.stash[RESULTS]
    if report.when == "call" or report.outcome != "passed":
        results[report.outcome].add(item.nodeid)


def pytest_collectreport(report):
    if report.failed:
        COLLECTION_ERRORS.append(report.nodeid)


COLLECTION_ERRORS = []


def pytest_unconfigure(config):
    results = config.stash[RESULTS]
    failed = results["failed"] | set(COLLECTION_ERRORS)
    passed = results["passed"] - failed
    print(f"\n{len(passed)} passed, {len(failed)} failed, {len(results['skipped'])} skipped")
