"""Long calls are made of steps: callbacks run between them, Ctrl-C ends them, and a call that was
ended so has done nothing or all of its writing."""

import gc
import micropython
import os
import time

from microtetherdb import DBLock, MicroTetherDB
from runner import contents, raises

NEEDS = "unix"
HEAP = "8M"  # for run_unix.py


class Callbacks:
    """Runs `work` as a scheduled callback again and again; .count says how often it did."""

    def __init__(self, work=None):
        self.count, self.on, self.errors, self.work = 0, True, [], work
        self.step = self.run

    def run(self, _):
        if not self.on:
            return
        self.count += 1
        if self.work:
            try:
                self.work(self.count)
            except Exception as error:
                self.errors.append(error)
        micropython.schedule(self.step, None)


def large(count=3000):
    db = MicroTetherDB(ram_percentage=40)
    db.put_batch([{"n": n, "text": "some text"} for n in range(count)], ttls=10000)
    return db


def callbacks_during(call, work=None):
    """What `call` returns, and the callbacks that ran while it did: between schedule() and the end
    of the call there is no jump in the bytecode, at which the interpreter would run them itself."""
    callbacks = Callbacks(work)
    try:
        micropython.schedule(callbacks.step, None)
        before = callbacks.count
        result = call()
        count = callbacks.count - before
    finally:
        callbacks.on = False
    return result, count, callbacks


def test_callbacks_run_during_every_long_call():
    for name, call, expected in (
        ("query", lambda db: len(db.query({"n": {"$gte": 2900}})), 100),
        ("query that finds nothing", lambda db: db.query({"never": 1}), []),
        ("next of find", lambda db: next(db.find({"n": 2999}))["n"], 2999),
        ("cleanup", lambda db: db.cleanup(), 0),
    ):
        db = large()
        result, count, _ = callbacks_during(lambda: call(db))
        assert result == expected, name
        if name != "cleanup":
            assert count > 1, "%d callbacks during %s" % (count, name)


def test_callbacks_run_during_batches():
    db = MicroTetherDB(ram_percentage=40)
    items = [{"n": n} for n in range(3000)]
    keys, count, _ = callbacks_during(lambda: db.put_batch(items))
    assert len(keys) == 3000 and count > 1, count
    deleted, count, _ = callbacks_during(lambda: db.delete_batch(keys))
    assert deleted == 3000 and count > 1, count


def test_callbacks_run_while_many_expired_records_are_removed():
    db = MicroTetherDB(ram_percentage=40)
    db.put_batch([{"n": n} for n in range(3000)], ttls=0.01)
    time.sleep_ms(30)
    removed, count, _ = callbacks_during(db.cleanup)
    assert removed == 3000 and count > 1, (removed, count)


def test_a_callback_that_uses_the_database_is_served_or_refused_and_breaks_nothing():
    for call in (
        lambda db: len(db.query({"n": {"$gte": 0}})),
        lambda db: len(list(db.find({}))),
        lambda db: db.put_batch([{"n": -n} for n in range(1500)]),
        lambda db: db.delete_batch(list(db)[:1000]),
        lambda db: db.delete(purge=True),
        lambda db: db.cleanup(),
        len,
    ):
        db = large(1500)
        done = []

        def work(n):
            if n <= 20:
                db.put("callback%02d" % n, n)
                done.append("callback%02d" % n)

        # What the callback put is there, unless the call removed everything.
        _, _, callbacks = callbacks_during(lambda: call(db), work)
        for error in callbacks.errors:
            assert isinstance(error, (RuntimeError, DBLock)), repr(error)
        found = [key for key in db if key.startswith("callback")]
        assert found == sorted(set(found)) and all(key in done for key in found)
        if db.query({"n": 3}):
            assert found == sorted(done), (found, done)
        contents(db)


def test_a_callback_sees_a_batch_whole_or_not_at_all():
    db = MicroTetherDB(ram_percentage=40)
    seen = []
    callbacks_during(lambda: db.put_batch([{"n": n} for n in range(2000)]), lambda n: seen.append(len(db)))
    assert all(size in (0, 2000) for size in seen), seen
    assert len(db) == 2000


