"""close, the context manager, and what else a database object offers."""

import microtetherdb
from microtetherdb import MicroTetherDB
from runner import raises


def every_call(db, document, found):
    def set_item():
        db["k"] = 1

    def delete_item():
        del db["k"]

    def enter():
        with db:
            pass

    def transaction():
        with db.transaction():
            pass

    def lock():
        with db.lock():
            pass

    def change():
        document["n"] = 2

    return (
        lambda: db.put("k", 1),
        lambda: db.put(1),
        lambda: db.get("k"),
        lambda: db.delete("k"),
        lambda: db.delete(purge=True),
        lambda: db.put_batch([1]),
        lambda: db.put_batch([]),
        lambda: db.delete_batch(["k"]),
        lambda: db.cleanup(),
        lambda: db.query({}),
        lambda: list(db.find({})),
        lambda: next(found),
        lambda: db["k"],
        set_item,
        delete_item,
        lambda: "k" in db,
        lambda: len(db),
        lambda: list(db),
        lambda: list(db.keys()),
        lambda: list(db.values()),
        lambda: list(db.items()),
        lambda: db.tags("k"),
        lambda: db.stats(),
        lambda: db.flush(),
        lambda: db.compact(),
        transaction,
        lock,
        enter,
        change,
    )


def test_every_call_after_close_is_a_value_error():
    db = MicroTetherDB()
    db["k"] = {"n": 1}
    document, found = db["k"], db.find({})
    db.close()
    for call in every_call(db, document, found):
        raises(ValueError, call, says="database is closed")


def test_close_can_be_called_twice():
    db = MicroTetherDB()
    assert db.close() is None
    assert db.close() is None


def test_with_gives_the_database_and_closes_it():
    with MicroTetherDB() as db:
        assert isinstance(db, MicroTetherDB)
        db.put("a", 1)
        assert db.get("a") == 1
    raises(ValueError, db.get, "a", says="database is closed")


def test_with_closes_after_an_exception_too_and_lets_it_pass():
    try:
        with MicroTetherDB() as db:
            raise IndexError("mine")
    except IndexError as error:
        assert str(error) == "mine"
    else:
        assert False, "the exception was kept"
    raises(ValueError, db.get, "a")


def test_a_closed_database_gives_its_memory_back():
    import gc

    def one():
        with MicroTetherDB(ram_percentage=30) as db:
            db.put_batch([{"n": n} for n in range(50)])
        return db

    db = one()
    gc.collect()
    before = gc.mem_alloc()
    closed = [one() for _ in range(4)]
    gc.collect()
    assert gc.mem_alloc() - before < 4 * 1500, "%d bytes held by 4 closed databases" % (gc.mem_alloc() - before)
    assert len(closed) == 4 and db


def test_databases_that_nobody_holds_are_collected():
    import gc

    for _ in range(60):
        db = MicroTetherDB(ram_percentage=30)
        db.put_batch([{"n": n} for n in range(40)])
    gc.collect()
    assert len(db) == 40


def test_two_databases_in_memory_share_nothing():
    one, two = MicroTetherDB("same.db"), MicroTetherDB("same.db")
    one["a"] = 1
    assert "a" not in two and len(two) == 0
    one.close()
    two["a"] = 2
    assert two["a"] == 2


def test_flush_and_compact_can_be_called_at_any_time():
    db = MicroTetherDB()
    db.flush()
    db.compact()
    db.put_batch([{"n": n} for n in range(40)])
    before = db.query({})
    db.delete_batch(key for n, key in enumerate(list(db)) if n % 2)
    db.compact()
    db.flush()
    assert db.query({}) == before[::2]


def test_compact_makes_room():
    db = MicroTetherDB()
    for n in range(200):
        db.put("k%03d" % (n * 77 % 200), {"n": n, "text": "some text"})
    for n in range(200):
        if n % 8:
            db.delete("k%03d" % n)
    before, used = db.query({}), db.stats()["bytes_used"]
    db.compact()
    assert db.query({}) == before and db.stats()["bytes_used"] <= used


def test_the_module_offers_its_names():
    assert issubclass(microtetherdb.DBCorrupt, OSError)
    assert issubclass(microtetherdb.DBLock, Exception)
    assert isinstance(microtetherdb.__version__, str) and microtetherdb.__version__
    assert microtetherdb.MicroTetherDB is MicroTetherDB


def test_a_database_can_be_printed():
    db = MicroTetherDB()
    db["a"] = 1
    assert "MicroTetherDB" in repr(db)
    db.close()
    assert "MicroTetherDB" in repr(db)


def test_a_class_can_be_made_from_it():
    class Readings(MicroTetherDB):
        def latest(self):
            return self.query({"kind": "reading"})[-1]

    db = Readings(ram_percentage=20)
    db.put({"kind": "reading", "n": 1})
    db.put({"kind": "reading", "n": 2})
    assert db.latest() == {"kind": "reading", "n": 2} and len(db) == 2
