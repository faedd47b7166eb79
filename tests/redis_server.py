"""A redis-server on loopback for tests that need one, started and stopped by whoever drives them.

A test in the interpreter finds it through two environment variables: REDIS_PORT, and REDIS_CONTROL, a port
that takes the lines "kill" and "start" and answers "ok" when that is done: for tests of what happens
when a server goes away.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time

HOST = "127.0.0.1"
START_SECONDS = 20


class RedisServer:
    """`with RedisServer() as server:` runs one, with nothing in it and writing nothing to disk."""

    def __init__(self, port: int | None = None):
        """`port`: a free one where none is given."""
        if not shutil.which("redis-server"):
            raise SystemExit("redis-server is missing; `tools/install.sh test`, which `make test` runs, installs it")
        self.port = port or free_port()
        self.process: subprocess.Popen | None = None
        self.folder = tempfile.TemporaryDirectory()
        self.control = socket.create_server((HOST, 0))

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "REDIS_PORT": str(self.port), "REDIS_CONTROL": str(self.control.getsockname()[1])}

    def __enter__(self):
        self.start()
        threading.Thread(target=self.serve_control, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.control.close()
        self.kill()
        self.folder.cleanup()

    def start(self) -> None:
        command = ["redis-server", "--port", str(self.port), "--bind", HOST, "--save", "", "--dir", self.folder.name]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + START_SECONDS
        while not answers(self.port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"redis-server does not answer on port {self.port}")
            time.sleep(0.02)

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def serve_control(self) -> None:
        while True:
            try:
                connection = self.control.accept()[0]
            except OSError:
                return
            with connection, connection.makefile("rw") as lines:
                for line in lines:
                    {"kill": self.kill, "start": self.start}[line.strip()]()
                    lines.write("ok\n")
                    lines.flush()


def free_port() -> int:
    with socket.create_server((HOST, 0)) as taken:
        return taken.getsockname()[1]


def answers(port: int) -> bool:
    """Whether a Redis server answers there."""
    try:
        with socket.create_connection((HOST, port), timeout=2) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith((b"+PONG", b"-NOAUTH"))
    except OSError:
        return False
