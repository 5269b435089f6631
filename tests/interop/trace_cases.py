# SPDX-License-Identifier: MIT
"""Short traces, and what becomes of them, written down.

A line is `TIME SOURCE RSSI [PAYLOAD]` or `TIME EVENT ...`. TIME may be `FIRST-LAST/EVERY`, or `T+N`: N steps of 1/512 s
later. There is one device; `awake` is another one that a proxy hears, whose lines are left out. The outcome is written
alike, with the name or the data that a case is about.
"""

import dataclasses
import json

from trace_payloads import manufacturer, named, service, uuids

DEVICE, KEEPER = "D0:00:00:00:00:01", "D0:00:00:00:00:02"
SOURCES = {letter: f"A0:00:00:00:00:0{letter}" for letter in "ABC"}
LETTERS = {source: letter for letter, source in SOURCES.items()}
STEP = 1 / 512
THREE = "50 register A\n50 register B\n50 register C\n"
PAYLOADS = {
    "nameless": b"\2\1\6",
    "other": named("wohand") + manufacturer(9, b"\1"),
    "another": named("wohand") + manufacturer(9, b"\2"),
    "u1": named("wohand") + uuids([0x1811]) + service(0x1811, b"\1") + manufacturer(1, b"\1"),
    "u2": uuids([0x1812]) + service(0x1812, b"\2") + manufacturer(1, b"\1") + manufacturer(2, b"\2"),
    "u3": manufacturer(1, b"\4") + manufacturer(2, b"\2") + manufacturer(3, b"\3"),
    "u4": manufacturer(1, b"\4") + manufacturer(2, b"\1"),
    "once": uuids([0x180F]),
    "twice": uuids([0x180F, 0x180F]),
    "apple": manufacturer(76, b"\x0f\1"),
    "homekit": manufacturer(76, b"\6\1"),
    "apple-service": manufacturer(76, b"\x0f\1") + service(0x1811, b""),
    "apple-and-another": manufacturer(76, b"\x0f\1") + manufacturer(2, b""),
    "apple-empty": manufacturer(76, b""),
    "address": named(DEVICE),
}


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    told: str
    expected: str
    shown: str = ""  # a field of output lines that the case is about
    setting: str = THREE


def moments(text):
    if "-" in text:
        span, every = text.split("/")
        first, last = map(int, span.split("-"))
        return range(first, last + 1, int(every))
    whole, _, steps = text.partition("+")
    return [int(whole) + int(steps or 0) * STEP]


def spread(text):
    """Each moment and the words of its line."""
    for line in filter(None, map(str.strip, text.splitlines())):
        when, *words = line.split()
        for t in moments(when):
            yield t, words


def adv(source, rssi, raw, address=DEVICE):
    return {"event": "adv", "source": source, "address": address, "address_type": 1, "rssi": rssi, "raw": raw.hex()}


def event_of(first, rest):
    if first in SOURCES:
        payload = rest[1] if rest[1:] else "wohand"
        return adv(SOURCES[first], int(rest[0]), PAYLOADS.get(payload) or named(payload))
    if first == "tick":
        return {"event": "tick"}
    if first == "fallback":
        return {"event": "fallback_interval", "address": DEVICE, "seconds": int(rest[0])}
    source = SOURCES[rest[0]]
    if first == "awake":
        return adv(source, -60, PAYLOADS["nameless"], KEEPER)
    if first in ("pause", "resume"):
        return {"event": "paused", "source": source, "count": int(first == "pause")}
    if first == "register":
        return {"event": first, "source": source, "connectable": rest[1:] != ["unconnectable"], "mode": None}
    return {"event": first, "source": source}


def trace_of(case):
    lines = [*spread(case.setting), *spread(case.told)]
    return [{"t": t, **event_of(first, rest)} for t, (first, *rest) in lines]


def expected_of(case):
    return [[t, *words] for t, words in spread(case.expected)]


def brief(case, line):
    """An output line as it is written here."""
    source = [LETTERS[line["source"]]] if "source" in line else []
    path = ["connectable"] if line.get("connectable") else []
    shown = [json.dumps(line[case.shown], separators=",:").replace('"', "")] if case.shown in line else []
    return [line["t"], *source, line["event"], *path, *shown]


def outcome_of(case, lines):
    return [brief(case, line) for line in lines if line["address"] != KEEPER]