def test_an_iterator_that_is_interrupted_interrupts_the_batch():
    db = MicroTetherDB(ram_percentage=40)
    keys = db.put_batch([{"n": n} for n in range(500)])
    for stop in (0, 1, 100, 499):

        def interrupted():
            for n, key in enumerate(keys):
                if n == stop:
                    raise KeyboardInterrupt
                yield key

        before = contents(db)
        raises(KeyboardInterrupt, db.delete_batch, interrupted())
        assert contents(db) == before, stop


# ---- real Ctrl-C: a shell in the background sends SIGINT some time during the work


def interrupt_soon(turn):
    os.system("(sleep 0.0%d; kill -INT %d) &" % (5 + turn * 7 % 40, parent()))


def parent():
    """This process's id, which no module tells: the parent of a shell we start."""
    os.system("echo $PPID > interrupts.txt")
    with open("interrupts.txt") as text:
        return int(text.read())


def interrupted(db, call, turn):
    """Calls call(db, n) for n = 0, 1, 2… until the interrupt arrives."""
    micropython.kbd_intr(3)
    try:
        interrupt_soon(turn)
        began, n = time.time(), 0
        while time.time() < began + 20:
            call(db, n)
            n += 1
        assert False, "no interrupt arrived"
    except KeyboardInterrupt:
        pass
    finally:
        micropython.kbd_intr(-1)


def test_ctrl_c_leaves_batches_whole():
    batch = [{"n": n, "_tags": ["t"]} for n in range(400)]

    def fill_and_empty(db, n):
        keys = db.put_batch(batch, ttls=10000)
        assert len(keys) == 400
        db.delete_batch(keys)

    for turn in range(8):
        db = MicroTetherDB(ram_percentage=40)
        interrupted(db, fill_and_empty, turn)
        records, ttl_records, _ = contents(db)
        assert len(records) in (0, 400) and ttl_records == len(records), (len(records), ttl_records)
        assert [value["n"] for value in db.values()] == list(range(len(records)))
        assert len(db.query({"tags": "t"})) == len(records)
        gc.collect()


def test_ctrl_c_leaves_a_transaction_undone():
    def work(db, n):
        with db.transaction():
            first = db["counter"]
            db["counter"] = first + 1
            db.put_batch([{"n": n} for n in range(50)])
            db["second"] = first + 1
            if n < 0:
                raise IndexError

    for turn in range(8):
        db = MicroTetherDB(ram_percentage=40)
        db["counter"] = db["second"] = 0

        def emptying(db, n):
            if n % 5 == 4:
                counter = db["counter"]
                with db.transaction():
                    db.delete(purge=True)
                    db["counter"] = db["second"] = counter
            work(db, n)

        interrupted(db, emptying, turn)
        assert db["counter"] == db["second"] and len(db) % 50 == 2, (db["counter"], db["second"], len(db))
        contents(db)


def test_ctrl_c_ends_a_query_and_the_database_goes_on():
    db = large()
    before = contents(db)
    for turn in range(5):
        interrupted(db, lambda db, n: db.query({"never": n}), turn)
        assert contents(db) == before
    for turn in range(5):
        interrupted(db, lambda db, n: sum(1 for _ in db.find({"n": {"$gt": 5}})), turn)
        assert contents(db) == before
    db.put("a", 1)
    assert db.get("a") == 1


def test_ctrl_c_during_single_writes_loses_none_that_returned():
    for turn in range(6):
        db = MicroTetherDB(ram_percentage=40)
        returned = []

        def work(db, n):
            key = db.put("k%d" % (n % 500), n)
            returned.append(n)
            if len(returned) > 1000:
                del returned[:500]

        interrupted(db, work, turn)
        last = returned[-1]
        found = db.get("k%d" % (last % 500))
        assert found == last, (found, last)
        assert db.get("k%d" % ((last + 1) % 500)) in (last + 1, last + 1 - 500, None)
        contents(db)
