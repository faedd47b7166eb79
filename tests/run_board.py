#!/usr/bin/env python3
"""Runs tests/test_*.py (or the FILEs given) on an emulated board.

    python3 tests/run_board.py MPY_CROSS KIND [FILE…] -- EMULATOR [ARGUMENT…]

EMULATOR's stdin and stdout are the board's serial line. KIND is `qemu` (boards/qemu, whose flash must be formatted and
mounted) or `rp2` (where MicroPython does that). The files, and those beside them that they import, are compiled on this
machine and imported on the board, each in a heap of its own. A test file may say

    NEEDS = "unix"   it is skipped on every board
    NEEDS = "nadb"   it is skipped where the image has no module of that name
    HEAP = "4M"      on `qemu` so much is added to the board's heap, at most 8M; elsewhere it is skipped, unless 256K will do
    SLOW = True      it is left out on `rp2`, unless it is named

A crash or a hang is a failure, and the emulator is started again for the next file. The last
line is `N passed, N failed`, with `, N skipped` when there were some; the exit status 1 when any failed.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from board import Board, BoardError
from report import RUNNER, TESTS, Counts, run_all, verdict

LIMIT_SECONDS = 900
BOARDS_HEAP = 256 << 10  # nearly
MOST_HEAP = 8 << 20  # that boards/qemu/flash.c can add
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


def said(source: str, name: str) -> str | None:
    """What a test file says of itself: the text behind NAME =, without quotes."""
    found = re.search(rf'^{name} = "?(\w+)', source, re.MULTILINE)
    return found and found[1]


def bytes_of(size: str | None) -> int:
    return int(size[:-1]) << {"K": 10, "M": 20}[size[-1]] if size else 0


def with_imports(file: Path) -> list[Path]:
    """The file, and those of tests/ that it imports, and that those do."""
    files = [file]
    for known in files:
        for name in re.findall(r"^\s*(?:from|import) (\w+)", known.read_text(), re.MULTILINE):
            imported = TESTS / f"{name}.py"
            if imported.exists() and imported not in (RUNNER, *files):
                files.append(imported)
    return files


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

    def start(self) -> Board:
        """A board with an empty filesystem, just started or reset."""
        if self.board:
            self.board.soft_reset()
        else:
            self.board = Board(self.command, MOUNT[self.kind])
        self.board.execute(EMPTY)
        return self.board

    def unfit(self, source: str, heap: int) -> str | None:
        """Why a test file does not run here."""
        needs = said(source, "NEEDS")
        if needs == "unix":
            return "needs the unix port"
        if self.kind == "rp2" and not self.named and said(source, "SLOW"):
            return "takes too long here; it runs where it is named, and on the Cortex-M3"
        if self.kind == "rp2" and heap > BOARDS_HEAP:
            return f"needs a heap of {heap >> 20} MB"
        if needs and not self.start().has_module(needs):
            return f"the image has no module {needs}"
        return None

    def run_file(self, file: Path) -> Counts:
        source = file.read_text()
        heap = bytes_of(said(source, "HEAP"))
        problem = None
        try:
            if reason := self.unfit(source, heap):
                return 0, 0, 1, f"skipped: {reason}"
            board = self.start()
            for needed in (RUNNER, *with_imports(file)):
                board.put_file(needed.stem + ".mpy", self.compiled(needed))
            board.soft_reset()
            if heap > BOARDS_HEAP:
                board.execute(f"import qemu\nqemu.add_heap({min(heap, MOST_HEAP)})")
            output = board.execute(f"import runner\nrunner.run({file.stem!r})", LIMIT_SECONDS)
        except BoardError as error:
            output, problem = error.output, str(error)
        if problem or heap > BOARDS_HEAP:  # only another start takes the heap away
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
