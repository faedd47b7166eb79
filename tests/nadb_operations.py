"""Every operation of nadb.KeyValueStore: the tests of test_nadb_fs.py and test_nadb_redis.py, which differ in the
backend alone. Each sets `make`, which makes a store."""

import gc
import io
import random
import time

import nadb
from runner import ON_BOARD, fewer, raises

# make(db, namespace, **options) -> KeyValueStore
make = None


def store(db="db", namespace="ns", empty=True, **options):
    made = make(db, namespace, **options)
    if empty:
        made.flushdb()
    return made


def parts_of_noise(size, seed=1):
    random.seed(seed)
    for n in range(0, size, 4):
        part = random.getrandbits(32)
        yield n, bytes((part & 255, part >> 8 & 255, part >> 16 & 255, part >> 24))[: size - n]


def noise(size, seed=1):
    """Bytes that do not repeat within any page."""
    data = bytearray(size)
    for n, part in parts_of_noise(size, seed):
        data[n : n + 4] = part
    return bytes(data)


def is_noise(data, size):
    """Whether it is that, looked at without another copy of it."""
    return len(data) == size and all(data[n : n + 4] == part for n, part in parts_of_noise(size))


def keys(found):
    return sorted(found.keys())


def test_values_of_any_size_come_back():
    s = store()
    for size in (0, 1, 2, 100, 4095, 4096, 4097, 8191, 8192, 8193, 16384, 100000):
        data = noise(size, size)
        s.set("k", data)
        back = s.get("k")
        assert type(back) is bytes and back == data, (size, len(back))
        assert s.get_with_metadata("k")["metadata"]["size"] == size
    s.close()


def test_anything_with_bytes_in_it_is_a_value():
    s = store()
    for value in (b"bytes", bytearray(b"bytearray"), memoryview(b"a view")[2:], b"\r\n\x00\xff$5\r\n"):
        s.set("k", value)
        assert s.get("k") == bytes(value)
    for size in (0, 5, 8192, 30000):
        s.set("k", io.BytesIO(noise(size)), tags=["read"])
        assert s.get("k") == noise(size)
        assert s.query_by_tags(["read"])["k"]["size"] == size
    s.close()


def test_what_is_no_value_changes_nothing():
    s = store()
    s.set("k", b"old", tags=["t"])
    for value in ("text", None, 5, ["x"], {"a": 1}):
        raises(TypeError, s.set, "k", value, says=type(value).__name__)
        raises(TypeError, s.set_with_ttl, "k", value, 5)
    assert s.get("k") == b"old" and s.list_all_tags() == {"t": 1}
    s.close()


def test_a_reader_that_fails_changes_nothing():
    class Broken:
        def __init__(self):
            self.left = 5

        def readinto(self, buffer):
            self.left -= 1
            if not self.left:
                raise OSError(5)
            return len(buffer)

    s = store()
    s.set("k", b"old")
    raises(OSError, s.set, "k", Broken())
    assert s.get("k") == b"old" and s.get_stats()["count"] == 1
    s.delete("k")
    raises(OSError, s.set, "k", Broken())
    raises(KeyError, s.get, "k")
    s.close()


def test_keys():
    s = store()
    names = ["a", "a:b", "a/../b", "=x", "~x", "!x", "#x", "ü\u20ac", "x" * 240, "00000000000", " ", "*", "\n"]
    for n, key in enumerate(names):
        s.set(key, b"%d" % n)
    for n, key in enumerate(names):
        assert s.get(key) == b"%d" % n
    assert keys(s.query_by_tags([])) == sorted(names)
    for key in ("", "x" * 241, "ü" * 121):
        for call in (s.get, s.delete, s.get_with_metadata, s.open_value, lambda key: s.set(key, b"")):
            raises(ValueError, call, key, says="1 to 240 bytes")
    for key in (None, 5, b"bytes"):
        for call in (s.get, s.delete, s.get_with_metadata, s.open_value, lambda key: s.set(key, b"")):
            raises(TypeError, call, key, says=("a key must be a str", type(key).__name__))
    s.close()


def test_a_missing_key_is_a_key_error():
    s = store()
    for call in (s.get, s.get_with_metadata, s.open_value):
        assert raises(KeyError, call, "missing").args == ("missing",)
    assert s.delete("missing") is False
    s.close()


