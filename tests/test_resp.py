"""The client of the Redis protocol, against a real server and against what is none."""

import _thread
import errno
import gc
import time

from mtdb_redis.resp import Client, Refused
from redis_control import HOST, PORT, Impostor, control
from runner import raises

NEEDS = "unix"
REDIS = True


def client(**options):
    return Client(HOST, PORT, **options)


def with_password(check):
    """Runs check() while the server wants the password "secret"."""
    admin = client()
    admin.call("CONFIG", "SET", "requirepass", "secret")
    try:
        check()
    finally:
        admin.call("CONFIG", "SET", "requirepass", "")
        admin.close()


def test_each_kind_of_reply():
    c = client()
    assert c.call("SET", "a", "1") == b"OK"
    assert c.call("GET", "a") == b"1"
    assert c.call("GET", "missing") is None
    assert c.call("INCRBY", "a", 41) == 42
    assert c.call("DECRBY", "a", 50) == -8
    assert c.call("MGET", "a", "missing") == [b"-8", None]
    assert c.call("KEYS", "nothing*") == []
    assert c.call("EVAL", "return {1, {'x', {}}}", 0) == [1, [b"x", []]]
    assert c.call("SET", "empty", b"") == b"OK" and c.call("GET", "empty") == b""
    c.close()


