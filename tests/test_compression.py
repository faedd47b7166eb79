"""Values stored compressed: they come back as they were, and match as they did, in memory and in files."""

import gc
import os

from microtetherdb import DB, MicroTetherDB
from runner import contents, raises, same

FOLDERS = True
HEAP = "2M"

TEXT = "the quick brown fox jumps over the lazy dog; "


def document(n):
    return {"n": n, "text": TEXT * (n % 40), "list": [n] * (n % 7), "in": {"side": str(n)}, "odd": n % 2 == 1}


def noise(size):
    state, data = 1, bytearray(size)
    for n in range(size):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        data[n] = state >> 16 & 255
    return data


def databases(**options):
    yield lambda: MicroTetherDB(**options)
    yield lambda: MicroTetherDB("c.db", in_memory=False, **options)


def on_both(test):
    for make in databases():
        db = make()
        test(db)
        db.close()


def saved(db):
    stats = db.stats()
    return stats["compressed_values"], stats["bytes_saved"]


def test_documents_come_back_and_match():
    def on(db):
        for n in range(200):
            db.put("k%03d" % n, document(n), tags=["t%d" % (n % 3), "all"])
        count, bytes_saved = saved(db)
        assert count > 150 and bytes_saved > 100000, (count, bytes_saved)
        for n in range(200):
            value = db.get("k%03d" % n)
            assert value.pop("_tags") == ["t%d" % (n % 3), "all"] and same(value, document(n)), n
            assert db.tags("k%03d" % n) == ["t%d" % (n % 3), "all"]
        assert [d["n"] for d in db.query({"n": {"$gte": 190}})] == list(range(190, 200))
        assert [d["n"] for d in db.query({"tags": "t1", "odd": True})] == [n for n in range(200) if n % 3 == 1 and n % 2]
        assert len(db.query({"text": {"$contains": "lazy dog; the quick"}})) == sum(n % 40 > 1 for n in range(200))
        assert [key for key, _ in db.find({"in.side": "77"}, keys=True)] == ["k077"]
        assert [d["n"] for d in db.values()] == list(range(200))
        assert {d["n"] for d in db.find({"tags": "all"})} == set(range(200))

    on_both(on)


def test_they_are_there_after_opening_again():
    db = MicroTetherDB("c.db", in_memory=False)
    for n in range(100):
        db.put("k%03d" % n, document(n), tags=["t"], ttl=1000)
    db["tags"] = {"tags": ["blue"], "text": TEXT * 30}
    before, stored = saved(db), contents(db)
    db.close()
    db = MicroTetherDB("c.db", in_memory=False, use_compression=False)
    assert saved(db) == before and contents(db)[:2] == stored[:2]
    assert [d["text"] for d in db.query({"tags": "blue"})] == [TEXT * 30]
    for n in range(100):
        db.put("k%03d" % n, document(n))
    assert saved(db)[0] == 1, "what this object writes is plain"
    del db["tags"]
    assert saved(db) == (0, 0)
    db.close()


def test_live_documents_write_themselves_back():
    def on(db):
        db.put("k", document(39), tags=["t"], ttl=1000)
        live = db["k"]
        live["n"] = 1
        live["list"].append({"more": TEXT})
        live["text"] = "short"
        live["text"] = TEXT * 20
        other = db["k"]
        other["n"] += 1
        raises(KeyError, live.update, {"n": 5})
        expected = dict(document(39), n=2, text=TEXT * 20)
        expected["list"] = [39] * 4 + [{"more": TEXT}]
        expected["_tags"] = ["t"]
        assert db.get("k") == expected and db.stats()["ttl_records"] == 1
        assert saved(db)[0] == 1

    on_both(on)