def test_metadata():
    s = store("db with ü", "name space")
    before = int(time.time()) + nadb._EPOCH
    s.set("k", b"12345", tags=["b", "a", "b"])
    metadata = s.get_with_metadata("k")["metadata"]
    assert sorted(metadata) == ["created_at", "db", "key", "last_updated", "namespace", "size", "tags", "ttl"]
    assert metadata["db"] == "db with ü" and metadata["namespace"] == "name space" and metadata["key"] == "k"
    assert metadata["size"] == 5 and metadata["ttl"] is None and metadata["tags"] == ["b", "a"]
    assert before <= metadata["created_at"] == metadata["last_updated"] <= before + 5
    assert s.query_by_tags(["a"]) == {"k": metadata}
    s.set_with_ttl("t", b"", 2.5)
    assert s.get_with_metadata("t")["metadata"]["ttl"] == 2.5
    s.close()


def test_replacing_replaces_all_but_the_time_of_creation():
    s = store()
    s.set_with_ttl("k", b"first", 0.4, tags=["a", "b"])
    created = s.get_with_metadata("k")["metadata"]["created_at"]
    while int(time.time()) + nadb._EPOCH == created:
        s.set_with_ttl("k", b"first", 0.9, tags=["a", "b"])
        time.sleep_ms(50)
    s.set("k", b"second", tags=["b", "c"])
    time.sleep(1)
    found = s.get_with_metadata("k")
    assert found["value"] == b"second" and found["metadata"]["tags"] == ["b", "c"]
    assert found["metadata"]["ttl"] is None and found["metadata"]["created_at"] == created
    assert found["metadata"]["last_updated"] > created
    assert s.list_all_tags() == {"b": 1, "c": 1} and s.query_by_tags(["a"]) == {}
    s.close()


def test_a_value_expires():
    s = store()
    s.set_with_ttl("brief", noise(20000), 0.3, tags=["t"])
    s.set_with_ttl("long", b"2", 1000, tags=["t"])
    s.set("ever", b"3", tags=["t"])
    reader = s.open_value("brief")
    assert keys(s.query_by_tags(["t"])) == ["brief", "ever", "long"] and s.get_stats()["count"] == 3
    time.sleep(0.4)
    raises(KeyError, s.get, "brief")
    raises(KeyError, s.get_with_metadata, "brief")
    raises(KeyError, s.open_value, "brief")
    raises(KeyError, reader.read, 10)
    assert keys(s.query_by_tags(["t"])) == ["ever", "long"] and keys(s.query_by_tags([])) == ["ever", "long"]
    assert s.list_all_tags() == {"t": 2}
    stats = s.get_stats()
    assert stats["count"] == 2 and stats["size_bytes"] == 2
    assert s.delete("brief") is False
    s.close()


def test_cleanup_counts_what_has_expired():
    s = store()
    for n in range(5):
        s.set_with_ttl("k%d" % n, noise(10000), 1, tags=["t"])
    s.set_with_ttl("again", b"", 1)
    s.set_with_ttl("k9", b"", 1000)
    assert s.cleanup_expired() == 0
    time.sleep(1.1)
    s.set("again", b"")  # neither what is written again nor what is deleted is still to be removed
    s.delete("k0")
    assert s.cleanup_expired() == 4
    assert s.cleanup_expired() == 0
    assert keys(s.query_by_tags([])) == ["again", "k9"]
    s.close()


def test_opening_removes_what_has_expired():
    s = store()
    s.set_with_ttl("k", b"1", 1)
    time.sleep(1.1)  # here, and so long: a file does not know of less than a second that it was closed
    s.close()
    s = store(empty=False)
    assert s.get_stats()["count"] == 0 and s.cleanup_expired() == 0
    s.close()


def test_ttls_that_are_none():
    s = store()
    for ttl in (None, 0):
        s.set_with_ttl("k", b"", ttl)
        assert s.get_with_metadata("k")["metadata"]["ttl"] is None
    for ttl in (-1, -0.5, 1e11, float("nan"), float("inf")):
        raises(ValueError, s.set_with_ttl, "k", b"new", ttl, says="0 (for ever) to 10000000000")
    for ttl in ("1", b"1", [1]):
        raises(TypeError, s.set_with_ttl, "k", b"new", ttl, says=type(ttl).__name__)
    assert s.get("k") == b""
    s.close()


def test_delete():
    s = store()
    for size in (10, 8192, 50000):
        s.set("k", noise(size), tags=["t"])
        s.set("other", b"stays", tags=["t"])
        assert s.delete("k") is True and s.delete("k") is False
        raises(KeyError, s.get, "k")
        assert s.list_all_tags() == {"t": 1} and s.get("other") == b"stays"
    s.close()


