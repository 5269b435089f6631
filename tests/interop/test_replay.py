# SPDX-License-Identifier: MIT
"""`bleproxy replay --reference` decides as habluetooth does: on short traces with their outcomes, and on random ones.

The seed of a random trace is its name: trace_reference.py tells how to look at one.
"""

import pytest

from harness import SIZE
from trace_cases import CASES, expected_of, outcome_of, trace_of
from trace_compare import difference, explain, replayed
from trace_generator import generate
from trace_reference import reference

BATCHES = 10
TRACES = max(BATCHES, int(20 * SIZE))
written = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])


@written
def test_habluetooth_decides_as_written(case):
    assert outcome_of(case, reference(trace_of(case))) == expected_of(case)


@written
def test_bleproxy_decides_as_written(case):
    assert outcome_of(case, replayed(trace_of(case))) == expected_of(case)
    assert not (found := difference(trace_of(case))), str(found)


@pytest.mark.parametrize("batch", range(BATCHES))
def test_both_decide_alike(batch):
    for seed in range(batch, TRACES, BATCHES):
        explanation = explain(generate(seed))
        assert not explanation, f"seed {seed}: {explanation}"
