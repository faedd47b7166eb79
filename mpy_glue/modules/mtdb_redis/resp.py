"""A client of the Redis protocol (RESP 2) over a plain socket."""

import errno
import select
import socket

try:
    import _thread
except ImportError:
    _thread = None

# Of a request, arguments up to this size are put together before they are sent.
_SMALL = 512


class _NoLock:
    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def new_lock():
    return _thread.allocate_lock() if _thread else _NoLock()


class Refused(OSError):
    """The server's answer is an error: (EIO, its text)."""


class NoRoom(MemoryError):
    """The server has no memory left for what was asked of it."""


def _raise_first(replies):
    for reply in replies:
        if isinstance(reply, Exception):
            raise reply


class Client:
    """One connection to a server, made at the first use and made again after it was lost.

    Replies are bytes, int, None or lists of those. A request goes out once: where the connection breaks while
    its answer is awaited the call raises OSError, and whether the server has done it is not known. Every OSError
    of the network names host and port. Threads may share a client."""

    def __init__(self, host="localhost", port=6379, db=0, password=None, timeout=5):
        """`timeout`: seconds that connecting, and each answer, may take."""
        self.host, self.port, self.db, self.password, self.timeout = host, port, db, password, timeout
        # Counts the connections made: what a server keeps for a connection (WATCH) is gone when it changes.
        self.connections = 0
        self._socket = None
        self._poll = None
        self._lock = new_lock()
        # Held from WATCH to EXEC, since another EXEC on this connection ends every WATCH.
        self.watching = new_lock()

    def call(self, *request):
        """The reply to one request: its words are str, int or anything with the buffer protocol."""
        return self.pipeline((request,))[0]

    def pipeline(self, requests):
        """The replies to several requests sent together. The first that was refused raises, after all were read."""
        with self._lock:
            self._ready()
            return self._exchange(requests)

    def transaction(self, requests, connection=None):
        """The replies to `requests`, carried out all or none and nothing between them.

        Who has watched something, and holds `watching`, gives the number of the `connection` it did so on (see
        `connections`): None when what was watched has changed or the connection is another, and nothing was done."""
        if connection is None:
            with self.watching:
                return self._transaction(requests, None)
        return self._transaction(requests, connection)

    def _transaction(self, requests, connection):
        with self._lock:
            self._ready()
            if connection is not None and connection != self.connections:
                return None
            replies = self._talk(self._send_transaction, requests)
        _raise_first(replies or ())
        return replies

    def _send_transaction(self, requests):
        self._send(("MULTI",))
        for request in requests:
            self._send(request)
        self._send(("EXEC",))
        refusal = None
        for _ in range(len(requests) + 1):  # each is queued, or refused
            reply = self._receive()
            if isinstance(reply, Exception):
                refusal = refusal or reply
        reply = self._receive()
        return (refusal,) if refusal else reply

    def close(self):
        """Ends the connection; the next call makes a new one."""
        with self._lock:
            self._drop()

    # ---- the connection, all inside the lock

    def _fail(self, error, text):
        raise OSError(
            error.errno if isinstance(error, OSError) and error.errno else errno.EIO,
            "redis at %s:%s: %s" % (self.host, self.port, text),
        )

    def _drop(self):
        if self._socket:
            self._socket.close()
            self._socket = self._poll = None

    def _ready(self):
        # Nothing is awaited here, so what can be read is the end of a connection that the server has closed.
        if self._socket and self._poll.poll(0):
            self._drop()
        if not self._socket:
            self._connect()

    def _connect(self):
        try:
            address = socket.getaddrinfo(self.host, self.port, 0, socket.SOCK_STREAM)[0]
        except OSError as error:
            self._fail(error, "there is no host of that name")
        connection = socket.socket(address[0], address[1])
        try:
            connection.settimeout(self.timeout)
            connection.connect(address[-1])
        except OSError as error:
            connection.close()
            self._fail(error, "no connection (%s)" % errno.errorcode.get(error.errno, error.errno))
        try:
            connection.setsockopt(6, 1, 1)  # TCP_NODELAY: a request is several writes
        except (OSError, AttributeError):
            pass  # not every port has it
        self._socket = connection
        self._poll = select.poll()
        self._poll.register(connection, select.POLLIN)
        self.connections += 1
        greeting = [("AUTH", self.password)] if self.password is not None else []
        try:
            # SELECT in any case: it shows at once whether a server wants a password, or is none.
            self._exchange(greeting + [("SELECT", self.db)])
        except Refused as error:
            self._drop()
            text = str(error.args[1])
            if "NOAUTH" in text:
                raise OSError(errno.EACCES, text + " (no password was given)")
            if "WRONGPASS" in text or "AUTH" in text or "invalid password" in text:
                raise OSError(errno.EACCES, text + " (the password was refused)")
            raise

    def _exchange(self, requests):
        replies = self._talk(self._send_pipeline, requests)
        _raise_first(replies)
        return replies

    def _send_pipeline(self, requests):
        for request in requests:
            self._send(request)
        return [self._receive() for _ in requests]

    def _talk(self, send, requests):
        try:
            return send(requests)
        except OSError as error:
            self._drop()
            if len(error.args) > 1:
                raise
            name = errno.errorcode.get(error.errno, error.errno)
            lost = "no answer in %s s" % self.timeout if name == "ETIMEDOUT" else "connection lost (%s)" % name
            self._fail(error, lost)
        except BaseException:
            self._drop()  # half a reply may be left in it
            raise

    def _send(self, request):
        write = self._socket.write
        head = bytearray(b"*%d\r\n" % len(request))
        for word in request:
            if isinstance(word, int):
                word = str(word)
            if isinstance(word, str):
                word = word.encode()
            head += b"$%d\r\n" % len(word)
            if len(word) <= _SMALL:
                head += word
            else:
                write(head)
                write(word)
                head = bytearray()
            head += b"\r\n"
        write(head)

    def _line(self):
        line = self._socket.readline()
        if not line or line[-1] != 10:
            raise OSError(errno.ECONNRESET)
        return line

    def _receive(self):
        line = self._line()
        kind, rest = line[:1], line[1:-2]
        try:
            if kind == b"+":
                return rest
            if kind == b":":
                return int(rest)
            if kind == b"$":
                return self._bulk(int(rest))
            if kind == b"*":
                return self._array(int(rest))
            if kind == b"-":
                return self._refusal(rest.decode())
        except ValueError:
            pass
        self._fail(None, "what answers there does not speak the Redis protocol")

    def _bulk(self, size):
        if size < 0:
            return None
        # Read apart from its end, so that a large value is not copied.
        data = self._socket.read(size) if size else b""
        if len(data) != size or len(self._socket.read(2)) != 2:
            raise OSError(errno.ECONNRESET)
        return data

    def _array(self, size):
        return None if size < 0 else [self._receive() for _ in range(size)]

    def _refusal(self, text):
        text = "redis at %s:%s: %s" % (self.host, self.port, text)
        return NoRoom(text) if ": OOM " in text else Refused(errno.EIO, text)
