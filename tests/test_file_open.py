"""A database in files: made, closed, opened again, with everything in it."""

import gc
import os
import time

import microtetherdb
from microtetherdb import MicroTetherDB
from runner import ON_BOARD, contents, raises

FOLDERS = True


def reopened(db, name="my.db", **more):
    db.close()
    return MicroTetherDB(name, in_memory=False, **more)


def test_everything_is_there_after_closing_and_opening():
    values = {"d": {"a": 1, "f": 1.5, "l": [1, "x", None]}, "s": "text", "big": 10**30, "n": None, "t": True, "e": {}}
    with MicroTetherDB("my.db", in_memory=False) as db:
        for key in values:
            db[key] = values[key]
    with MicroTetherDB("my.db", in_memory=False) as db:
        assert dict(db.items()) == values
        assert len(db) == len(values)


def test_tags_fields_and_their_queries_survive():
    db = MicroTetherDB("my.db", in_memory=False)
    for n in range(60):
        db.put("k%02d" % n, {"n": n, "kind": "odd" if n % 2 else "even"}, tags=["t%d" % (n % 3), "all"])
    before = contents(db)[0]
    db = reopened(db)
    assert contents(db)[0] == before
    assert len(db.query({"tags": "t1"})) == 20 and len(db.query({"kind": "odd", "n": {"$gt": 30}})) == 15
    assert db.tags("k01") == ["t1", "all"]
    db.close()


def test_values_of_every_size_survive():
    db = MicroTetherDB("my.db", in_memory=False, btree_cachesize=8)
    sizes = [0, 1, 100, 254, 255, 256, 400, 500, 511, 512, 513, 1000, 3000, 8190]
    for size in sizes:
        db["s%d" % size] = "x" * size
    db = reopened(db, btree_cachesize=8)
    for size in sizes:
        assert db["s%d" % size] == "x" * size
    db.close()


def test_a_ttl_goes_on_after_opening_and_expiry_too():
    db = MicroTetherDB("my.db", in_memory=False)
    db.put("short", 1, ttl=0.15)
    db.put("long", 2, ttl=100)
    db.put("ever", 3)
    db = reopened(db)
    assert db.stats()["ttl_records"] == 2 and db["short"] == 1
    time.sleep(0.2)
    assert "short" not in db and db["long"] == 2 and db["ever"] == 3
    assert db.cleanup() == 1 and len(db) == 2
    db = reopened(db)
    assert sorted(db) == ["ever", "long"] and db.stats()["ttl_records"] == 1
    db.close()


def test_time_switched_off_counts_where_the_clock_knows_it():
    db = MicroTetherDB("my.db", in_memory=False)
    db.put("short", 1, ttl=1)
    db.close()
    time.sleep(1.2)
    with MicroTetherDB("my.db", in_memory=False) as db:
        # The wall clock has seconds: 1.2 of them are one or two.
        assert db.get("short") is None


def test_generated_keys_go_on_and_are_never_given_twice():
    keys = []
    for _ in range(4):
        with MicroTetherDB("my.db", in_memory=False) as db:
            for n in range(7):
                keys.append(db.put({"n": n}))
            keys += db.put_batch([1, 2])
            db.delete(keys[-1])
    assert len(set(keys)) == len(keys) and keys == sorted(keys)


def test_an_empty_database_can_be_opened_again():
    MicroTetherDB("my.db", in_memory=False).close()
    assert os.stat("my.db")[6] > 0
    with MicroTetherDB("my.db", in_memory=False) as db:
        assert len(db) == 0 and db.get("a") is None
        db["a"] = 1
    with MicroTetherDB("my.db", in_memory=False) as db:
        assert db["a"] == 1


def test_opening_and_reading_change_no_byte():
    def bytes_of(name):
        with open(name, "rb") as file:
            return file.read()

    def everything():
        return {name: bytes_of(name) for name in os.listdir(".")}

    with MicroTetherDB("my.db", in_memory=False) as db:
        for n in range(100):
            db["k%d" % n] = n
    before = everything()
    with MicroTetherDB("my.db", in_memory=False) as db:
        assert db["k7"] == 7 and len(db.query({})) == 100
    assert everything() == before


def test_missing_folders_are_made():
    for name in ("a/b/c/my.db", "./d/../e/my.db", "f//g/my.db", os.getcwd() + "/h/i/my.db"):
        with MicroTetherDB(name, in_memory=False) as db:
            db["a"] = name
        with MicroTetherDB(name, in_memory=False) as db:
            assert db["a"] == name
    assert "my.db" in os.listdir("a/b/c") and "my.db" in os.listdir("e") and "my.db" in os.listdir("h/i")
    assert "d" not in os.listdir(".")


def test_names_that_are_no_files_are_refused():
    for name in ("", "a/", ".", "..", "a/..", "a\0b"):
        raises(ValueError, MicroTetherDB, name, in_memory=False, says="no name of a file")
    os.mkdir("folder")
    raises(OSError, MicroTetherDB, "folder", in_memory=False)
    with open("plain", "w") as file:
        file.write("text")
    raises(OSError, MicroTetherDB, "plain/my.db", in_memory=False)
    with open("plain") as file:
        assert file.read() == "text"


