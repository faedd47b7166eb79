#!/usr/bin/env python3
"""Prints one table of one run: microtetherdb against a dict of JSON strings, and the counts.

    python3 bench/run.py INTERPRETER [--instructions]

Times are medians of many short rounds in which the two take turns (lowest in brackets); they differ
between machines and hours, the ratios of one run hold. Counts are the same in each run, those of a TTL but
for a chunk of pages, as times stand in keys.
--instructions adds processor instructions a call, counted by valgrind.
"""

import re
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parent
READINGS = BENCH.parent.parent / "shared/data/occupancy.csv"
# What a row has to reach: so many times faster than the dict, at 1,000 documents and at the others.
TARGETS = {
    "put, new key": 3,
    "put, replacing": 3,
    "put, generated key": 3,
    "get": 3,
    "query $gt, 10 %": 40,
    "query tag, 10 %": 60,
    "delete": 1,
    "put_batch 100": 1,
    "delete_batch 100": 1,
    "cleanup of 100": 1,
}
# The best other store measured in its own run, 1,000 documents in memory: so many times faster than the dict.
BEST_OTHER = {
    "delete": ("the dict itself", 1.0),
    "put_batch 100": ("btree", 936 / 337),
    "delete_batch 100": ("btree", 162 / 23),
    "cleanup of 100": ("usqlite", 4518 / 135),
}


class Report:
    def __init__(self):
        self.reached = self.missed = 0

    def verdict(self, reached: bool) -> str:
        self.reached += reached
        self.missed += not reached
        return "reached" if reached else "NOT reached"


