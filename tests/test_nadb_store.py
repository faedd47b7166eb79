"""nadb.KeyValueStore's parameters, backends of a program's own, and KeyValueSync."""

import asyncio
import os
import sys
import time

import nadb
from nadb import KeyValueStore, KeyValueSync
from runner import raises

NEEDS = "nadb"

OWN_BACKEND = """
class OwnKindStorage:
    def __init__(self, base_path):
        self.base_path, self.spaces = base_path, []

    def open(self, db, namespace, compression):
        space = Space(db, namespace, compression)
        self.spaces.append(space)
        return space

class Space:
    buffered = True

    def __init__(self, *about):
        self.about, self.values, self.flushes, self.fail = about, {}, 0, False

    def write(self, key, value, tags, ttl, now):
        self.values[key] = bytes(value), {"key": key, "size": len(value), "tags": tags, "ttl": ttl,
                                          "created_at": now, "last_updated": now}
        return len(value)

    def read(self, key):
        return self.values.get(key)

    def all_metadata(self):
        return [dict(metadata) for _, metadata in self.values.values()]

    def flush(self):
        if self.fail:
            raise OSError(5)
        self.flushes += 1

    def close(self):
        self.flush()
"""


def own_module(name, text=OWN_BACKEND):
    """Writes storage_backends/NAME.py into the empty folder that the test runs in."""
    if not os.getcwd() in sys.path:
        sys.path.append(os.getcwd())
    try:
        os.mkdir("storage_backends")
    except OSError:
        pass
    with open("storage_backends/%s.py" % name, "w") as file:
        file.write(text)


def store(sync=None, buffer_size_mb=1):
    own_module("own_kind")
    made = KeyValueStore("./data", "db", buffer_size_mb, "ns", sync, storage_backend="own_kind")
    made.get_stats()  # opens it
    return made, made.storage.spaces[0]


def until(condition, seconds=20):
    end = time.ticks_add(time.ticks_ms(), seconds * 1000)
    while not condition():
        assert time.ticks_diff(end, time.ticks_ms()) > 0, "it did not happen in %d s" % seconds
        time.sleep_ms(2)


def test_a_backend_of_the_programs_own():
    s, space = store()
    assert s.storage.base_path == "./data" and space.about == ("db", "ns", True)
    s.set("k", b"1", tags=["t"])
    assert s.get("k") == b"1" and s.list_all_tags() == {"t": 1} and s.get_stats()["size_bytes"] == 1
    s.close()
    assert space.flushes == 1


def test_this_librarys_backends_are_found_beside_the_programs_own():
    own_module("own_kind")
    for name in ("fs", "own_kind", "fs"):
        KeyValueStore("./data", "db", storage_backend=name)
    from storage_backends.fs import FsStorage

    assert FsStorage


def test_backends_that_are_none():
    for name in ("no_such", "", "../x", "a.b", "Redis"):
        raises(ValueError, KeyValueStore, "./data", "db", storage_backend=name, says=(repr(name), "'fs'", "'redis'"))
    for name in (None, 5):
        raises(TypeError, KeyValueStore, "./data", "db", storage_backend=name, says="storage_backend")
    own_module("classless", "x = 1\n")
    raises(ValueError, KeyValueStore, "./data", "db", storage_backend="classless", says="ClasslessStorage")
    own_module("broken", "import no_module_of_this_name\n")
    raises(ImportError, KeyValueStore, "./data", "db", storage_backend="broken", says="no_module_of_this_name")


def test_parameters():
    for name, good in (("data_folder_path", "./data"), ("db", "db"), ("namespace", "ns")):
        given = dict(data_folder_path="./data", db="db", namespace="ns", storage_backend="fs")
        KeyValueStore(**given)
        given[name] = 5
        raises(TypeError, KeyValueStore, **given, says=(name, "int"))
    for size in (0, -1, float("nan")):
        raises(ValueError, KeyValueStore, "./data", "db", size, says="buffer_size_mb")
    raises(TypeError, KeyValueStore, "./data", "db", "1", says="buffer_size_mb")
    raises(TypeError, KeyValueStore, "./data", "db", 1, "ns", "sync", says="sync")
    for interval in (0, -1, 86401, float("nan")):
        raises(ValueError, KeyValueSync, interval, says="flush_interval_seconds")
    raises(TypeError, KeyValueSync, "60", says="flush_interval_seconds")


