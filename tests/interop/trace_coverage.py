# SPDX-License-Identifier: MIT
"""What generated traces make habluetooth decide: `python trace_coverage.py FIRST END` for seeds in range(FIRST, END).

Its modules are compiled: the Python sources that come with them are copied without the compiled ones and run instead,
so that their lines can be counted. Prints how often it decided what, and the lines that no trace reached.
"""

import collections
import importlib.util
import inspect
import pathlib
import shutil
import sys
import tempfile

REASONS = collections.Counter()
FUNCTIONS = {
    "manager": (
        "_scanner_adv_received",
        "_should_keep_previous_adv",
        "_prefer_previous_adv_from_different_source",
        "_stale_challenger_wins",
        "_record_demotion",
        "_async_check_unavailable",
        "_handle_name_cache_miss",
        "_update_name_cache",
        "_async_unregister_scanner_internal",
    ),
    "advertisement_tracker": ("async_collect", "async_remove_address", "async_remove_source", "async_scanner_paused"),
    "base_scanner": (
        "_async_on_raw_advertisement",
        "_async_on_advertisement_internal",
        "_async_expire_devices",
        "_async_scanner_watchdog",
    ),
}


def uncompiled(directory):
    """Makes `import habluetooth` find its sources."""
    package = pathlib.Path(importlib.util.find_spec("habluetooth").origin).parent
    compiled = shutil.ignore_patterns("*.so", "*.pxd", "*.pyc")
    shutil.copytree(package, pathlib.Path(directory, "habluetooth"), ignore=compiled)
    sys.path.insert(0, directory)
    importlib.invalidate_caches()


def measured():
    """The code objects of FUNCTIONS."""
    import habluetooth.advertisement_tracker
    import habluetooth.base_scanner
    import habluetooth.manager

    classes = {
        "manager": habluetooth.manager.BluetoothManager,
        "advertisement_tracker": habluetooth.advertisement_tracker.AdvertisementTracker,
        "base_scanner": habluetooth.base_scanner.BaseHaScanner,
    }
    return {getattr(classes[module], name).__code__: module for module, names in FUNCTIONS.items() for name in names}


def counting(codes, hits):
    def line(frame, event, _):
        if event == "line":
            hits[frame.f_code, frame.f_lineno] += 1
        return line

    def call(frame, event, _):
        if frame.f_code not in codes:
            return None
        hits[frame.f_code, frame.f_lineno] += 1
        return line

    return call


def watch(manager_class):
    """Counts the reasons of decisions among proxies."""
    keep, prefer, stale = (
        manager_class._should_keep_previous_adv,
        manager_class._prefer_previous_adv_from_different_source,
        manager_class._stale_challenger_wins,
    )
    stale_won = []

    def counted(record, reason):
        REASONS[reason if record else f"{reason} (connectable only)"] += 1

    def should_keep(self, old, new, bucket, level, record):
        kept = keep(self, old, new, bucket, level, record)
        scanner = self._sources.get(old.source)
        if not kept and old.source != new.source and not (scanner and scanner.scanning):
            why = "unregistered" if not scanner else "paused" if scanner.paused else "silent"
            counted(record, f"owner {why}")
        return kept

    def should_prefer(self, old, new, bucket, level, record):
        stale_won.clear()
        kept = prefer(self, old, new, bucket, level, record)
        margin = level - bucket.get(old.source, old.rssi or -127)
        if not kept and not stale_won:
            counted(record, "signal")
        elif kept:
            counted(record, "kept: reclaim margin" if margin > 16 else "kept: exactly 16" if margin == 16 else "kept")
        return kept

    def challenger_wins(self, old, new, level, old_level, elapsed, window, record):
        won = stale(self, old, new, level, old_level, elapsed, window, record)
        if won:
            stale_won.append(True)
            counted(record, "durably gone" if elapsed > min(2.5 * window, 900) else "roamed")
        else:
            counted(record, "stale, but no handoff")
        return won

    manager_class._should_keep_previous_adv = should_keep
    manager_class._prefer_previous_adv_from_different_source = should_prefer
    manager_class._stale_challenger_wins = challenger_wins


def count(line):
    kind = line["event"]
    if "connectable" in line:
        kind += " (connectable)" if line["connectable"] else " (not connectable)"
    REASONS[kind] += 1


def unreached(codes, hits):
    for code, module in codes.items():
        source, first = inspect.getsourcelines(code)
        numbers = {number for _, _, number in code.co_lines() if number and number > first}
        for number in sorted(number for number in numbers if not hits[code, number]):
            yield f"{module}.py:{number}: {source[number - first].rstrip()}"


def main(first, end):
    with tempfile.TemporaryDirectory() as directory:
        uncompiled(directory)
        from trace_generator import generate
        from trace_reference import BluetoothManager, reference

        codes, hits = measured(), collections.Counter()
        watch(BluetoothManager)
        n_lines = 0
        for seed in range(first, end):
            trace = generate(seed)
            n_lines += len(trace)
            sys.settrace(counting(codes, hits))
            try:
                lines = reference(trace)
            finally:
                sys.settrace(None)
            for line in lines:
                count(line)
        print(f"{end - first} traces, {n_lines} lines; of 100 traces:")
        for reason, number in sorted(REASONS.items()):
            print(f"{number * 100 / (end - first):12.1f}  {reason}")
        print("lines that were not reached:")
        for text in unreached(codes, hits):
            print(text)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
