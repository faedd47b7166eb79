#!/usr/bin/env python3
"""Runs tests/test_*.py (or the FILEs given) on MicroPython's unix port.

    python3 tests/run_unix.py INTERPRETER [FILE…]

Each file runs in an interpreter and an empty folder of its own. A test file may say
HEAP = "256K" for a heap of that size, and REDIS = True for a redis-server of its own
(redis_server.py). A crash or a hang is a failure. The last line is `N passed, N failed`, with
`, N skipped` when there were some; the exit status 1 when any failed.
"""

import re
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

from redis_server import RedisServer

TESTS = Path(__file__).resolve().parent
RUNNER = TESTS / "runner.py"
LIMIT_SECONDS = 180
LONGEST_LINE = 1000


def run_file(interpreter: str, file: Path) -> tuple[int, int, int, str]:
    """(passed, failed, skipped, what to show) of one test file."""
    source = file.read_text()
    heap = re.search(r'^HEAP = "(\w+)"', source, re.MULTILINE)
    redis = re.search(r"^REDIS = True", source, re.MULTILINE)
    options = ["-X", f"heapsize={heap[1]}"] if heap else []
    problem = None
    with tempfile.TemporaryDirectory() as folder, RedisServer() if redis else nullcontext() as server:
        try:
            done = subprocess.run(
                [interpreter, *options, str(RUNNER), str(file)],
                cwd=folder,
                env=server.environment if server else None,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=LIMIT_SECONDS,
            )
            output = done.stdout
            if done.returncode < 0:
                problem = f"the interpreter ended with {signal.Signals(-done.returncode).name}"
        except subprocess.TimeoutExpired as hang:
            output = hang.stdout or b""
            problem = f"the interpreter did not end in {LIMIT_SECONDS} s and was killed with SIGKILL"
    lines = output.decode(errors="replace").splitlines()
    closing = re.fullmatch(r"(\d+) passed, (\d+) failed", lines[-1]) if lines else None
    if closing and not problem:
        passed, failed = int(closing[1]), int(closing[2])
    else:
        problem = problem or f"the interpreter ended early, with status {done.returncode}"
        begun = [line[2:] for line in lines if line.startswith("> ")]
        failed = 1 + sum(line.startswith("FAILED ") for line in lines)
        passed = max(0, len(begun) - failed)
        lines.append(f"FAILED {file.stem}: {problem} in {begun[-1] if begun else 'loading the file'}")
    skipped = sum(line.startswith("skipped") for line in lines)
    shown = [
        line if len(line) < LONGEST_LINE else line[:LONGEST_LINE] + " …"
        for line in lines
        if not line.startswith(("> ", "skipped")) and line != (closing and closing[0])
    ]
    return passed, failed, skipped, "\n".join(shown)


def main() -> int:
    if len(sys.argv) < 2:
        print(__doc__)
        return 2
    interpreter = str(Path(sys.argv[1]).resolve())
    files = [Path(name).resolve() for name in sys.argv[2:]] or sorted(TESTS.glob("test_*.py"))
    passed = failed = skipped = 0
    for number, file in enumerate(files, 1):
        began = time.monotonic()
        counts = run_file(interpreter, file)
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


if __name__ == "__main__":
    sys.exit(main())