def test_tags():
    s = store()
    for n in range(30):
        third = ["third"] if n % 3 == 0 else []
        s.set("k%02d" % n, b"", tags=["even" if n % 2 == 0 else "odd"] + third + ["t%d" % n])
    assert keys(s.query_by_tags(["even", "third"])) == ["k%02d" % n for n in range(0, 30, 6)]
    assert keys(s.query_by_tags(("third", "even"))) == ["k%02d" % n for n in range(0, 30, 6)]
    assert keys(s.query_by_tags(["t7"])) == ["k07"] and s.query_by_tags(["even", "odd"]) == {}
    assert s.query_by_tags(["none"]) == {} and len(s.query_by_tags([])) == 30
    tags = s.list_all_tags()
    assert tags["even"] == tags["odd"] == 15 and tags["third"] == 10 and len(tags) == 33
    s.set("k00", b"")
    assert s.list_all_tags()["even"] == 14 and "t0" not in s.list_all_tags()
    s.close()


def test_what_is_no_tag_changes_nothing():
    s = store()
    s.set("k", b"old")
    many = ["t%d" % n for n in range(33)]
    for error, tags, says in (
        (TypeError, "text", "list or tuple"),
        (TypeError, {"a": 1}, "list or tuple"),
        (TypeError, ["a", 5], "int"),
        (ValueError, [""], "1 to 64"),
        (ValueError, ["ü" * 33], "1 to 64"),
        (ValueError, many, "32"),
    ):
        raises(error, s.set, "k", b"new", tags=tags, says=says)
        raises(error, s.query_by_tags, tags, says=says)
    s.set("k", b"new", tags=many[:32] + many[:5])
    assert len(s.list_all_tags()) == 32 and s.get("k") == b"new"
    s.close()


def test_databases_and_namespaces_do_not_see_one_another():
    names = [("a", "b"), ("a", "c"), ("b", "b"), ("a:b", "c"), ("a", "b:c"), ("a%3Ab", "c"), ("a/b", ".."), ("", ""), ("A", "b")]
    stores = [store(*name) for name in names]
    for n, s in enumerate(stores):
        s.set("k", b"%d" % n, tags=["t%d" % n])
    for n, s in enumerate(stores):
        assert s.get("k") == b"%d" % n and s.list_all_tags() == {"t%d" % n: 1}
    stores[0].flushdb()
    assert [s.get_stats()["count"] for s in stores] == [0] + [1] * 8
    for s in stores:
        s.flushdb()
        s.close()


def test_a_value_is_read_in_parts():
    s = store()
    data = noise(50000)
    s.set("k", data)
    with s.open_value("k") as reader:
        assert reader.metadata["size"] == 50000 and reader.tell() == 0
        assert reader.read(10) == data[:10] and reader.tell() == 10
        assert reader.read(20000) == data[10:20010]
        assert reader.seek(-5, 2) == 49995 and reader.read() == data[-5:] and reader.read(5) == b""
        assert reader.seek(8190) == 8190 and reader.seek(1, 1) == 8191 and reader.read(3) == data[8191:8194]
        buffer = bytearray(7000)
        reader.seek(45000)
        assert reader.readinto(buffer) == 5000 and buffer[:5000] == data[45000:] and reader.readinto(buffer) == 0
        assert reader.seek(60000) == 60000 and reader.read() == b"" and reader.read(0) == b""
        raises(ValueError, reader.seek, -1)
        reader.seek(0)
        assert reader.read() == data
    raises(ValueError, reader.read, 1, says="closed")
    s.close()


def test_a_reader_never_mixes_two_values():
    s = store()
    s.set("k", noise(30000, 1))
    first = s.open_value("k")
    assert first.read(100) == noise(30000, 1)[:100]
    s.set("k", noise(30000, 2), tags=["other"])
    raises(KeyError, first.read, 100)
    second = s.open_value("k")
    assert second.read(100) == noise(30000, 2)[:100]
    s.delete("k")
    raises(KeyError, second.read, 100)
    s.close()


def test_statistics():
    s = store()
    s.set("a", bytes(100))
    s.set_with_ttl("b", bytes(50), 100)
    s.get("a")
    s.get("a")
    raises(KeyError, s.get, "c")
    stats = s.get_stats()
    assert stats["db"] == "db" and stats["namespace"] == "ns" and stats["count"] == 2 and stats["size_bytes"] == 150
    assert 0 <= stats["buffer_utilization_percent"] <= 100
    operations = stats["performance"]["operations"]
    assert operations["get"]["count"] == 3 and operations["set"]["count"] == operations["set_with_ttl"]["count"] == 1
    assert all(operations[name]["avg_ms"] >= 0 for name in operations) and "delete" not in operations
    s.flush()
    assert s.get_stats()["buffer_utilization_percent"] == 0
    s.close()


