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
from contextlib import nullcontext
from pathlib import Path

from redis_server import RedisServer
from report import RUNNER, Counts, run_all, verdict

LIMIT_SECONDS = 180


def run_file(interpreter: str, file: Path) -> Counts:
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
    return verdict(file.stem, output.decode(errors="replace"), problem)


def main() -> int:
    if len(sys.argv) < 2:
        print(__doc__)
        return 2
    interpreter = str(Path(sys.argv[1]).resolve())
    return run_all([Path(name).resolve() for name in sys.argv[2:]], lambda file: run_file(interpreter, file))


if __name__ == "__main__":
    sys.exit(main())
