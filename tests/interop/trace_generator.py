# SPDX-License-Identifier: MIT
"""Random traces of bleproxy-record(5), the same for the same seed: `python trace_generator.py SEED` prints one.

Times and intervals are multiples of 1/512 s, so that seconds as floats and integer nanoseconds are equally exact.
"""

import json
import random
import sys

import trace_houses
import trace_scenes


def flavour_of(seed):
    """Its name, and the generator of random numbers behind it."""
    rng = random.Random(seed)
    return rng.choice([*trace_houses.HOUSES, *trace_scenes.FLAVOURS]), rng


def generate(seed):
    """The input lines of the trace with this seed, at most trace_world.MAX_EVENTS."""
    flavour, rng = flavour_of(seed)
    if flavour in trace_scenes.FLAVOURS:
        return trace_scenes.play(rng, flavour)
    return trace_houses.Life(rng, trace_houses.HOUSES[flavour]).play()


if __name__ == "__main__":
    for line in generate(int(sys.argv[1])):
        print(json.dumps(line))
