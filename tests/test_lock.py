"""Locks between threads. Threads wait for what the other has done, never for a time."""

import _thread
import time

from microtetherdb import DBLock, MicroTetherDB
from runner import raises

NEEDS = "unix"


class Thread:
    """Runs `work` in a thread; join() gives its result or raises its exception."""

    def __init__(self, work):
        self.done, self.result, self.error = False, None, None
        _thread.start_new_thread(self.run, (work,))

    def run(self, work):
        try:
            self.result = work()
        except BaseException as error:
            self.error = error
        self.done = True

    def join(self):
        until(lambda: self.done)
        if self.error:
            raise self.error
        return self.result


def until(condition):
    for _ in range(20000):
        if condition():
            return
        time.sleep_ms(1)
    assert False, "what was waited for never came"


def calls(db):
    """One call of every kind."""

    def set_item():
        db["a"] = 2

    return (
        lambda: db.put("a", 2),
        lambda: db.put(2),
        lambda: db.get("a"),
        lambda: db["a"],
        set_item,
        lambda: "a" in db,
        lambda: len(db),
        lambda: list(db),
        lambda: list(db.values()),
        lambda: list(db.items()),
        lambda: db.query({}),
        lambda: list(db.find({})),
        lambda: db.delete("a"),
        lambda: db.delete(purge=True),
        lambda: db.put_batch([1, 2]),
        lambda: db.delete_batch(["a"]),
        lambda: db.cleanup(),
        lambda: db.tags("a"),
        lambda: db.transaction().__enter__(),
        lambda: db.lock().__enter__(),
    )


def test_a_lock_is_reentrant_and_is_released():
    db = MicroTetherDB()
    with db.lock():
        with db.lock():
            db["a"] = 1
        with db.transaction():
            with db.lock():
                db["b"] = 2
        db["c"] = 3
    assert Thread(lambda: db.put("d", 4)).join() == "d"
    assert len(db) == 4


def test_a_lock_that_is_entered_cannot_be_entered_again():
    db = MicroTetherDB()
    lock = db.lock()
    with lock:
        raises(RuntimeError, lock.__enter__, says="each 'with' needs its own")
    with lock:  # once it was left it can
        db.put("k", 1)


def test_a_lock_is_released_when_its_block_fails():
    db = MicroTetherDB()
    for block in (db.lock, db.transaction):
        try:
            with block():
                db["a"] = 1
                raise IndexError
        except IndexError:
            pass
        assert Thread(lambda: db.put("b", 2)).join() == "b"
    assert db["a"] == 1  # a lock alone rolls nothing back


def test_every_call_of_another_thread_waits_for_lock_timeout_and_is_then_a_dblock():
    db = MicroTetherDB(lock_timeout=0.01)
    db["a"] = 1
    for block in (db.lock, db.transaction):
        with block():
            for call in calls(db):
                raises(DBLock, Thread(call).join)
            assert db["a"] == 1 and len(db) == 1
        assert Thread(lambda: db.get("a")).join() == 1
    assert len(db) == 1


def test_a_lock_timeout_of_zero_does_not_wait():
    db = MicroTetherDB(lock_timeout=0)
    with db.lock():
        raises(DBLock, Thread(lambda: db.put("a", 1)).join)
    assert Thread(lambda: db.put("a", 1)).join() == "a"


def test_a_thread_that_waits_goes_on_when_the_lock_is_released():
    db = MicroTetherDB(lock_timeout=60)
    started = []

    def work():
        started.append(1)
        return db.put("a", "after")

    with db.lock():
        thread = Thread(work)
        until(lambda: started)
        time.sleep_ms(20)
        assert not thread.done
        db["a"] = "before"
    assert thread.join() == "a" and db["a"] == "after"


def test_the_inner_end_of_a_reentrant_lock_does_not_release_it():
    db = MicroTetherDB(lock_timeout=0.01)
    with db.lock():
        with db.lock():
            pass
        with db.transaction():
            pass
        raises(DBLock, Thread(lambda: db.get("a")).join)
    assert Thread(lambda: db.get("a")).join() is None


def test_what_a_refused_thread_wanted_is_not_done_later():
    db = MicroTetherDB(lock_timeout=0.01)
    with db.lock():
        raises(DBLock, Thread(lambda: db.put("a", 1)).join)
        raises(DBLock, Thread(lambda: db.put_batch([1, 2, 3])).join)
    assert len(db) == 0


def test_a_transaction_of_one_thread_does_not_hold_writes_of_another():
    db = MicroTetherDB(lock_timeout=60)
    entered = []

    def work():
        entered.append(1)
        db["theirs"] = 1

    try:
        with db.transaction():
            db["mine"] = 1
            thread = Thread(work)
            until(lambda: entered)
            raise IndexError
    except IndexError:
        pass
    thread.join()
    assert list(db) == ["theirs"]


def test_threads_write_and_read_at_once_without_losing_anything():
    db = MicroTetherDB(ram_percentage=40, lock_timeout=60)

    def work(name):
        def run():
            for n in range(100):
                db.put("%s%03d" % (name, n), {"name": name, "n": n}, tags=[name])
                assert db.get("%s%03d" % (name, n))["n"] == n
                if n % 10 == 0:
                    assert len(db.query({"tags": name})) == n + 1
                    keys = db.put_batch([{"name": name, "batch": n}] * 5)
                    assert len(set(keys)) == 5 and db.delete_batch(keys) == 5
                    with db.transaction():
                        db.put("counter", (db.get("counter") or 0) + 1)
            return True

        return run

    threads = [Thread(work(name)) for name in "abcd"]
    assert all([thread.join() for thread in threads])
    assert db.get("counter") == 40 and len(db) == 401
    for name in "abcd":
        assert [document["n"] for document in db.query({"tags": name})] == list(range(100))


def test_threads_that_share_a_search_are_shown_each_document_once():
    db = MicroTetherDB(ram_percentage=40)
    db.put_batch([{"n": n} for n in range(20)])

    def work():
        return [[document["n"] for document in search] for search in searches]

    for _ in range(20):
        searches = [db.find({}) for _ in range(50)]
        shares = [thread.join() for thread in [Thread(work) for _ in range(4)]]
        for parts in zip(*shares):
            assert sorted(sum(parts, [])) == list(range(20)), parts


def test_a_transaction_that_another_thread_tried_to_end_is_ended_by_its_owner():
    db = MicroTetherDB(lock_timeout=0)
    transaction = db.transaction()
    transaction.__enter__()
    db["k"] = 1
    raises(DBLock, Thread(lambda: transaction.__exit__(None, None, None)).join)
    transaction.__exit__(None, None, None)
    assert Thread(lambda: db["k"]).join() == 1


def test_threads_can_close_a_database_at_once():
    db = MicroTetherDB(lock_timeout=60)
    begun = []

    def close():
        begun.append(1)
        db.close()

    with db.lock():
        threads = [Thread(close) for _ in range(3)]
        until(lambda: len(begun) == 3)
        time.sleep(0.05)  # for all three to be waiting, which no thread can tell of another
    for thread in threads:
        thread.join()
    raises(ValueError, db.get, "k", says="database is closed")
