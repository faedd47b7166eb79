"""nadb on a real Redis server: every operation (nadb_operations.py), and what only a server can do."""

import errno
import time

import nadb_operations
from mtdb_redis.resp import Client
from nadb import KeyValueStore
from nadb_operations import *
from redis_control import HOST, PORT, control
from runner import raises
from storage_backends.redis import RedisStorage

NEEDS = "unix"
REDIS = True
HEAP = "8M"

server = Client(HOST, PORT)


def make(db, namespace, **options):
    made = KeyValueStore("./data", db, 1, namespace, storage_backend="redis", **options)
    made.storage = RedisStorage(base_path="./data", host=HOST, port=PORT)
    return made


nadb_operations.make = make


def test_other_programs_read_the_values():
    s = store("shop", "stock")
    s.set_with_ttl("apple", b"12", 100, tags=["fruit", "red"])
    assert server.call("GET", "nadb:shop:stock:value:apple") == b"12"
    assert 99000 < server.call("PTTL", "nadb:shop:stock:value:apple") <= 100000
    assert server.call("SMEMBERS", "nadb:shop:stock:tag:red") == [b"apple"]
    s.set("apple", b"13")
    assert server.call("PTTL", "nadb:shop:stock:value:apple") == -1
    assert server.call("EXISTS", "nadb:shop:stock:tag:red") == 0
    s.close()


def test_nothing_is_left_on_the_server():
    server.call("FLUSHALL")
    s = store()
    s.set("a", bytes(10), tags=["t"])
    s.set_with_ttl("b", bytes(10), 0.05, tags=["t", "u"])
    s.set("c", io.BytesIO(bytes(10)))
    time.sleep(0.1)
    s.cleanup_expired()
    s.delete("a")
    s.delete("c")
    assert server.call("KEYS", "*") == [b"nadb:db:ns:part"], server.call("KEYS", "*")
    s.close()


def test_flushdb_leaves_the_keys_of_others():
    server.call("SET", "not ours", "1")
    s = store()
    s.set("k", b"")
    s.flushdb()
    assert server.call("GET", "not ours") == b"1"
    s.close()


def test_two_writers_of_one_key_leave_no_stale_tags():
    one, two = store(), store(empty=False)
    for n in range(20):
        one.set("k", b"", tags=["one", "t%d" % n])
        two.set("k", b"", tags=["two", "t%d" % (n + 1)])
    assert one.list_all_tags() == {"two": 1, "t20": 1}
    assert server.call("KEYS", "nadb:db:ns:tag:*") and len(server.call("KEYS", "nadb:db:ns:tag:*")) == 2
    one.close(), two.close()


def test_what_a_server_has_evicted_is_forgotten_by_compacting():
    s = store()
    s.set("k", b"1", tags=["t"])
    server.call("DEL", "nadb:db:ns:value:k")
    raises(KeyError, s.get, "k")
    assert s.list_all_tags() == {} and s.query_by_tags(["t"]) == {}
    s.compact_storage()
    assert server.call("KEYS", "nadb:db:ns:*") == [] or server.call("KEYS", "nadb:db:ns:*") == [b"nadb:db:ns:part"]
    s.close()


def test_the_server_dies_and_comes_back():
    s = store()
    s.set("k", b"1")
    control("kill")
    try:
        for call in (
            lambda: s.set("k", b"2"),
            lambda: s.get("k"),
            lambda: s.delete("k"),
            lambda: s.query_by_tags(["t"]),
            lambda: s.set("k", io.BytesIO(bytes(10000))),
            s.list_all_tags,
            s.get_stats,
            s.cleanup_expired,
            s.flushdb,
        ):
            raises(OSError, call, says=(HOST, PORT))
    finally:
        control("start")
    raises(KeyError, s.get, "k")
    s.set("k", b"3", tags=["t"])
    assert s.get("k") == b"3" and s.list_all_tags() == {"t": 1}
    s.close()


def test_the_server_dies_while_values_are_written():
    s = store()
    written, n = [], 0
    while n < 400:
        try:
            if n == 100:
                control("kill")
            s.set("k%d" % n, b"%d" % n, tags=["t"])
            written.append(n)
        except OSError:
            control("start")
        n += 1
    assert len(written) == 399 and written[100] == 101
    assert len(s.query_by_tags(["t"])) == 299, "what came after the server did"
    s.close()


def test_a_wrong_password_and_a_wrong_port():
    server.call("CONFIG", "SET", "requirepass", "secret")
    try:
        s = store(empty=False)
        assert raises(OSError, s.get, "k", says=(HOST, PORT, "password")).errno == errno.EACCES
        s.storage = RedisStorage("./data", HOST, PORT, 0, "wrong")
        assert raises(OSError, s.set, "k", b"", says=(HOST, PORT, "password")).errno == errno.EACCES
        s.storage = RedisStorage("./data", HOST, PORT, 0, "secret")
        s.set("k", b"1")
        assert s.get("k") == b"1"
        s.storage = RedisStorage("./data", HOST, 1)
        raises(OSError, s.get, "k", says=(HOST, "1", "ECONNREFUSED"))
        s.close()
    finally:
        Client(HOST, PORT, 0, "secret").call("CONFIG", "SET", "requirepass", "")


def test_the_default_is_a_server_at_localhost():
    storage = KeyValueStore("./data", "db", 1, "ns", storage_backend="redis").storage
    assert isinstance(storage, RedisStorage)
    assert (storage.client.host, storage.client.port, storage.client.db) == ("localhost", 6379, 0)