def micropython(interpreter: str, heap: str, script: str, *arguments: object) -> list[list[str]]:
    """The tab-separated lines the script prints."""
    done = subprocess.run(
        [interpreter, "-X", f"heapsize={heap}", script, *map(str, arguments)],
        cwd=BENCH,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode:
        raise SystemExit(f"{script} {arguments} ended with status {done.returncode}:\n{done.stdout}")
    return [line.split("\t") for line in done.stdout.splitlines()]


def in_us(text: str, calls: str) -> float:
    return int(text) / int(calls)


def cell(median: float, lowest: float) -> str:
    digits = 2 if median < 100 else 0
    return f"{median:,.{digits}f} ({lowest:,.{digits}f})"


def speed(interpreter: str, report: Report) -> None:
    for count, heap, collector in (
        (100, "96M", "off"),
        (1_000, "96M", "off"),
        (10_000, "96M", "off"),
        (1_000, "2M", "on"),
    ):
        (_, average), *lines = micropython(interpreter, heap, "speed.py", count, collector)
        print(f"\nIn memory, {count:,} documents of {int(average) / 100:.2f} bytes of JSON")
        print("µs, median (lowest) of 21 rounds in turns; ", end="")
        print(
            f"a heap of {heap}, the collector {collector}"
            + (", as a program finds it" if collector == "on" else " within a round")
        )
        if count == 10_000:
            print("(the allocator searches a heap this full of small pieces for long: that is in the dict's times)")
        print(f"{'':20}{'dict+json':>22}{'microtetherdb':>22}{'ratio':>9}   target")
        for name, calls, *times in lines:
            plain, plain_low, ours, ours_low = (in_us(text, calls) for text in times)
            ratio = plain / ours
            target = f"{TARGETS[name]} times: {report.verdict(ratio >= TARGETS[name])}"
            if count == 1_000 and name in BEST_OTHER:
                other, times_dict = BEST_OTHER[name]
                target += f"; {other}, {times_dict:.1f} times: {report.verdict(ratio > times_dict)}"
            print(
                f"{name:20}{cell(plain, plain_low):>22}{cell(ours, ours_low):>22}{ratio:>9.2f}   {target}", flush=True
            )


def scale(interpreter: str, report: Report) -> None:
    print("\nThe same call at 1,000 and at 100,000 records; µs, median (lowest) of 31 rounds in turns")
    print(f"{'':20}{'1,000':>22}{'100,000':>22}{'ratio':>9}   target")
    for name, *times in micropython(interpreter, "160M", "scale.py", 1_000, 100_000):
        small, small_low, large, large_low = (int(text) / 1000 for text in times)
        ratio = large / small
        print(
            f"{name:20}{cell(small, small_low):>22}{cell(large, large_low):>22}{ratio:>9.2f}"
            f"   at most 1.5: {report.verdict(ratio <= 1.5)}"
        )


def memory(interpreter: str, report: Report) -> None:
    counts = {name: int(number) for name, number in micropython(interpreter, "16M", "memory.py")}

    def row(what: str, figure: str, target: str = "", reached: bool | None = None) -> None:
        print(f"{what:62}{figure:>14}   {target}" + (f": {report.verdict(reached)}" if reached is not None else ""))

    average = counts["average JSON of a document, hundredths of a byte"] / 100
    print(
        f"\nCounts, the same in each run, those of a TTL but for a chunk of pages; growth of gc.mem_alloc() for 1,000 documents of {average:.2f} bytes of JSON"
    )
    row("generated keys", f"{counts['generated']:,}", "at most 50,000", counts["generated"] <= 50_000)
    row("random 8-byte keys in random order", f"{counts['random']:,}", "at most 65,000", counts["random"] <= 65_000)
    row("8-byte keys in order", f"{counts['ordered']:,}")
    row("the same keys in random order", f"{counts['shuffled']:,}")
    row("generated keys, two tags each", f"{counts['tagged']:,}")
    row(
        "a dict of JSON strings with the 8-byte keys",
        f"{counts['dict']:,}",
        "more than microtetherdb",
        counts["dict"] > counts["ordered"],
    )
    row("an empty database", f"{counts['empty']:,}")
    for kind in ("ordered", "random"):
        cost = counts[f"ttl {kind}"] / 10
        row(f"a TTL, bytes a record beyond its key, {kind} keys", f"{cost:.1f}", "at most 24", cost <= 24)
    more = counts["query of 3000"] - counts["query of 100"]
    row("query without a match: bytes for 2,900 documents more", f"{more:,}", "0", more == 0)
    row("the whole such query", f"{counts['query of 3000']:,}")
    row("get of a key that is not there", f"{counts['get']:,}")
    print(f"\nA database filled to its limit of {counts['full bytes_limit']:,} bytes")
    holds = counts["full holds"]
    row("documents it holds", f"{holds:,}")
    row("of them read back right", f"{counts['full reads']:,}", "all", counts["full reads"] == holds)
    row("a query's matches too many or too few", f"{counts['full query']:,}", "0", counts["full query"] == 0)
    row(
        "every second one deleted",
        f"{counts['full deleted']:,}",
        "all of them",
        counts["full deleted"] == counts["full half"],
    )
    row(
        "documents that then fit again",
        f"{counts['full again']:,}",
        "as many",
        counts["full again"] >= counts["full half"],
    )
    row("left after deleting everything", f"{counts['full emptied']:,}", "0", counts["full emptied"] == 0)


def compression(interpreter: str) -> None:
    """Of values stored plain and compressed; those of readings have shared names in both."""
    arguments = [str(READINGS)] if READINGS.exists() else []
    print("\nCompression; bytes and µs a value, stored plain -> compressed; times are the lowest of 5 rounds")
    print(f"{'':45}{'JSON':>7}{'in memory':>17}{'in a file':>17}{'put':>15}{'get':>14}{'query':>14}")
    for what, *numbers in micropython(interpreter, "96M", "compression.py", *arguments):
        count, json, *figures = map(int, numbers)
        pairs = [(plain / count, small / count) for plain, small in zip(figures[::2], figures[1::2])]
        used, size, put, get, query = pairs
        print(
            f"{what:45}{json / count:>7,.0f}"
            + "".join(f"{plain:>8,.1f} -> {small:>5,.0f}" for plain, small in (used, size))
            + "".join(f"{plain:>6,.2f} -> {small:>4,.1f}" for plain, small in (put, get, query)),
            flush=True,
        )
    if not arguments:
        print(f"SKIPPED: the readings: there is no {READINGS}")


def instructions(interpreter: str) -> None:
    """Per call, from the difference between a run that makes two rounds and a run that makes one."""

    def counted(*arguments: object) -> int:
        done = subprocess.run(
            [
                "valgrind",
                "--tool=callgrind",
                "--callgrind-out-file=/dev/null",
                interpreter,
                "-X",
                "heapsize=96M",
                "instructions.py",
                *map(str, arguments),
            ],
            cwd=BENCH,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        collected = re.search(r"Collected : (\d+)", done.stdout)
        if done.returncode or not collected:
            raise SystemExit(f"valgrind: {done.stdout}")
        return int(collected[1])

    print("\nProcessor instructions a call, 1,000 documents")
    print(f"{'':20}{'dict+json':>14}{'microtetherdb':>16}{'ratio':>9}")
    for name, calls in (("get", 100), ("put", 100), ("query_gt", 1), ("query_tag", 1)):
        plain, ours = (
            (counted(contender, name, 2) - counted(contender, name, 1)) / calls for contender in ("Dict", "Database")
        )
        print(f"{name:20}{plain:>14,.0f}{ours:>16,.0f}{plain / ours:>9.2f}", flush=True)


def main() -> int:
    arguments = sys.argv[1:]
    with_instructions = "--instructions" in arguments
    if with_instructions:
        arguments.remove("--instructions")
    if len(arguments) != 1:
        print(__doc__)
        return 2
    interpreter = str(Path(arguments[0]).resolve())
    report = Report()
    memory(interpreter, report)
    speed(interpreter, report)
    scale(interpreter, report)
    compression(interpreter)
    if with_instructions:
        instructions(interpreter)
    print(f"\n{report.reached} targets reached, {report.missed} not reached")
    return 0


if __name__ == "__main__":
    sys.exit(main())
