"""When a database in files flushes, and that what it flushed is there. Flushes are counted by stats()."""

import os
import time

from microtetherdb import MicroTetherDB
from runner import raises

FOLDERS = True


def opened(**more):
    return MicroTetherDB("my.db", in_memory=False, **more)


def flushes(db):
    return db.stats()["flushes"]


def writes_until_flush(db, write):
    """How many writes it takes, from just after a flush."""
    db.flush()
    before, count = flushes(db), 0
    while flushes(db) == before:
        write(count)
        count += 1
    return count


def on_disk():
    for name in os.listdir("."):
        if name.startswith("my.db"):
            with open(name, "rb") as source, open("copy" + name, "wb") as target:
                target.write(source.read())
    try:
        with MicroTetherDB("copymy.db", in_memory=False) as db:
            return dict(db.items())
    finally:
        for name in os.listdir("."):
            if name.startswith("copy"):
                os.remove(name)


def put(db):
    def write(n):
        db["k%d" % n] = n

    return write


def test_few_writes_flush_every_ten_writes():
    db = opened()
    assert writes_until_flush(db, put(db)) == 10
    db.close()


def test_more_writes_flush_less_often():
    db = opened()
    for n in range(150):
        db["k"] = n
    assert writes_until_flush(db, put(db)) == 15
    for n in range(1000):
        db["k"] = n
    assert writes_until_flush(db, put(db)) == 20
    db.close()


def test_without_the_adaptive_rule_it_is_always_ten():
    db = opened(adaptive_threshold=False)
    for n in range(1100):
        db["k"] = n
    assert writes_until_flush(db, put(db)) == 10
    db.close()


def test_flush_threshold_replaces_the_rule():
    for threshold in (1, 3, 25):
        with MicroTetherDB("t%d.db" % threshold, in_memory=False, flush_threshold=threshold) as db:
            assert writes_until_flush(db, put(db)) == threshold


def test_only_writes_count():
    db = opened()
    db["a"] = {"n": 1}
    before = flushes(db)
    for _ in range(50):
        db.get("a"), db.get("b"), db.query({"n": 1}), db.tags("a"), len(db), "a" in db, db.delete("b")
    assert flushes(db) == before
    db.close()


def test_what_is_not_flushed_is_not_durable_and_what_is_flushed_is():
    db = opened()
    for n in range(9):
        db["k%d" % n] = n
    assert on_disk() == {}
    db["k9"] = 9
    assert len(on_disk()) == 10
    db["more"] = 1
    assert "more" not in on_disk()
    db.flush()
    assert on_disk()["more"] == 1
    db["k9"] = 10
    db.close()
    assert on_disk()["k9"] == 10


def test_a_batch_is_one_commit():
    db = opened()
    before = flushes(db)
    db.put_batch([{"n": n} for n in range(100)])
    assert flushes(db) == before + 1 and len(on_disk()) == 100
    before = flushes(db)
    db.delete_batch(list(db)[:50])
    assert flushes(db) == before + 1 and len(on_disk()) == 50
    db.put_batch([1, 2, 3])
    assert flushes(db) == before + 1
    db.close()


def test_a_transaction_is_one_commit_and_durable_on_leaving():
    db = opened()
    before = flushes(db)
    with db.transaction():
        for n in range(100):
            db["k%d" % n] = n
        with db.transaction():
            db["inner"] = 1
        assert flushes(db) == before and on_disk() == {}
    assert flushes(db) == before + 1 and len(on_disk()) == 101
    with db.transaction():
        db["last"] = 1
    assert flushes(db) == before + 2 and len(on_disk()) == 102
    db.close()


def test_a_transaction_rolled_back_leaves_nothing():
    db = opened()
    db["a"] = 1

    def fail():
        with db.transaction():
            for n in range(100):
                db.put("k%d" % n, {"new%d" % n: n}, tags=["t"], ttl=100)
            del db["a"]
            raise IndexError

    raises(IndexError, fail)
    assert dict(db.items()) == {"a": 1} and db.stats()["ttl_records"] == 0
    db.flush()
    assert on_disk() == {"a": 1}
    db.close()


def test_a_savepoint_rolled_back_leaves_the_rest():
    db = opened()
    with db.transaction():
        db["a"] = 1
        try:
            with db.transaction():
                db["b"] = 2
                raise IndexError
        except IndexError:
            pass
        db["c"] = 3
    assert on_disk() == {"a": 1, "c": 3}
    db.close()


def test_flush_waits_for_the_end_of_a_transaction():
    db = opened()
    with db.transaction():
        db["a"] = 1
        db.flush()
        assert on_disk() == {}
    assert on_disk() == {"a": 1}
    db.close()


def test_a_write_flushes_when_the_time_is_over():
    db = opened(auto_flush_seconds=0.2)
    db["a"] = 1
    before = flushes(db)
    time.sleep(0.25)
    assert flushes(db) == before  # a write has to come
    db["b"] = 2
    assert flushes(db) == before + 1 and len(on_disk()) == 2
    db["c"] = 3
    assert flushes(db) == before + 1
    db.close()


def test_a_flush_by_count_starts_the_time_again():
    db = opened(auto_flush_seconds=0.4, flush_threshold=3)
    time.sleep(0.3)
    for n in range(3):
        db["k%d" % n] = n
    before = flushes(db)
    time.sleep(0.2)
    db["a"] = 1
    assert flushes(db) == before
    db.close()


def test_auto_flush_after_no_time_is_every_write():
    db = opened(auto_flush_seconds=0)
    before = flushes(db)
    for n in range(5):
        db["k%d" % n] = n
    assert flushes(db) == before + 5
    db.close()
