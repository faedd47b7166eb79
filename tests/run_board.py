#!/usr/bin/env python3
"""Runs tests/test_*.py (or the FILEs given) on an emulated board.

    python3 tests/run_board.py MPY_CROSS KIND [FILE…] -- EMULATOR [ARGUMENT…]

EMULATOR's stdin and stdout are the board's serial line. KIND is `qemu` (boards/qemu, whose flash must be formatted and
mounted) or `rp2` (where MicroPython does that). The files are compiled on this machine and imported on the board, each
in a heap of its own; one that says SLOW = True is left out on `rp2` unless it is named. A crash or a hang is a failure, and the emulator is started again for the next file. The last
line is `N passed, N failed`, with `, N skipped` when there were some; the exit status 1 when any failed.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from board import Board, BoardError
from report import RUNNER, Counts, run_all, verdict

LIMIT_SECONDS = 900
MOUNT = {
    "qemu": """
import vfs, qemu
try:
    _fs = vfs.VfsLfs2(qemu.Flash(), progsize=256)
except OSError:
    vfs.VfsLfs2.mkfs(qemu.Flash(), progsize=256)
    _fs = vfs.VfsLfs2(qemu.Flash(), progsize=256)
vfs.mount(_fs, "/")
del vfs, qemu, _fs
""",
    "rp2": "",
}
EMPTY = """
import os
def _empty(folder):
    for entry in list(os.ilistdir(folder)):
        path = folder + "/" + entry[0]
        if entry[1] == 0x4000:
            _empty(path)
            os.rmdir(path)
        else:
            os.remove(path)
_empty("")
"""


class Runner:
    """Runs test files on the board that `command` emulates."""

    def __init__(self, mpy_cross: str, kind: str, named: bool, command: list[str]):
        self.mpy_cross, self.kind, self.named, self.command = mpy_cross, kind, named, command
        self.board: Board | None = None

    def compiled(self, file: Path) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "out.mpy"
            subprocess.run([self.mpy_cross, "-s", file.name, "-o", str(out), str(file)], check=True)
            return out.read_bytes()

    def run_file(self, file: Path) -> Counts:
        if re.search(r'^NEEDS = "unix"', file.read_text(), re.MULTILINE):
            return 0, 0, 1, ""
        if self.kind == "rp2" and not self.named and re.search("^SLOW = True", file.read_text(), re.MULTILINE):
            return 0, 0, 1, "left out, it takes too long here; it runs where it is named, and on the Cortex-M3"
        problem = None
        try:
            if self.board:
                self.board.soft_reset()
            else:
                self.board = Board(self.command, MOUNT[self.kind])
            self.board.execute(EMPTY)
            for source in (RUNNER, file):
                self.board.put_file(source.stem + ".mpy", self.compiled(source))
            self.board.soft_reset()
            output = self.board.execute(f"import runner\nrunner.run({file.stem!r})", LIMIT_SECONDS)
        except BoardError as error:
            output, problem = error.output, str(error)
            self.close()
        return verdict(file.stem, output, problem)

    def close(self) -> None:
        if self.board:
            self.board.close()
        self.board = None


def main() -> int:
    if "--" not in sys.argv or sys.argv.index("--") < 3 or sys.argv[2] not in MOUNT:
        print(__doc__)
        return 2
    split = sys.argv.index("--")
    files = [Path(name).resolve() for name in sys.argv[3:split]]
    runner = Runner(sys.argv[1], sys.argv[2], bool(files), sys.argv[split + 1 :])
    try:
        return run_all(files, runner.run_file)
    finally:
        runner.close()


if __name__ == "__main__":
    sys.exit(main())
