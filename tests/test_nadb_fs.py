"""nadb on a file: every operation, the same as on a Redis server (nadb_operations.py)."""

import nadb_operations
from nadb import KeyValueStore
from nadb_operations import *

NEEDS = "nadb"
HEAP = "24M"


def make(db, namespace, **options):
    return KeyValueStore("./data", db, 1, namespace, storage_backend="fs", **options)


nadb_operations.make = make


def test_opening_removes_what_was_left_of_a_value():
    s = store()
    s.set("old", noise(200000))
    s.set("stays", noise(30000))
    space = s._space()
    space._remove_pieces = lambda id, count: None  # as if the power went before it

    class Broken:
        def __init__(self):
            self.left = 30

        def readinto(self, buffer):
            self.left -= 1
            if not self.left:
                raise OSError(5)
            return len(buffer)

    raises(OSError, s.set, "new", Broken())
    s.delete("old")
    s.set("stays", noise(30001))
    records = sum(1 for _ in space._db.keys())
    s.flush()
    s.close()
    s = store(empty=False)
    assert sum(1 for _ in s._space()._db.keys()) < records - 50
    assert s.get("stays") == noise(30001) and s.get_stats()["count"] == 1
    s.delete("stays")
    assert list(s._space()._db.keys()) == []
    s.close()


def test_no_record_is_left_of_what_is_gone():
    s = store()
    for size in (0, 100, 50000):
        s.set("a", noise(size), tags=["t"])
        s.set("a", noise(size + 1))
        s.set_with_ttl("b", noise(size), 0.05)
        time.sleep_ms(60)
        s.cleanup_expired()
        s.delete("a")
        assert list(s._space()._db.keys()) == [], size
    s.close()


def test_file_names_are_safe_and_apart_on_every_file_system():
    from storage_backends.fs import _file_name

    assert _file_name("photos-2_a") == "photos-2_a"
    names = ["a", "A", "a/b", "a\\b", "..", ".", "a.b", "%41", "ü", " ", "a:b", "a*b"]
    files = [_file_name(name) for name in names]
    assert len(set(file.lower() for file in files)) == len(names), files
    assert all(char in "abcdefghijklmnopqrstuvwxyz0123456789-_%ABCDEF" for file in files for char in file), files