def test_the_buffers_size_makes_it_flush():
    s, space = store(buffer_size_mb=0.001)
    s.set("a", bytes(500))
    assert space.flushes == 0 and 47 < s.get_stats()["buffer_utilization_percent"] < 48
    s.set("b", bytes(600))
    assert space.flushes == 1 and s.get_stats()["buffer_utilization_percent"] == 0
    s.set("c", bytes(500))
    s.flush()
    assert space.flushes == 2 and s.get_stats()["buffer_utilization_percent"] == 0
    s.close()


def test_sync_on_a_thread():
    sync = KeyValueSync(0.02)
    assert sync.status()["running"] is False and sync.status()["mode"] == "stopped"
    s, space = store(sync)
    sync.start()
    sync.start()
    status = sync.status()
    assert status["running"] is True and status["mode"] == "thread" and status["stores"] == 1
    assert status["flush_interval_seconds"] == 0.02 and status["error"] is None
    s.set("k", b"1")
    until(lambda: space.flushes)
    flushes = space.flushes
    until(lambda: sync.status()["flushes"] > status["flushes"] + 3)
    assert space.flushes == flushes, "there was nothing more to flush"
    s.set("k", b"2")
    sync.sync_exit()
    assert s._buffered == 0 and sync.status()["running"] is False
    rounds = sync.status()["flushes"]
    time.sleep_ms(60)
    assert sync.status()["flushes"] == rounds, "the thread has ended"
    s.close()
    assert sync.status()["stores"] == 0


def test_sync_goes_on_after_an_error():
    sync = KeyValueSync(0.01)
    s, space = store(sync)
    other = KeyValueStore("./data", "db", 1, "ns", sync, storage_backend="own_kind")
    space.fail = True
    s.set("k", b"1")
    other.set("k", b"1")
    sync.start()
    until(lambda: sync.status()["error"])
    assert "EIO" in sync.status()["error"] or "5" in sync.status()["error"], sync.status()
    until(lambda: other.storage.spaces[0].flushes)
    assert s._buffered, "what could not be flushed still waits"
    raises(OSError, sync.sync_exit, says="OSError")
    space.fail = False
    sync.sync_exit()
    assert space.flushes == 1 and sync.status()["error"] is None
    s.close()
    other.close()


def test_sync_on_the_event_loop():
    async def main():
        sync = KeyValueSync(0.01)
        s, space = store(sync)
        thread, nadb._thread = nadb._thread, None
        try:
            sync.start()
        finally:
            nadb._thread = thread
        assert sync.status()["mode"] == "loop"
        s.set("k", b"1")
        assert space.flushes == 0
        for _ in range(500):
            if space.flushes:
                break
            await asyncio.sleep_ms(5)
        assert space.flushes == 1
        sync.sync_exit()
        s.close()

    asyncio.run(main())


def test_sync_between_operations():
    sync = KeyValueSync(0.03)
    s, space = store(sync)
    thread, nadb._thread = nadb._thread, None
    loop = asyncio.core.cur_task
    asyncio.core.cur_task = None
    try:
        sync.start()
    finally:
        nadb._thread, asyncio.core.cur_task = thread, loop
    assert sync.status()["mode"] == "operations"
    s.set("k", b"1")
    assert space.flushes == 0
    time.sleep_ms(50)
    s.get("k")
    assert space.flushes == 1
    sync.sync_exit()
    s.close()


if nadb._thread is None:
    del test_sync_on_a_thread, test_sync_goes_on_after_an_error
