"""The sample of format version 1: what is in it, and how it was made.

    cd tests/sample && micropython version_1.py

It stays as it is, and so do the files: tests/test_sample.py opens them for ever. A later version gets a sample of its own.
"""

import os

from microtetherdb import MicroTetherDB

NAME = "version_1.db"
# Some three hundred years.
LONG = 9999999999

PLAIN = {
    "none": None,
    "true": True,
    "false": False,
    "ints": [0, 1, -1, 111, 112, -16, -17, 127, 128, -128, -129, 32767, 32768, 2147483647, -2147483648],
    "long ints": [9223372036854775807, -9223372036854775808, 1 << 70, -(1 << 200)],
    "floats": [0.0, 0.5, -2.25, 0.1, 1e300, -1e-300],
    "texts": ["", "short", "t" * 64, "\u00fc\u20ac\U0001f600"],
    "nested": {"list": [[], [[1], {"deep": {"deeper": [None]}}], {}], "dict": {}},
    "many": [n for n in range(20)],
}
TAGGED = {"a": 1, "tags": ["in the document"]}
COMPRESSED = {"text": "this is said again and again; " * 12, "n": 5}
LATE = {"tags": ["late"], "text": "compressed, and in a delta; " * 20}
# Too long for a page, compressed or not.
LARGE = ["%d %d" % (n * 7919 % 1000, n * n * 31 % 997) for n in range(250)]


def documents():
    """Key, document, TTL and tags of what is there."""
    yield "plain", PLAIN, None, None
    yield "tagged", TAGGED, None, ["red", "a tag of some length"]
    yield "with a ttl", {"n": 1}, LONG, ["red"]
    yield "compressed", COMPRESSED, LONG, ["packed"]
    yield "large", LARGE, None, None
    yield "\u00fc", "a str", None, None
    for n in range(20):
        yield "reading %02d" % n, {"celsius": n / 4, "room": "r%d" % (n % 3)}, None, None


GENERATED = ("0000000000", "0000000001")


def fill(db):
    assert (db.put({"generated": 0}), db.put({"generated": 1}, tags=["new"])) == GENERATED
    with db.transaction():
        for key, document, ttl, tags in documents():
            db.put(key, document, ttl=ttl, tags=tags)
        db.put("gone", 1)
        db._put_bytes("bytes", bytes(range(256)))
    db.put("tagged", TAGGED, tags=["red", "blue"])
    db.flush()
    # The last of it is in deltas behind the last checkpoint.
    db.delete("gone")
    db.put("late", LATE, ttl=LONG)
    db.flush()


def check(db):
    """Asserts that all of it is there."""
    found = {}
    for key, document, ttl, tags in documents():
        if tags and isinstance(document, dict):
            document = dict(document, _tags=["red", "blue"] if key == "tagged" else tags)
        found[key] = document
    found[GENERATED[0]] = {"generated": 0}
    found[GENERATED[1]] = {"generated": 1, "_tags": ["new"]}
    found["late"] = LATE
    found["bytes"] = bytes(range(256))
    assert dict(db.items()) == found
    assert list(db) == sorted(found)
    stats = db.stats()
    assert stats["records"] == len(found) and stats["ttl_records"] == 3 and stats["page_size"] == 512, stats
    assert stats["compressed_values"] == 4 and stats["bytes_saved"] > 1000, stats
    assert [key for key, _ in db.find({"tags": "red"}, keys=True)] == ["tagged", "with a ttl"]
    assert [key for key, _ in db.find({"tags": "in the document"}, keys=True)] == ["tagged"]
    assert db.query({"tags": "late"}) == [LATE]
    assert db.query({"tags": "a tag of some length"}) == []
    assert [d["celsius"] for d in db.query({"room": "r1", "celsius": {"$gt": 3}})] == [3.25, 4.0, 4.75]


if __name__ == "__main__":
    with MicroTetherDB(NAME, in_memory=False, flush_threshold=1000) as db:
        fill(db)
        # As after a power cut: closing would only add to it. A database does without its spare.
        copies = [(name, open(name, "rb").read()) for name in os.listdir() if name.startswith(NAME) and "spare" not in name]
    for name in os.listdir():
        if name.startswith(NAME):
            os.remove(name)
    for name, content in copies:
        with open(name, "wb") as file:
            file.write(content)
        print(name, len(content), "bytes")
