# SPDX-License-Identifier: MIT
"""Case folds here as str.casefold() does it: every code point, and names of all kinds as prefixes of one another."""

import json
import random
import unicodedata

from harness import SIZE
from test_codec import codec

ROUNDS = int(20_000 * SIZE)
CHANGED = 1530  # characters, in the Unicode version of our table


def folds():
    """Our table: what each character becomes that does not stay itself."""
    return {chr(int(code)): "".join(map(chr, folded)) for code, folded in json.loads(codec(["casefold"])[0]).items()}


def test_every_code_point_folds_the_same():
    ours = folds()
    theirs = {character: character.casefold() for character in map(chr, range(0x110000))}
    theirs = {character: folded for character, folded in theirs.items() if character != folded}
    assert len(ours) == CHANGED
    if unicodedata.unidata_version != "14.0.0":
        # Later versions add characters and leave these alone.
        theirs = {character: folded for character, folded in theirs.items() if character in ours}
    assert ours == theirs


def spellings(rng, alike):
    """Spellings of one short text that differ in case only, and sometimes a byte that is not UTF-8."""
    choice = rng.random()
    if choice < 0.1:
        return [rng.randbytes(rng.randint(1, 3))]
    if choice < 0.2:
        return [chr(rng.choice((0, 0x20, 0x37, 0x5B, 0xD7, 0xFFFD, 0x1F98A, 0x10FFFF))).encode()]
    if choice < 0.5:
        letter = rng.choice("abcdefghijklmnopqrstuvwxyz")
        return [letter.encode(), letter.upper().encode()]
    return [text.encode() for text in rng.choice(alike)]


def folded_there(name):
    """Bytes that are not UTF-8 become characters of their own."""
    return name.decode(errors="surrogateescape").casefold()


def names(rng, alike):
    """A name and what may be its start: spelt otherwise, cut anywhere, with something in addition, or too long."""
    texts = [spellings(rng, alike) for _ in range(rng.randint(0, 8))]
    name, other = (b"".join(rng.choice(text) for text in texts) for _ in range(2))
    choice = rng.random()
    if choice < 0.5:
        other = other[: rng.randint(0, len(other))]
    elif choice < 0.7:
        other += rng.choice(spellings(rng, alike))
    elif choice < 0.8 and other:
        position = rng.randrange(len(other))
        other = other[:position] + rng.randbytes(1) + other[position + 1 :]
    elif choice < 0.9:
        folded = folded_there(name)
        name = folded[: rng.randint(0, len(folded))].encode(errors="surrogateescape")
    return name, other


def test_the_same_names_start_with_one_another():
    rng = random.Random("casefold")
    alike = {}
    for character, folded in folds().items():
        alike.setdefault(folded, [folded]).append(character)
    cases = [names(rng, list(alike.values())) for _ in range(ROUNDS)]
    answers = codec([f"starts {name.hex()},{other.hex()}" for name, other in cases])
    for (name, other), answer in zip(cases, answers, strict=True):
        expected = "yes" if folded_there(name).startswith(folded_there(other)) else "no"
        assert answer == expected, (name, other)
    assert all(answers.count(answer) > len(cases) // 5 for answer in ("yes", "no"))