def test_compacting_changes_no_value():
    s = store()
    for n in range(20):
        s.set("k%d" % n, noise(3000, n), tags=["t"])
    for n in range(0, 20, 2):
        s.delete("k%d" % n)
    s.set_with_ttl("brief", b"", 0.05)
    time.sleep(0.1)
    result = s.compact_storage()
    assert sorted(result) == ["bytes_after", "bytes_before"] and result["bytes_after"] > 0, result
    assert keys(s.query_by_tags(["t"])) == sorted("k%d" % n for n in range(1, 20, 2))
    assert all(s.get("k%d" % n) == noise(3000, n) for n in range(1, 20, 2)) and s.cleanup_expired() == 0
    s.close()


def test_what_was_written_is_there_for_the_next_store():
    s = store()
    s.set("k", noise(9000), tags=["t"])
    s.set_with_ttl("ttl", b"1", 1000)
    s.flush()
    other = store(empty=False)
    assert other.get("k") == noise(9000)
    other.close()
    s.close()
    s = store(empty=False)
    assert s.get("k") == noise(9000) and s.get("ttl") == b"1" and s.list_all_tags() == {"t": 1}
    s.close()


def test_a_closed_store():
    with store() as s:
        s.set("k", b"")
        reader = s.open_value("k")
    s.close()
    for call in (s.get_stats, s.flush, s.flushdb, s.list_all_tags, s.cleanup_expired, lambda: s.get("k")):
        raises(ValueError, call, says="closed")
    raises(ValueError, s.set, "k", b"", says="closed")
    assert reader.metadata["key"] == "k"


def taken(call):
    """(result, bytes allocated, garbage included)"""
    gc.collect()
    before = gc.mem_alloc()
    gc.disable()
    try:
        result = call()
        return result, gc.mem_alloc() - before
    finally:
        gc.enable()


def with_free_heap(size, call):
    """What the call returns in a heap that has `size` bytes left; more is a MemoryError."""
    room, ballast = bytearray(size), None
    for block in (1 << 20, 1 << 14, 1 << 10, 1 << 6, 1):
        try:
            while True:
                ballast = bytearray(block), ballast
        except MemoryError:
            pass
    del room
    gc.collect()
    free = gc.mem_free()
    assert size - 1024 < free < size + 1024, free
    return call()


def test_a_large_value_takes_64_kb_beyond_itself():
    size = 1 << 17 if ON_BOARD else 1 << 20
    s = store()
    data = noise(size)
    with_free_heap(65536, lambda: s.set("k", data))
    del data
    gc.collect()
    back = with_free_heap(size + 65536, lambda: s.get("k"))
    assert is_noise(back, size)
    reader = s.open_value("k")
    part, allocated = taken(lambda: reader.read(10000))
    assert part == back[:10000] and allocated < 65536, allocated
    s.delete("k")
    s.close()


def test_random_operations_against_a_dict():
    random.seed(7)
    s, model = store(), {}
    for step in range(fewer(3000)):
        kind, key = random.getrandbits(4), "k%d" % (random.getrandbits(8) % 20)
        if kind < 7:
            data = noise(random.getrandbits(15 if kind == 0 else 8), step)
            random.seed(step * 31 + 1)
            tags = ["t%d" % n for n in range(5) if random.getrandbits(2) == 0]
            s.set(key, data, tags=tags)
            model[key] = data, tags
        elif kind < 9:
            assert s.delete(key) == (model.pop(key, None) is not None), step
        elif kind < 13:
            if key in model:
                assert s.get(key) == model[key][0], step
            else:
                raises(KeyError, s.get, key)
        elif kind < 14:
            tags = ["t%d" % (random.getrandbits(8) % 5) for _ in range(1 + random.getrandbits(1))]
            expected = sorted(key for key in model if all(tag in model[key][1] for tag in tags))
            assert keys(s.query_by_tags(tags)) == expected, (step, tags)
        elif kind < 15:
            counts = {}
            for _, tags in model.values():
                for tag in tags:
                    counts[tag] = counts.get(tag, 0) + 1
            assert s.list_all_tags() == counts, step
        elif step % 5 == 0:
            stats = s.get_stats()
            assert stats["count"] == len(model), step
            assert stats["size_bytes"] == sum(len(data) for data, _ in model.values()), step
    s.close()