FIRST = "50 A accepted\n50 A callback connectable\n"
CASES = [
    Case("a little more signal is not enough", "50 A -100\n50 B -98", FIRST),
    Case("much more signal is, for good", "50 A -100\n50 B -60\n51 A -62", FIRST + "50 B accepted"),
    Case("16 dB are not enough", "50 A -50\n50 B -34", FIRST),
    Case("17 dB are", "50 A -50\n50 B -33", FIRST + "50 B accepted"),
    Case("no signal loses", "50 A 0\n51 B -60\n52 A 0", FIRST + "51 B accepted"),
    Case("one strong report is smoothed", "50 A -50\n51 B -60\n52 B -30", FIRST),
    Case("several are not", "50 A -50\n51 B -55\n52-59/1 B -20", FIRST + "54-59/1 B accepted"),
    Case(
        "to come back takes 22 dB",
        "50 A -50\n51 B -30\n52-66/1 A -10\n67-81/1 A -6",
        FIRST + "51 B accepted\n69-81/1 A accepted",
    ),
    Case(
        "but not after a handoff",
        "50 fallback 10\n50 A -90\n73 B -95\n74 A -50",
        FIRST + "73 B accepted\n74 A accepted",
    ),
    Case("no signal does not spoil what was", "50 A -50\n51 B -34\n52-54/1 B 0\n55 B -33", FIRST + "55 B accepted"),
    Case("nor is it where signals start", "50 A -50\n51 B 0\n52 B -33", FIRST + "52 B accepted"),
    Case(
        "who leaves is forgotten",
        "50 A -50\n51 B -30\n52 unregister B\n53 A -50\n54 register B\n55 B -30\n56 B -30",
        FIRST + "51 B accepted\n53 A accepted\n55-56/1 B accepted",
    ),
    Case(
        "a weak owner is left after one and a half windows",
        "50 fallback 10\n50 A -90\n66 B -95\n72 B -95\n72+256 B -95\n72+257 B -95",
        FIRST + "72+257 B accepted",
    ),
    Case("a strong one is not", "50 fallback 10\n50 A -70\n73 B -70\n87+256 B -70", FIRST),
    Case("but after two and a half", "50 fallback 10\n50 A -50\n66 B -60\n87+257 B -60", FIRST + "87+257 B accepted"),
    Case("even to a weak one", "50 fallback 10\n50 A -46\n66 B -90\n80 B -90\n90 B -90", FIRST + "90 B accepted"),
    Case("a strong challenger need not wait", "50 fallback 10\n50 A -50\n66 B -20", FIRST + "66 B accepted"),
    Case(
        "15 minutes without a known interval, and away for connections after five",
        "50 A -100\n110-950/60 awake A\n950 B -99\n951 B -99",
        FIRST + "350 unavailable connectable\n951 B accepted",
    ),
    Case(
        "a fallback may be longer than that",
        "50 fallback 995\n50 A -100\n110-950/60 awake A\n1000 B -99\n1050 B -99\n1050+1 B -99",
        FIRST + "350 unavailable connectable\n1050+1 B accepted",
    ),
    Case("a paused owner loses", "50 A -50\n51 pause A\n51 B -90\n52 A -50", FIRST + "51 B accepted\n52 A accepted"),
    Case("one that resumed does not", "50 A -50\n51 pause A\n52 resume A\n52 B -90", FIRST),
    Case("nor one that is silent for 90 s", "50 A -50\n169 B -90", FIRST),
    Case("but for longer, seen every 30 s", "50 A -50\n170 B -90", FIRST + "170 B accepted"),
    Case("unless it resumes", "50 A -50\n171 pause A\n172 resume A\n173 B -90\n200 B -90", FIRST + "200 B accepted"),
    Case(
        "another proxy for connections",
        "50 A -100\n51 B -60\n52 A -100\n53 C -50\n54 B -60 other\n55 unregister C\n56 B -60 another",
        FIRST + "51 B accepted\n54 B accepted\n54 B callback connectable\n56 B accepted\n56 B callback",
        setting="50 register A\n50 register B unconnectable\n50 register C\n",
    ),
    Case(
        "who lost a device for connections only comes back with 17 dB",
        "50 A -60\n51 B -90\n52 C -70\n53-58/1 B -30",
        "50 A accepted\n50 A callback\n57-58/1 B accepted",
        setting="50 register A unconnectable\n50 register B\n50 register C\n",
    ),
    Case(
        "told on changes only",
        "50 A -50\n51 A -40\n52 A -50 other\n53 A -50",
        FIRST + "51-52/1 A accepted\n52 A callback connectable\n53 A accepted",
    ),
    Case(
        "told again after it was away for connections",
        "50 A -50\n360 A -50",
        FIRST + "350 unavailable connectable\n360 A accepted\n360 A callback connectable",
    ),
    Case(
        "not told again when its way back was not accepted",
        "50 A -50\n60-340/40 awake A\n355 B -60\n361 A -50",
        FIRST + "350 unavailable connectable\n361 A accepted",
    ),
    Case(
        "a longer name that extends is taken, a shorter one is not",
        "50 A -50 Onv\n51 B -60 Onvis\n52 A -50 Onv\n53 C -60 Onv\n54 A -50 Onv",
        "50 A accepted Onv\n50 A callback connectable Onv\n52 A accepted Onvis\n52 A callback connectable Onvis\n"
        "54 A accepted Onvis",
        shown="name",
    ),
    Case(
        "another name is taken until the first one is heard again",
        "50 A -50 Onvis\n51 B -60 Donkey\n52 A -50 Onvis\n53 C -20 Donkey",
        "50 A accepted Onvis\n50 A callback connectable Onvis\n52 A accepted Onvis\n53 C accepted Donkey\n"
        "53 C callback connectable Donkey",
        shown="name",
    ),
    Case(
        "case does not make another name, however long it is",
        "50 A -50 Strasse\n51 B -30 STRA\u1e9eE\n52 C -10 stra\u00df",
        "50 A accepted Strasse\n50 A callback connectable Strasse\n51 B accepted Strasse\n52 C accepted Strasse",
        shown="name",
    ),
    Case(
        "who hears no name is told it",
        "50 A -50\n51 B -30 nameless\n52 C -10 address",
        "50 A accepted wohand\n50 A callback connectable wohand\n51 B accepted wohand\n52 C accepted wohand",
        shown="name",
    ),
    Case(
        "an address is no name",
        "50 A -50 address\n51 A -50 nameless",
        "50 A accepted null\n50 A callback connectable null\n51 A accepted null",
        shown="name",
    ),
    Case(
        "intervals are learned from 16 reports",
        "50-71/3 A -90\n78-99/3 A -90\n117 B -95\n117+1 B -95\n118 A -90",
        FIRST + "53-71/3 A accepted\n78-99/3 A accepted\n117+1 B accepted",
    ),
    Case(
        "but not across a connection",
        "50-71/3 A -90\n72 pause A\n73 resume A\n78-99/3 A -90\n117+1 B -95",
        FIRST + "53-71/3 A accepted\n78-99/3 A accepted",
    ),
    Case(
        "an interval of nothing hides the fallback from handoffs, not from sweeps",
        "50 fallback 10\n" + 16 * "50 A -90\n" + "73 B -95\n94 B -95\n400 tick",
        FIRST + 15 * "50 A accepted\n" + "350 unavailable connectable\n350 unavailable",
    ),
    Case(
        "a fallback is forgotten with its device",
        "50 fallback 2\n50 A -50\n400 A -50\n2000 tick",
        "50 A accepted\n50 A callback\n350 unavailable\n400 A accepted\n400 A callback\n1550 unavailable",
        setting="50 register A unconnectable\n",
    ),
    Case(
        "a long one keeps it",
        "50 fallback 600000\n50 A -50\n86450 tick\n700000 tick",
        "50 A accepted\n50 A callback\n600350 unavailable",
        setting="50 register A unconnectable\n",
    ),
    Case(
        "forgotten by its proxy between two sweeps",
        "200 A -50\n590 A -50\n600 tick",
        "200 A accepted\n200 A callback connectable\n590 A accepted",
    ),
    Case(
        "sweeps come before the proxies forget",
        "439 A -50\n440 B -60\n650 tick\n700 tick",
        "439 A accepted\n439 A callback connectable",
    ),
    Case(
        "noise of Apple",
        "50 A -50 apple\n51 A -50 apple-empty\n52 A -50 homekit\n53 A -50 apple\n54 A -50 apple-service",
        "51 A accepted {76:}\n51 A callback connectable {76:}\n52 A accepted {76:0601}\n"
        "52 A callback connectable {76:0601}\n54 A accepted {76:0f01}\n54 A callback connectable {76:0f01}",
        shown="manufacturer_data",
    ),
    Case(
        "Apple's with something else",
        "50 A -50 apple-and-another\n51 A -50 apple",
        "50 A accepted {76:0f01,2:}\n50 A callback connectable {76:0f01,2:}\n51 A accepted {76:0f01,2:}",
        shown="manufacturer_data",
    ),
    Case(
        "data is merged in the order in which it came",
        "50 A -50 u1\n51 A -50 u2\n52 A -50 u3\n53 A -50 u4",
        "50 A accepted {1:01}\n50 A callback connectable {1:01}\n51 A accepted {1:01,2:02}\n"
        "51 A callback connectable {1:01,2:02}\n52 A accepted {1:04,2:02,3:03}\n"
        "52 A callback connectable {1:04,2:02,3:03}\n53 A accepted {1:04,2:01,3:03}\n"
        "53 A callback connectable {1:04,2:01,3:03}",
        shown="manufacturer_data",
    ),
    Case(
        "a UUID that is doubled stays so until lists are merged",
        "50 A -50 twice\n51 A -50 nameless\n52 A -50 once",
        "50 A accepted [{0},{0}]\n50 A callback connectable [{0},{0}]\n51 A accepted [{0},{0}]\n52 A accepted [{0}]\n"
        "52 A callback connectable [{0}]".replace("{0}", "0000180f-0000-1000-8000-00805f9b34fb"),
        shown="service_uuids",
    ),
]
