#!/usr/bin/env python3
"""Prints what a database in files does to flash, on littlefs as rp2 has it (block 4,096, prog 256).

    python3 bench/run_flash.py INTERPRETER

Counts are exact, a device in RAM takes them; only those with a TTL differ between runs, because times stand in their
keys. Times of get are medians, those of open the lowest; their ratios hold within a run.
"""

import subprocess
import sys
from pathlib import Path

from run import BENCH, Report

PARTS = ("floor", "generated", "tagged", "tagged_from_17", "scattered", "batches", "deleting", "longest", "get", "opening")
# What a row is held against, a put: bytes programmed, blocks erased. By how a row's name begins.
TARGETS = {
    "generated keys": (350, 0.13),
    "TTL and": (600, 0.2),
    "random keys": (2000, 0.5),
    "updates of 10,000": (2000, 0.5),
    "put_batch of 100": (150, 0.05),
    "delete, oldest first": (350, 0.13),  # as a put of a generated key
    "delete, random": (2000, 0.5),  # as a put of a random one
}
# Blocks of the device: 4 MB; and where that is too small, 16 MB.
BLOCKS, MORE_BLOCKS = 1024, 4096
# What others reach for the same, in words: the tables that these figures stand in were measured on the same littlefs.
OTHERS = {
    "bare append": "GOALS.md has 241 / 0.09 of the encoded records, 283 / 0.12 of their text",
    "generated keys": "btree 6,500 / 1.8; tether 27,000 / 7.4; usqlite 56,000 / 17",
    "delete": "btree 46,000 / 12; tether 88,000 / 22; usqlite 82,000 / 24",
}
FILES_OF_OTHERS = "the others' files of 1,000: btree 92 KB, tether 151 KB, the bare text 75 KB"
RATIO_OF_GET = 3
RATIO_OF_OPEN = 10


def lines(interpreter: str, part: str, blocks: int):
    """The lines of a part as they come; what it says of its progress goes to the terminal."""
    on_terminal = sys.stderr.isatty()
    child = subprocess.Popen(
        [interpreter, "-X", "heapsize=64M", "flash.py", part, str(blocks), *(["progress"] if on_terminal else [])],
        cwd=BENCH,
        text=True,
        stdout=subprocess.PIPE,
        stderr=None if on_terminal else subprocess.STDOUT,  # a traceback
    )
    shown = []
    for line in child.stdout:
        if on_terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
        shown.append(line)
        if "\t" in line:
            yield line.rstrip("\n").split("\t")
    if child.wait():
        raise SystemExit(f"flash.py {part} ended with status {child.returncode}:\n{''.join(shown)}")


def begins(table: dict, name: str):
    return next((table[begin] for begin in table if name.startswith(begin)), None)


class Table:
    def __init__(self, report: Report):
        self.report = report
        self.opens: dict[tuple[str, str], tuple[int, int, int]] = {}
        self.gets: dict[str, tuple[int, int]] = {}

    def count(self, name: str, operations: str, programmed: str, erased: str) -> None:
        a_put = int(programmed) / int(operations), int(erased) / int(operations)
        target, others = begins(TARGETS, name), begins(OTHERS, name)
        verdict = ""
        if target and "1,000 to 9,000" not in name:
            reached = a_put[0] <= target[0] and a_put[1] <= target[1]
            verdict = f"at most {target[0]:,} / {target[1]}: {self.report.verdict(reached)}"
        if others and "0 to 1,000" in name + "0 to 1,000" * ("bare append, k" in name or "of 1000 " in name):
            verdict += ("; " if verdict else "") + others
        print(f"{name:48}{a_put[0]:>10,.1f} /{a_put[1]:>7.3f}   {verdict}", flush=True)

    def size(self, name: str, size: str, blocks: str) -> None:
        blocks = f", {blocks} blocks of the filesystem" if blocks else ""
        others = f"   {FILES_OF_OTHERS}" if name == "generated keys, 1,000 records" else ""
        print(f"  bytes of all files, {name}: {int(size):,}{blocks}{others}", flush=True)

    def longest(self, what: str, *figures: str) -> None:
        number, programmed, pages, erased, frames, reads = map(int, figures)
        print(
            f"longest put of 20,000, {what}: the one of index {number:,} programs {programmed:,} bytes = {pages} flash "
            f"pages of 256, erases {erased} blocks, writes {frames} page frames, reads {reads} times",
            flush=True,
        )

    def spread(self, what: str, *buckets: str) -> None:
        limits = [f"<= {4 << at} KB" for at in range(len(buckets) - 1)] + ["more"]
        print("  puts by bytes programmed: " + ", ".join(f"{limit}: {n}" for limit, n in zip(limits, buckets)))

    def failed(self, name: str, error: str, records: str, used: str, blocks: str) -> None:
        print(f"{name}: {error} at {records} records, {used} of {blocks} blocks used: {self.report.verdict(False)}")

    def time(self, count: str, cache: str, where: str, median: str, lowest: str, reads: str) -> None:
        self.gets[where] = int(median), int(lowest)
        if where == "memory":
            (file, file_low), (memory, memory_low) = self.gets["file"], self.gets["memory"]
            ratio = file / memory
            print(
                f"get of {int(count):,} records, a cache of {cache} pages: {file / 1000:.3f} us "
                f"({file_low / 1000:.3f}), in memory {memory / 1000:.3f} us ({memory_low / 1000:.3f}): "
                f"{ratio:.2f} times, {reads} device reads   at most {RATIO_OF_GET}: {self.report.verdict(ratio <= RATIO_OF_GET)}",
                flush=True,
            )

    def open(self, count: str, how: str, *figures: str) -> None:
        took, reads, read_bytes, programmed = map(int, figures)
        self.opens[count, how] = took, reads, read_bytes
        ended = "after close" if how == "closed" else "after a power cut"
        line = f"open of {int(count):,} records, {ended}: {took:,} us, "
        line += f"{reads:,} device reads of {read_bytes:,} bytes, {programmed} bytes programmed"
        if count == "10000":
            ratios = [large / small for large, small in zip(self.opens[count, how], self.opens["100", how])]
            line += f"; {ratios[0]:.1f} times that of 100 (reads {ratios[1]:.1f}, bytes {ratios[2]:.1f})   "
            line += f"all under {RATIO_OF_OPEN}: {self.report.verdict(max(ratios) < RATIO_OF_OPEN)}"
        print(line, flush=True)


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    interpreter = str(Path(sys.argv[1]).resolve())
    report = Report()
    table = Table(report)
    print("littlefs, block 4,096, prog 256, default flush rule; documents of 59 bytes of JSON")
    print("bytes programmed / blocks erased an operation, cleaning included; from flushed to flushed")
    for part in PARTS:
        for blocks in (BLOCKS, MORE_BLOCKS):
            failed = False
            for kind, *cells in lines(interpreter, part, blocks):
                getattr(table, kind)(*cells)
                failed |= kind == "failed"
            if not failed:
                break
            if blocks == BLOCKS:
                print(f"the same on a device of {MORE_BLOCKS} blocks:")
    print(f"\n{report.reached} targets reached, {report.missed} not reached")
    return 0


if __name__ == "__main__":
    sys.exit(main())
