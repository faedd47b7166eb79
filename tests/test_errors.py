"""Every row of the table of errors, and that the database is afterwards as it was before.

The rows about files, and a DBLock between tasks, need what is not built yet; the rows about
locks between threads stand in test_lock.py, those about queries in test_query_errors.py.
"""

import microtetherdb
from microtetherdb import MicroTetherDB
from runner import ON_BOARD, contents, raises, refused


def filled():
    db = MicroTetherDB()
    for n in range(12):
        db.put("k%02d" % n, {"n": n, "l": [n]}, ttl=1000 if n % 3 == 0 else None, tags=["t", "u"] if n % 2 else None)
    db.put("plain", "text", tags=["t"])
    return db


def set_item(db, key, value):
    db[key] = value


def delete_item(db, key):
    del db[key]


def test_a_key_of_the_wrong_type_is_a_type_error():
    db = filled()
    for bad in (5, 1.5, b"k00", ("k00",), True, ["k00"], {"k00": 1}):
        refused(db, TypeError, db.put, key=bad, data=1, says="str")
        refused(db, TypeError, db.put, {"n": 1}, _id=bad, says="str")
        refused(db, TypeError, db.get, bad, says="str")
        refused(db, TypeError, db.tags, bad, says="str")
        refused(db, TypeError, lambda: db[bad], says="str")
        refused(db, TypeError, set_item, db, bad, 1, says="str")
        refused(db, TypeError, delete_item, db, bad, says="str")
        refused(db, TypeError, db.delete_batch, ["k00", bad], says="str")
    for bad in (5, 1.5, b"k00", ("k00",), True):
        refused(db, TypeError, db.delete, bad, says="str")


def test_a_value_of_the_wrong_type_is_a_type_error():
    db = filled()
    for bad, name in ((b"x", "bytes"), ({1}, "set"), (range(2), "range"), (object(), "object")):
        for value in (bad, [bad], {"a": {"b": [1, bad]}}):
            refused(db, TypeError, db.put, "k00", value, says=name)
            refused(db, TypeError, db.put, value, says=name)
            refused(db, TypeError, set_item, db, "k00", value, says=name)
            refused(db, TypeError, db.put_batch, [1, value], says=name)
            refused(db, TypeError, set_item, db["k00"], "n", value, says=name)
            refused(db, TypeError, db["k00"]["l"].append, value, says=name)
    refused(db, TypeError, db.put, "k00", {"n": {5: 1}})


def test_tags_of_the_wrong_type_are_a_type_error():
    db = filled()
    for bad in ("t", 5, {"t": 1}, ["t", 5], [["t"]], [b"t"]):
        refused(db, TypeError, db.put, "k00", 1, tags=bad)
        refused(db, TypeError, db.put, {"n": 1}, tags=bad)
    refused(db, TypeError, db.put, "k00", {"_tags": "t"})


def test_a_ttl_of_the_wrong_type_is_a_type_error():
    db = filled()
    for bad in ("5", b"5", [5], {"s": 5}):
        refused(db, TypeError, db.put, "k00", 1, ttl=bad)
        refused(db, TypeError, db.put, {"n": 1}, bad)
        refused(db, TypeError, db.put_batch, [1, 2], ttls=[5, bad])


def test_a_query_of_the_wrong_type_is_a_type_error():
    db = filled()
    for bad in (None, "n", 5, [], [{}]):
        refused(db, TypeError, db.query, bad)
        refused(db, TypeError, lambda: next(db.find(bad)))


def test_a_bad_length_is_a_value_error_with_the_limit():
    db = filled()
    for key in ("", "k" * 121, "ü" * 61):
        refused(db, ValueError, db.put, key, 1, says="120")
        refused(db, ValueError, set_item, db, key, 1, says="120")
        refused(db, ValueError, db.put, {"n": 1}, _id=key, says="120")
    refused(db, ValueError, db.put, "k00", 1, tags=["x" * 65], says="64")
    refused(db, ValueError, db.put, "k00", 1, tags=["x%d" % n for n in range(33)], says="32")
    refused(db, ValueError, db.put_batch, [1, 2, 3], ttls=[5, 5])


def test_a_bad_range_is_a_value_error():
    db = filled()
    refused(db, ValueError, db.put, "k00", 1, ttl=-1)
    refused(db, ValueError, db.put_batch, [1, 2], ttls=[5, -0.1])
    for bad in (float("nan"), float("inf"), -float("inf")):
        refused(db, ValueError, db.put, "k00", {"n": bad})
        refused(db, ValueError, set_item, db["k00"], "n", bad)
    refused(db, ValueError, db.query, {"$limit": -1}, says="$limit")
    raises(ValueError, MicroTetherDB, ram_percentage=0, says=("ram_percentage", "1", "100"))
    raises(ValueError, MicroTetherDB, btree_pagesize=1000, says=("btree_pagesize", "512", "4096"))