def test_databases_with_similar_names_do_not_meet():
    names = ("my", "my.db", "my.db.0000x", "my.db2", "m")
    dbs = [MicroTetherDB(name, in_memory=False) for name in names]
    for db, name in zip(dbs, names):
        for n in range(50):
            db["k%d" % n] = name
    for db in dbs:
        db.close()
    for name in names:
        with MicroTetherDB(name, in_memory=False) as db:
            assert len(db) == 50 and set(db.values()) == {name}


def test_an_existing_files_page_size_wins():
    with MicroTetherDB("my.db", in_memory=False, btree_pagesize=2048) as db:
        db["a"] = 1
    with MicroTetherDB("my.db", in_memory=False) as db:
        assert db.stats()["page_size"] == 2048 and db["a"] == 1
        db["k" * 250] = 2  # a key of this length needs a large page
    for size in (512, 1024, 4096):
        with MicroTetherDB("s%d.db" % size, in_memory=False, btree_pagesize=size) as db:
            assert db.stats()["page_size"] == size
            db.put_batch([{"n": n, "text": "x" * n} for n in range(100)])
        with MicroTetherDB("s%d.db" % size, in_memory=False) as db:
            assert len(db) == 100


def test_a_program_that_changes_its_folder_keeps_its_database():
    os.mkdir("other")
    db = MicroTetherDB("my.db", in_memory=False)
    os.chdir("other")
    for n in range(100):
        db["k%d" % n] = n
    os.chdir("..")
    db = reopened(db)
    assert len(db) == 100
    db.close()
    assert os.listdir("other") == []


def test_statistics_know_files_and_cache():
    with MicroTetherDB("my.db", in_memory=False, btree_cachesize=8) as db:
        for n in range(500):
            db["k%03d" % n] = {"n": n, "text": "some text"}
        db.flush()
        for n in range(0, 500, 7):
            assert db["k%03d" % n]["n"] == n
        stats = db.stats()
        sizes = sum(os.stat(name)[6] for name in os.listdir(".") if name.startswith("my.db"))
        assert stats["records"] == 500
        assert stats["file_bytes"] == sizes, (stats, sizes)
        assert stats["cache_hits"] > 0 and stats["cache_misses"] > 0
        assert stats["free_bytes"] > (10**5 if ON_BOARD else 10**6)
        assert stats["format_version"] == 2


def test_an_option_out_of_range_makes_no_file():
    raises(ValueError, MicroTetherDB, "my.db", in_memory=False, btree_cachesize=7, says=("btree_cachesize", "8"))
    raises(ValueError, MicroTetherDB, "my.db", in_memory=False, btree_pagesize=500)
    assert os.listdir(".") == []


def test_a_class_made_from_it_works_in_files():
    class Readings(MicroTetherDB):
        def latest(self):
            return self.query({"kind": "reading"})[-1]

    db = Readings("my.db", in_memory=False)
    db.put({"kind": "reading", "n": 1})
    db.put({"kind": "reading", "n": 2})
    assert db.latest()["n"] == 2
    db.close()
    db = Readings("my.db", False)
    assert db.latest()["n"] == 2
    db.close()


def test_the_mapping_and_live_documents_work_in_files():
    db = MicroTetherDB("my.db", in_memory=False)
    db["user"] = {"age": 30, "list": []}
    db["user"]["age"] += 1
    db["user"]["list"].append({"x": 1})
    db["user"]["list"][0]["x"] = 2
    document = db["user"]
    db = reopened(db)
    assert db["user"] == {"age": 31, "list": [{"x": 2}]}
    raises(ValueError, document.update, {"age": 1}, says="database is closed")
    assert db["user"]["age"] == 31
    raises(KeyError, lambda: db["nobody"])
    del db["user"]
    db = reopened(db)
    assert list(db) == []
    db.close()


def test_purge_empties_the_files_too():
    db = MicroTetherDB("my.db", in_memory=False)
    for n in range(300):
        db.put("k%d" % n, {"f%d" % (n % 20): "x" * 50}, tags=["t"], ttl=1000)
    assert db.delete(purge=True) == 300
    db = reopened(db)
    assert len(db) == 0 and db.query({"tags": "t"}) == [] and db.stats()["ttl_records"] == 0
    db["a"] = 1
    db = reopened(db)
    assert dict(db.items()) == {"a": 1}
    db.close()


def test_the_heap_is_given_back():
    def one():
        with MicroTetherDB("my.db", in_memory=False) as db:
            db.put_batch([{"n": n} for n in range(50)])
        return db

    one()
    gc.collect()
    before = gc.mem_alloc()
    closed = [one() for _ in range(4)]
    gc.collect()
    assert gc.mem_alloc() - before < 4 * 2500, "%d bytes held by 4 closed databases" % (gc.mem_alloc() - before)
    assert len(closed) == 4 and microtetherdb
