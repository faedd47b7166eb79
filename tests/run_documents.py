#!/usr/bin/env python3
"""Runs the documents' examples as they stand.

    python3 tests/run_documents.py INTERPRETER FOLDER

Every script of FOLDER (../shared/docs/interfaces/examples) whose line `# needs:` asks for nothing
but what is SUPPORTED runs as `INTERPRETER FILE EMPTY_FOLDER`; its own asserts are the checks. The
last line is `N passed, N failed`, the exit status 1 when any failed. Without FOLDER nothing
is run, and that is said. Scripts that need redis find a server at localhost:6379: one that runs there
already (they remove only what they wrote), else one of this driver's own, which it stops.
"""

import re
import signal
import subprocess
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path

from redis_server import RedisServer, answers

SUPPORTED = {"memory", "file", "redis", "asyncio"}
REDIS_PORT = 6379
LIMIT_SECONDS = 60


def needs(script: Path) -> set[str]:
    line = re.search(r"^# needs: *(.+)$", script.read_text(), re.MULTILINE)
    if not line:
        raise SystemExit(f"{script}: it has no line '# needs:'")
    return {word.strip() for word in line[1].split(",")}


def run_script(interpreter: str, script: Path) -> str | None:
    """What went wrong, or None."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                [interpreter, str(script), folder],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=LIMIT_SECONDS,
            )
        except subprocess.TimeoutExpired as hang:
            return (hang.stdout or b"").decode(errors="replace") + f"\nit did not end in {LIMIT_SECONDS} s"
    output = done.stdout.decode(errors="replace")
    if done.returncode < 0:
        return output + f"\nthe interpreter ended with {signal.Signals(-done.returncode).name}"
    if done.returncode or "Traceback" in output:
        return output + f"\nexit status {done.returncode}"
    return None


def main() -> int:
    if len(sys.argv) != 3:
        print(__doc__)
        return 2
    interpreter, folder = str(Path(sys.argv[1]).resolve()), Path(sys.argv[2]).resolve()
    scripts = sorted(folder.glob("*.py"))
    if not scripts:
        print("!" * 72)
        print(f"SKIPPED: the documents' examples are not checked, because there are none in\n{folder}")
        print("They lie beside this repository, in ../shared/docs/interfaces/examples.")
        print("!" * 72)
        print("0 passed, 0 failed")
        return 0
    chosen = [script for script in scripts if needs(script) <= SUPPORTED]
    with redis_for(chosen):
        passed, failed = run_scripts(interpreter, chosen)
    print(
        f"{len(scripts) - len(chosen)} of {len(scripts)} examples need what is not built yet"
        f" (supported: {', '.join(sorted(SUPPORTED))})"
    )
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def redis_for(scripts: list[Path]):
    """A context with a server where they look for one."""
    if not any("redis" in needs(script) for script in scripts):
        return nullcontext()
    if answers(REDIS_PORT):
        print(f"  using the Redis server that runs at port {REDIS_PORT}")
        return nullcontext()
    return RedisServer(REDIS_PORT)


def run_scripts(interpreter: str, scripts: list[Path]) -> tuple[int, int]:
    """(passed, failed)"""
    passed = failed = 0
    for script in scripts:
        problem = run_script(interpreter, script)
        if problem is None:
            passed += 1
            print(f"  {script.name}", flush=True)
        else:
            failed += 1
            print(f"FAILED {script.name}\n{problem.strip()}", flush=True)
    return passed, failed


if __name__ == "__main__":
    sys.exit(main())