def test_bytes_of_any_kind_and_size_come_back():
    c = client()
    for size in (1, 511, 512, 513, 1000, 70000):
        data = bytes((n * 7 + n // 256) & 255 for n in range(size))
        c.call("SET", b"\r\n\x00\xff", data)
        assert c.call("GET", b"\r\n\x00\xff") == data, size
        assert c.call("SET", "view", memoryview(data)[1:]) == b"OK" and c.call("GET", "view") == data[1:]
    c.call("SET", "ü", "ä\u20ac")
    assert c.call("GET", "ü").decode() == "ä\u20ac"
    c.close()


def test_a_large_value_takes_no_memory_beyond_itself():
    c = client()
    data = bytes(700000)
    c.call("SET", "large", data)
    del data
    gc.collect()
    before = gc.mem_alloc()
    gc.disable()
    try:
        back = c.call("GET", "large")
        taken = gc.mem_alloc() - before
        c.call("SET", "large", back)
        both = gc.mem_alloc() - before
    finally:
        gc.enable()
    assert len(back) == 700000 and taken < 710000 and both < 712000, (taken, both)
    c.call("DEL", "large")
    c.close()


def test_a_pipeline_reads_every_reply_before_it_raises():
    c = client()
    c.call("DEL", "p")
    raised = raises(Refused, c.pipeline, (("SET", "p", 1), ("LPUSH", "p", 2), ("INCR", "p")), says=("WRONGTYPE", PORT))
    assert raised.errno == errno.EIO
    assert c.call("GET", "p") == b"2", "the third request was carried out, and its reply read"
    assert c.connections == 1
    c.close()


def test_a_transaction_is_all_or_nothing():
    c, other = client(), client()
    c.call("SET", "w", 1)
    assert c.transaction([("INCR", "w"), ("GET", "w")]) == [2, b"2"]
    c.call("WATCH", "w")
    other.call("INCR", "w")
    assert c.transaction([("INCR", "w")]) is None
    raises(Refused, c.transaction, [("INCR", "w"), ("NO_SUCH_REQUEST",)], says="NO_SUCH_REQUEST")
    assert other.call("GET", "w") == b"3"
    c.close(), other.close()


def test_what_was_watched_on_a_lost_connection_counts_as_changed():
    c, other = client(), client()
    c.call("SET", "w", 1)
    c.call("WATCH", "w")
    watched_on = c.connections
    other.call("CLIENT", "KILL", "TYPE", "normal")
    other.call("SET", "w", 2)
    assert c.transaction([("SET", "w", 3)], watched_on) is None
    assert other.call("GET", "w") == b"2"
    assert c.transaction([("SET", "w", 3)]) == [b"OK"]
    c.close(), other.close()


def test_an_error_inside_a_transaction_is_raised():
    c = client()
    c.call("SET", "w", "text")
    raises(Refused, c.transaction, [("INCR", "w")], says="integer")
    c.close()


def test_a_full_server_is_a_memory_error():
    c = client()
    c.call("CONFIG", "SET", "maxmemory", 1)
    try:
        raises(MemoryError, c.call, "SET", "x", 1, says=(HOST, PORT))
    finally:
        c.call("CONFIG", "SET", "maxmemory", 0)
    assert c.call("SET", "x", 1) == b"OK"
    c.close()


def test_the_database_is_selected():
    zero, five = client(), client(db=5)
    five.call("SET", "only in 5", 1)
    assert zero.call("GET", "only in 5") is None and five.call("GET", "only in 5") == b"1"
    raises(OSError, client(db=77).call, "PING", says="DB index is out of range")
    zero.close(), five.close()


def test_no_connection_is_made_before_the_first_call():
    Client("no.such.host.invalid", 1, 0, "secret")


def test_nobody_listens():
    raised = raises(OSError, Client(HOST, 1).call, "PING", says=(HOST, "1", "ECONNREFUSED"))
    assert raised.errno == errno.ECONNREFUSED


def test_no_such_host():
    raises(OSError, Client("no.such.host.invalid", 6379).call, "PING", says=("no.such.host.invalid", 6379))


def test_a_password():
    def check():
        c = client(password="secret")
        assert c.call("PING") == b"PONG"
        c.close()
        for password in ("wrong", "", "ü" * 20):
            raised = raises(OSError, client(password=password).call, "PING", says=(HOST, PORT, "password was refused"))
            assert raised.errno == errno.EACCES
        raised = raises(OSError, client().call, "PING", says=(HOST, PORT, "no password was given"))
        assert raised.errno == errno.EACCES

    with_password(check)


def test_a_password_where_none_is_wanted():
    raised = raises(OSError, client(password="secret").call, "PING", says=(HOST, PORT, "password"))
    assert raised.errno == errno.EACCES


def test_what_does_not_speak_the_protocol():
    for answer in (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"$x\r\n", b":\r\n", b"\r\n"):
        impostor = Impostor(answer)
        says = (HOST, impostor.port, "does not speak the Redis protocol")
        raises(OSError, Client(HOST, impostor.port).call, "PING", says=says)


def test_answers_cut_short():
    for answer in (b"", b"+O", b"+OK", b"+OK\r\n$5\r\nab", b"+OK\r\n$2\r\nab", b"+OK\r\n*2\r\n:1\r\n"):
        impostor = Impostor(answer)
        raises(OSError, Client(HOST, impostor.port).call, "PING", says=(HOST, impostor.port, "connection lost"))


def test_a_server_that_is_silent():
    c = client(timeout=0.2)
    raised = raises(OSError, c.call, "BLPOP", "nothing comes here", 5, says=(HOST, PORT, "no answer in 0.2 s"))
    assert raised.errno == errno.ETIMEDOUT
    assert c.call("PING") == b"PONG", "the late answer is not taken for this one's"
    c.close()


def test_a_server_that_dies_and_comes_back():
    c = client()
    c.call("SET", "x", 1)
    control("kill")
    try:
        for _ in range(2):
            raises(OSError, c.call, "GET", "x", says=(HOST, PORT))
    finally:
        control("start")
    assert c.call("GET", "x") is None, "it kept nothing"
    assert c.call("SET", "x", 2) == b"OK" and c.connections == 2
    # While nothing was awaited: the next call does not even notice.
    control("kill")
    control("start")
    assert c.call("GET", "x") is None and c.connections == 3
    c.close()


def test_a_server_that_dies_while_an_answer_is_awaited():
    c = client()
    c.call("PING")
    errors = []

    def wait():
        try:
            c.call("BLPOP", "nothing comes here", 4)
            errors.append("an answer")
        except OSError as error:
            errors.append(str(error))

    watch = client()
    _thread.start_new_thread(wait, ())
    while b"blocked_clients:1" not in watch.call("INFO", "clients"):
        time.sleep_ms(5)
    control("kill")
    control("start")
    while not errors:
        time.sleep_ms(5)
    assert "connection lost" in errors[0], errors
    assert c.call("PING") == b"PONG"
    c.close(), watch.close()


def test_a_request_that_breaks_off_does_not_spoil_the_next():
    c = client()
    for words in (("SET", "k", 1.5), ("SET", "k" * 600, None), ("SET", "k", b"x" * 600, [1])):
        raises(TypeError, c.call, *words)
        assert c.call("ECHO", "whole") == b"whole"
    c.close()


def test_threads_share_a_client():
    c, done, rounds = client(), [], 300

    def work(number):
        try:
            for n in range(rounds):
                text = b"%d-%d" % (number, n)
                assert c.call("ECHO", text) == text
            done.append(None)
        except BaseException as error:
            done.append(error)

    for number in range(3):
        _thread.start_new_thread(work, (number,))
    while len(done) < 3:
        time.sleep_ms(2)
    assert done == [None] * 3, done
    c.close()