def test_a_transaction_that_is_rolled_back_takes_back_what_was_saved():
    def on(db):
        db["a"] = document(39)
        before, stats = contents(db), saved(db)
        try:
            with db.transaction():
                db["a"] = 1
                db.put_batch([document(n) for n in range(30)])
                assert saved(db)[0] > 20
                raise RuntimeError
        except RuntimeError:
            pass
        assert contents(db) == before and saved(db) == stats
        db.delete(purge=True)
        assert saved(db) == (0, 0)

    on_both(on)


def test_the_size_decides():
    def size_of(text):
        return len(text) + 3  # encoded

    for make in databases(min_compress_size=500):
        db = make()
        db["below"] = "x" * 496
        assert saved(db) == (0, 0)
        db["at"] = "x" * 497
        assert size_of(db["at"]) == 500 and saved(db)[0] == 1
        db.delete(purge=True)
        db.close()
    for make in databases(use_compression=False):
        db = make()
        db["k"] = "x" * 5000
        assert saved(db) == (0, 0) and db["k"] == "x" * 5000
        db.close()
    db = MicroTetherDB(min_compress_size=0)
    for n, value in enumerate((None, 1, "", "a", [], {}, "aaaaaaaaaaaaaaaaaaaaaaaa", [0] * 30)):
        db["k%d" % n] = value
        assert same(db.get("k%d" % n), value)
    assert saved(db)[0] == 2
    db.close()
    db = DB("d.db", compress_min_size=100)
    db.put("x" * 99, _id="k")
    assert saved(db)[0] == 1 and db.get("k") == "x" * 99
    db.close()


def test_what_looks_compressed_is_not():
    def on(db):
        for n, value in enumerate(("\u00ee" * 200, "\xee\x01\x00" * 90, [-18] * 300, {"\xee": "\xee" * 300})):
            db["k%d" % n] = value
            assert same(db.get("k%d" % n), value)

    on_both(on)


def test_bytes_are_compressed_too():
    def on(db):
        data = bytes(8192)
        db._put_bytes("zeros", data)
        assert saved(db)[0] == 1
        back = bytearray(8192)
        assert db._read_bytes("zeros", 0, back) == 8192 and back == data
        db._put_bytes("noise", noise(8192))
        assert saved(db)[0] == 1
        assert db._read_bytes("noise", 0, back) == 8192 and back == noise(8192)

    on_both(on)


def leave_free(size):
    """Fills the heap but for one gap of that size."""
    room, chain = bytearray(size), None
    for block in (1 << 16, 1 << 12, 1 << 8, 1 << 4):
        try:
            while True:
                chain = bytearray(block), chain
        except MemoryError:
            pass
    room = None
    gc.collect()
    return chain


def test_without_memory_to_compress_it_is_stored_plain():
    db = MicroTetherDB(ram_percentage=50)
    text = TEXT * 25
    db.put_batch(["y" * 200] * 40)
    db.delete_batch(list(db)[::2])  # pages with room, so that the put takes no other memory
    chain = leave_free(4000)
    db["k"] = text
    chain = None
    gc.collect()
    assert saved(db) == (0, 0) and db["k"] == text
    db["k"] = text
    assert saved(db)[0] == 1


def test_without_memory_to_read_it_is_a_memory_error_that_changes_nothing():
    def on(db):
        db.put("k", TEXT * 100, tags=["t"])
        db["a"] = 1
        assert saved(db)[0] == 1
        before = contents(db)
        chain = leave_free(3000)
        raises(MemoryError, db.get, "k")
        raises(MemoryError, list, db.items())
        chain = None
        gc.collect()
        assert contents(db) == before and db["k"] == TEXT * 100

    on_both(on)


def test_a_database_moves_between_programs():
    db = MicroTetherDB("c.db", in_memory=False)
    db["k"] = document(39)
    db.backup("copy.db")
    db.close()
    os.rename("copy.db", "moved.db")
    db = MicroTetherDB("moved.db", in_memory=False, use_compression=False)
    assert db["k"] == document(39) and saved(db)[0] == 1
    db.close()
