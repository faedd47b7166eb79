"""What tests that say REDIS = True share: where their server is, killing and starting it, and a server that
is none."""

import _thread
import os
import socket

HOST = "127.0.0.1"
PORT = int(os.getenv("REDIS_PORT") or 0)


def control(word):
    """`word`: kill or start. Returns when it is done."""
    line = socket.socket()
    line.connect(socket.getaddrinfo(HOST, int(os.getenv("REDIS_CONTROL")))[0][-1])
    line.write(word + "\n")
    assert line.readline() == b"ok\n"
    line.close()


class Impostor:
    """Listens on a port of its own and sends `answer` to the first `times` connections, then closes them."""

    def __init__(self, answer, times=1):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for self.port in range(PORT + 1, PORT + 100):
            try:
                self.socket.bind(socket.getaddrinfo(HOST, self.port)[0][-1])
                break
            except OSError:
                pass
        self.socket.listen(1)
        self.answer = answer
        _thread.start_new_thread(self.serve, (times,))

    def serve(self, times):
        for _ in range(times):
            connection = self.socket.accept()[0]
            connection.recv(1000)
            connection.send(self.answer)
            connection.close()
        self.socket.close()
