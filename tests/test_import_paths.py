"""The other import paths: MicroTetherDB.MicroTetherDB and TetherDB's DB, the same type with other defaults."""

import microtetherdb
from MicroTetherDB import MicroTetherDB
from runner import raises
from tendrl.lib.tetherdb.TetherDB import DB

names = []


def filename():
    names.append("test%d.db" % len(names))
    return names[-1]


def tether():
    return DB(filename())


def mapping(**options):
    return MicroTetherDB(filename(), **options)


def test_both_are_the_native_type():
    for db in (mapping(), tether()):
        assert isinstance(db, microtetherdb.MicroTetherDB)
        db.close()


def test_microtetherdb_gives_db_too():
    from microtetherdb import DB as same

    assert same is DB and microtetherdb.DB is DB


def test_the_mapping_wants_a_file_name_and_makes_a_file():
    raises(TypeError, MicroTetherDB)
    raises(TypeError, MicroTetherDB, 5, says=("filename", "int"))
    raises(TypeError, MicroTetherDB, "x", no_such=1, says="no_such")
    raises(ValueError, MicroTetherDB, "x", True, 101, says="ram_percentage")
    name = filename()
    db = MicroTetherDB(name)
    db["k"] = {"n": 1}
    db.close()
    db = microtetherdb.MicroTetherDB(name, in_memory=False)
    assert db["k"] == {"n": 1}
    db.close()


def test_the_mapping_does_what_the_type_does():
    db = mapping()
    db["a"] = {"n": 1, "l": [1]}
    db["a"]["n"] = 2
    db["a"]["l"].append(2)
    assert db["a"] == {"n": 2, "l": [1, 2]} and "a" in db and "b" not in db and len(db) == 1 and db
    assert list(db) == list(db.keys()) == ["a"] and list(db.items()) == [("a", {"n": 2, "l": [1, 2]})]
    try:
        with db.transaction():
            db["b"] = 1
            raise RuntimeError
    except RuntimeError:
        pass
    with db.lock():
        del db["a"]
    assert len(db) == 0 and db.put({"n": 1}, tags=["t"]) and db.query({"tags": "t"}) == [{"n": 1, "_tags": ["t"]}]
    db.close()
    db.close()
    raises(ValueError, db.get, "a", says="database is closed")


def test_with_gives_the_object_itself():
    for make, kind in ((mapping, MicroTetherDB), (tether, DB)):
        outside = make()
        with outside as db:
            assert db is outside and isinstance(db, kind)
            db["k"] = 1
        raises(ValueError, outside.get, "k", says="database is closed")


def test_an_id_that_exists_is_a_value_error_and_changes_nothing():
    db = tether()
    assert db.put({"n": 1}, _id="a") == "a"
    raises(ValueError, db.put, {"n": 2}, _id="a", says=("_id", "'a'"))
    raises(ValueError, db.put, {"n": 2}, 0, None, "a", says="'a'")
    assert db.get("a") == {"n": 1} and len(db) == 1
    db.delete("a")
    assert db.put({"n": 3}, _id="a") == "a" and db.get("a") == {"n": 3}
    db["a"] = {"n": 4}
    assert db.get("a") == {"n": 4}
    for bad in (5, b"a"):
        raises(TypeError, db.put, 1, _id=bad)
    db.close()


def test_put_takes_the_value_first():
    db = tether()
    key = db.put({"n": 1}, 100, ["t"])
    assert db.get(key) == {"n": 1, "_tags": ["t"]} and db.stats()["ttl_records"] == 1
    assert db.get(db.put("text", 5)) == "text", "a str is a value here, not a key"
    assert db.get(db.put(data={"n": 2}, ttl=0)) == {"n": 2}
    raises(TypeError, db.put)
    raises(TypeError, db.put, 1, key="k")
    raises(TypeError, db.put, 1, 0, None, "k", 5)
    db.close()


def test_parameters_of_db():
    raises(ValueError, DB, "redis://localhost/0", says="microtetherdb.MicroTetherDB")
    raises(TypeError, DB)
    raises(TypeError, DB, "x", in_memory=True)
    raises(ValueError, DB, filename(), compress_min_size=-1, says="compress_min_size must be")
    raises(ValueError, DB, filename(), flush_threshold=0, says="flush_threshold")
    raises(TypeError, DB, 5, says="filename")


def test_a_value_of_db_takes_1024_bytes():
    db = DB(filename())
    fits, too_long = {"t": "x" * (1024 - len('{"t": ""}'))}, {"t": "x" * (1025 - len('{"t": ""}'))}
    assert db.get(db.put(fits)) == fits
    for call in (
        lambda: db.put(too_long),
        lambda: db.put(too_long, _id="k"),
        lambda: db.put_batch([1, too_long]),
        lambda: db.__setitem__("k", too_long),
    ):
        raises(ValueError, call, says=("1025", "1024"))
    db["k"] = {"t": "x" * 900}
    live = db["k"]
    raises(ValueError, live.update, {"u": "x" * 200}, says="1024")
    assert len(db) == 2 and live == {"t": "x" * 900}
    db.close()


def test_db_flushes_by_its_threshold_and_later_when_most_are_batches():
    db = DB(filename(), flush_threshold=4, auto_flush_seconds=1000)
    for _ in range(8):
        db.put(1)
    assert db.stats()["flushes"] == 2
    db.close()
    for share, threshold in ((0, 20), (6, 30), (9, 50)):
        db = DB(filename(), auto_flush_seconds=1000)
        for n in range(200):  # `share` of ten operations are batches of one
            db.put_batch([1]) if n % 10 < share else db.put(1)
        db.flush()
        before = db.stats()["flushes"]
        for _ in range(threshold - 1):
            db.put_batch([1]) if share else db.put(1)
        assert db.stats()["flushes"] == before, (share, threshold)
        db.put_batch([1]) if share else db.put(1)
        assert db.stats()["flushes"] == before + 1, (share, threshold)
        db.close()
