"""What the drivers of the tests (run_unix.py, run_board.py) share: reading what tests/runner.py printed, and the report."""

import re
import time
from pathlib import Path
from typing import Callable

TESTS = Path(__file__).resolve().parent
RUNNER = TESTS / "runner.py"
LONGEST_LINE = 1000

# (passed, failed, skipped, what to show) of one test file.
Counts = tuple[int, int, int, str]


def verdict(name: str, output: str, problem: str | None) -> Counts:
    """What `output`, printed by the runner for the file `name`, says. `problem` is how the interpreter ended, if
    it ended badly: then the test that had begun failed."""
    lines = output.splitlines()
    closing = re.fullmatch(r"(\d+) passed, (\d+) failed", lines[-1]) if lines else None
    if closing and not problem:
        passed, failed = int(closing[1]), int(closing[2])
    else:
        begun = [line[2:] for line in lines if line.startswith("> ")]
        failed = 1 + sum(line.startswith("FAILED ") for line in lines)
        passed = max(0, len(begun) - failed)
        problem = problem or "the interpreter ended early"
        lines.append(f"FAILED {name}: {problem} in {begun[-1] if begun else 'loading the file'}")
    skipped = sum(line.startswith("skipped") for line in lines)
    shown = [
        line if len(line) < LONGEST_LINE else line[:LONGEST_LINE] + " …"
        for line in lines
        if not line.startswith(("> ", "skipped")) and line != (closing and closing[0])
    ]
    return passed, failed, skipped, "\n".join(shown)


def run_all(files: list[Path], run_file: Callable[[Path], Counts]) -> int:
    """Runs the files (all of tests/ when there is none), prints a line for each and the sum; returns the exit status."""
    files = files or sorted(TESTS.glob("test_*.py"))
    passed = failed = skipped = 0
    for number, file in enumerate(files, 1):
        began = time.monotonic()
        counts = run_file(file)
        passed, failed, skipped = passed + counts[0], failed + counts[1], skipped + counts[2]
        print(
            f"{number:3}/{len(files)}  {file.stem:24} {counts[0]:3} passed"
            + (f", {counts[1]} FAILED" if counts[1] else "")
            + (", skipped" if counts[2] else "")
            + f"  {time.monotonic() - began:.1f} s",
            flush=True,
        )
        if counts[3]:
            print(counts[3], flush=True)
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0
