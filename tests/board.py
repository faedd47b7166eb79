"""A board running MicroPython behind a command (an emulator) whose stdin and stdout are its serial line."""

import os
import select
import subprocess
import time

PIECE = 256  # bytes of a file that go over the line at once


class BoardError(Exception):
    """The board does not answer as MicroPython's raw REPL does. `output` is what it said until then."""

    def __init__(self, message: str, output: str = ""):
        super().__init__(message)
        self.output = output


class Board:
    """Starts the command and takes the raw REPL; `close()` ends it. `prepare` is code run at each start of MicroPython."""

    def __init__(self, command: list[str], prepare: str = "", boot_seconds: float = 60):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.pending = b""
        self.prepare = prepare
        self.boot_seconds = boot_seconds
        try:
            self._until(b">>> ", boot_seconds)
            self._write(b"\x01")
            self._greet()
        except BoardError:
            self.close()
            raise

    def close(self) -> None:
        self.process.kill()
        self.process.wait()

    def soft_reset(self) -> None:
        """Starts MicroPython anew, with an empty heap; files stay."""
        self._write(b"\x04")
        self._until(b"soft reboot", self.boot_seconds)
        self._greet()

    def execute(self, code: str, seconds: float = 60) -> str:
        """What the code printed. An exception it raised is a BoardError, with the traceback."""
        self._paste(code.encode(), seconds)
        output = self._until(b"\x04", seconds).decode(errors="replace").replace("\r\n", "\n")
        error = self._until(b"\x04", seconds).decode(errors="replace").replace("\r\n", "\n")
        self._until(b">", seconds)
        if error:
            raise BoardError(error.strip().splitlines()[-1], output + error)
        return output

    def has_module(self, name: str) -> bool:
        try:
            self.execute(f"import {name}")
        except BoardError as error:
            if "ImportError" in str(error):
                return False
            raise
        return True

    def put_file(self, name: str, content: bytes) -> None:
        """Writes a file on the board's filesystem."""
        self.execute(f"_file = open({name!r}, 'wb')")
        for at in range(0, len(content), PIECE):
            self.execute(f"_file.write({content[at : at + PIECE]!r})")
        self.execute("_file.close()")

    def _greet(self) -> None:
        self._until(b"raw REPL; CTRL-B to exit\r\n>", self.boot_seconds)
        if self.prepare:
            self.execute(self.prepare)

    def _paste(self, code: bytes, seconds: float) -> None:
        """Raw paste mode: the board says how much it can take, so that nothing is lost in its buffers."""
        self._write(b"\x05A\x01")
        self._until(b"R\x01", seconds)
        room = window = int.from_bytes(self._take(2, seconds), "little")
        while code:
            if not room:
                if self._take(1, seconds) != b"\x01":
                    raise BoardError("the board took no more code", self._said())
                room = window
            self._write(code[:room])
            code, room = code[room:], max(0, room - len(code))
        self._write(b"\x04")
        self._until(b"\x04", seconds)

    def _write(self, data: bytes) -> None:
        try:
            self.process.stdin.write(data)
            self.process.stdin.flush()
        except BrokenPipeError:
            raise BoardError("the emulator ended") from None

    def _until(self, mark: bytes, seconds: float) -> bytes:
        """What comes before the mark, which is taken too."""
        end = time.monotonic() + seconds
        while mark not in self.pending:
            self._receive(end, seconds)
        before, self.pending = self.pending.split(mark, 1)
        return before

    def _take(self, count: int, seconds: float) -> bytes:
        end = time.monotonic() + seconds
        while len(self.pending) < count:
            self._receive(end, seconds)
        taken, self.pending = self.pending[:count], self.pending[count:]
        return taken

    def _receive(self, end: float, seconds: float) -> None:
        ready, _, _ = select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))
        came = os.read(self.process.stdout.fileno(), 65536) if ready else b""
        if not came:
            raise BoardError("the emulator ended" if ready else f"nothing more came in {seconds:.0f} s", self._said())
        self.pending += came

    def _said(self) -> str:
        return self.pending.decode(errors="replace").replace("\r\n", "\n")