def test_a_bad_size_is_a_value_error_with_size_and_limit():
    db = filled()
    for key in ("k00", "new"):
        refused(db, ValueError, db.put, key, "x" * 9000, says=("9002", "8192"))
        refused(db, ValueError, db.put, key, {"a": "x" * 9000}, tags=["t"], says=("9009", "8192"))
    refused(db, ValueError, db.put_batch, [1, "x" * 9000], says=("9002", "8192"))
    refused(db, ValueError, set_item, db["k00"], "n", "x" * 9000, says="8192")
    deep = 1
    for _ in range(40):
        deep = [deep]
    refused(db, ValueError, db.put, "k00", deep, says="32")


def test_a_list_that_could_not_be_counted_is_a_value_error():
    if ON_BOARD:
        return  # its heap does not hold such a list
    db = filled()
    for bad in ([0] * 65536, {"inner": (0,) * 70000}):
        refused(db, ValueError, db.put, "k00", bad, says="items is too large")


def test_a_bad_operator_is_a_value_error_that_lists_what_there_is():
    db = filled()
    refused(db, ValueError, db.query, {"n": {"$almost": 5}}, says=("$almost", "$eq", "$contains"))
    refused(db, ValueError, db.query, {"n": {"$in": 5}}, says="$in")
    refused(db, ValueError, db.query, {"n": {"$gt": 5, "x": 1}})


def test_an_argument_that_is_given_twice_is_a_type_error():
    db = filled()
    refused(db, TypeError, db.put, "k", {"n": 1}, key="other", says="'key' twice")
    refused(db, TypeError, db.put, "k", {"n": 1}, 5, ttl=5, says="'ttl' twice")
    refused(db, TypeError, db.put, {"n": 1}, None, ["t"], tags=["u"], says="'tags' twice")
    refused(db, TypeError, db.put, "k", {"n": 1}, unknown=1, says="no argument 'unknown'")


def test_neither_a_key_nor_purge_is_a_value_error():
    db = filled()
    refused(db, ValueError, db.delete)
    refused(db, ValueError, db.delete, "k00", purge=True)


def test_a_closed_database_is_a_value_error():
    db = filled()
    db.close()
    for call in (lambda: db.get("k00"), lambda: db.put(1), lambda: len(db), lambda: db.query({})):
        raises(ValueError, call, says="database is closed")


def test_no_such_key_is_a_key_error_with_the_key():
    db = filled()
    document = db["k00"]
    for key in ("missing", "k", "k000"):
        refused(db, KeyError, lambda: db[key], says=key)
        refused(db, KeyError, delete_item, db, key, says=key)
    db.delete("k00")
    refused(db, KeyError, set_item, document, "n", 5, says="k00")


def test_a_full_database_is_a_memory_error():
    db = MicroTetherDB(ram_percentage=2, use_compression=False)
    try:
        while True:
            db.put({"text": "x" * 100}, ttl=1000, tags=["t"])
    except MemoryError:
        pass
    refused(db, MemoryError, db.put, "a", "x" * 8000)
    refused(db, MemoryError, db.put_batch, [{"text": "x" * 100}] * 200)
    refused(db, MemoryError, set_item, db, "a", "x" * 8000)


def test_after_all_errors_the_database_works_as_before():
    db = filled()
    before = contents(db)
    for call in (
        lambda: db.put(object()),
        lambda: db.put("", 1),
        lambda: db["missing"],
        lambda: db.query({"n": {"$no": 1}}),
        lambda: db.put_batch([1, object()]),
        lambda: db.put("k00", 1, ttl=-1),
        lambda: db.delete(),
        lambda: db.put("k00", 1, tags=5),
    ):
        raises((TypeError, ValueError, KeyError), call)
    assert contents(db) == before
    key = db.put({"n": 100}, ttl=1000, tags=["t"])
    assert db.get(key) == {"n": 100, "_tags": ["t"]} and len(db) == 14
    assert [d["n"] for d in db.query({"n": {"$gt": 9}})] in ([10, 11, 100], [100, 10, 11])
    assert db.delete(key) == 1
    assert contents(db)[0] == before[0]


def test_the_exceptions_are_those_of_the_module():
    assert issubclass(microtetherdb.DBCorrupt, OSError) and not issubclass(microtetherdb.DBLock, OSError)
