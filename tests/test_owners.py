"""Who holds a lock: a task, or a thread outside of any loop; and what becomes of it when its owner is gone."""

import _thread
import asyncio
import gc

from microtetherdb import DBLock, MicroTetherDB
from runner import raises
from test_lock import Thread, calls, until

NEEDS = "unix"
FOLDERS = True


def databases(**named):
    return MicroTetherDB(**named), MicroTetherDB("a/b.db", in_memory=False, **named)


async def turns(count=3):
    for _ in range(count):
        await asyncio.sleep(0)


def test_every_plain_call_of_another_task_is_a_dblock_at_once():
    async def hold(db, block, held, leave):
        with block():
            db["a"] = 1
            held.set()
            await leave.wait()

    async def main(db):
        for block in (db.lock, db.transaction):
            held, leave = asyncio.Event(), asyncio.Event()
            task = asyncio.create_task(hold(db, block, held, leave))
            await held.wait()
            for call in calls(db):
                raises(DBLock, call, says="another task")
            leave.set()
            await task
            assert list(db.items()) == [("a", 1)]

    for db in databases(lock_timeout=3600):  # waiting for the lock would be no answer in any time
        asyncio.run(main(db))
        db.close()


def test_the_task_itself_goes_on_and_may_lock_again():
    async def main():
        db = MicroTetherDB(lock_timeout=3600)
        with db.lock():
            await turns()
            with db.transaction():
                db["a"] = 1
                await turns()
                with db.lock():
                    db["b"] = 2
            assert len(db) == 2
        return db

    db = asyncio.run(main())
    assert list(db) == ["a", "b"]


def test_a_thread_outside_of_the_loop_is_another_owner_than_its_tasks():
    db = MicroTetherDB(lock_timeout=3600)

    async def main():
        raises(DBLock, db.get, "a", says="another task")

    with db.lock():
        db["a"] = 1
        asyncio.run(main())
        assert db["a"] == 1
    asyncio.run(turns())
    assert db["a"] == 1


def test_another_thread_is_not_taken_for_the_task_that_runs():
    db = MicroTetherDB(lock_timeout=0.01)

    async def main():
        with db.lock():
            raises(DBLock, Thread(lambda: db.put("a", 1)).join, says="holds the database's lock for longer")
        assert Thread(lambda: db.put("a", 1)).join() == "a"

        def hold():
            with db.lock():
                held.append(1)
                until(lambda: leave)

        held, leave = [], []
        thread = Thread(hold)
        until(lambda: held)
        raises(DBLock, db.get, "a", says="holds the database's lock for longer")
        leave.append(1)
        thread.join()
        assert db.get("a") == 1

    asyncio.run(main())


def test_a_loop_in_another_thread_has_its_own_tasks():
    db = MicroTetherDB(lock_timeout=3600)

    async def other(found):
        raises(DBLock, db.get, "a", says="another task")
        found.append(1)

    async def main():
        found = []
        with db.lock():
            await asyncio.create_task(other(found))
        return found

    assert Thread(lambda: asyncio.run(main())).join() == [1]


def test_a_cancelled_task_leaves_nothing_locked_and_its_transaction_rolled_back():
    async def work(db):
        with db.transaction():
            db["lost"] = 1
            await asyncio.sleep(3600)

    async def main(db):
        task = asyncio.create_task(work(db))
        await turns()
        raises(DBLock, db.get, "lost")
        task.cancel()
        await turns()
        assert db.get("lost") is None and db.put("kept", 1) == "kept"

    for db in databases():
        asyncio.run(main(db))
        assert list(db) == ["kept"]
        db.close()


async def begin(db, block):
    """Enters and never leaves: what becomes of a task that has no `with`."""
    block().__enter__()
    db["lost"] = 1


def test_the_lock_of_a_task_that_is_done_is_free_for_the_next_caller():
    async def main(db):
        await asyncio.create_task(begin(db, db.transaction))
        assert db.get("lost") is None  # rolled back
        await asyncio.create_task(begin(db, db.lock))
        assert db.get("lost") == 1  # a lock alone rolls nothing back
        with db.transaction():
            db["kept"] = 1

    for db in databases(lock_timeout=0):
        asyncio.run(main(db))
        assert list(db) == ["kept", "lost"]
        db.close()


def test_the_lock_of_a_task_whose_loop_ended_is_free_for_the_next_caller():
    async def work(db):
        with db.transaction():
            db["lost"] = 1
            await asyncio.sleep(3600)

    async def main(db):
        asyncio.create_task(work(db))
        await turns()

    for other_thread in (False, True):
        for db in databases(lock_timeout=0):
            asyncio.run(main(db))
            get = lambda: db.get("lost")
            assert (Thread(get).join() if other_thread else get()) is None
            db["kept"] = 1
            assert list(db) == ["kept"]
            db.close()
            asyncio.new_event_loop()


def test_the_lock_of_a_task_of_a_replaced_loop_is_free_for_the_next_one():
    async def work(db):
        with db.transaction():
            db["lost"] = 1
            await asyncio.sleep(3600)

    async def main(db):
        asyncio.create_task(work(db))
        await turns()

    async def after(db):
        assert db.get("lost") is None

    db = MicroTetherDB(lock_timeout=0)
    asyncio.run(main(db))
    asyncio.new_event_loop()
    asyncio.run(after(db))


def test_a_loop_that_was_left_by_an_exception_holds_nothing():
    async def work(db):
        with db.transaction():
            db["lost"] = 1
            await asyncio.sleep(3600)

    async def main(db):
        asyncio.create_task(work(db))
        await turns()
        raise KeyboardInterrupt

    db = MicroTetherDB(lock_timeout=0)
    raises(KeyboardInterrupt, asyncio.run, main(db))
    assert db.get("lost") is None
    asyncio.new_event_loop()


def test_a_task_that_lost_its_lock_learns_that_when_it_leaves():
    left = []

    async def work(db, block):
        try:
            with block():
                db["lost"] = 1
                await asyncio.sleep(0.01)
        except DBLock as error:
            left.append(str(error))

    async def main(db, block):
        asyncio.create_task(work(db, block))
        await turns()

    async def rest():
        while not left:
            await asyncio.sleep(0)

    db = MicroTetherDB(lock_timeout=0)
    for block in (db.transaction, db.lock):
        asyncio.run(main(db, block))
        db["kept"] = 1  # takes the lock away
        asyncio.run(rest())  # goes on with what the first run left
        assert "taken away" in left.pop()
        db["kept"] = 2
        with db.transaction():
            db["kept"] = 3
        assert db["kept"] == 3


def test_a_dead_thread_leaves_the_lock_free_and_its_transaction_rolled_back():
    for db in databases(lock_timeout=60):

        def work():
            db.transaction().__enter__()
            db["lost"] = 1

        Thread(work).join()
        assert db.get("lost") is None
        with db.transaction():
            db["kept"] = 1
        assert Thread(lambda: db.get("kept")).join() == 1
        db.close()


def test_a_thread_that_ends_inside_a_with_block_leaves_nothing_locked():
    db = MicroTetherDB(lock_timeout=0)
    done = []

    def work():
        try:
            with db.transaction():
                db["lost"] = 1
                _thread.exit()
        finally:
            done.append(1)

    _thread.start_new_thread(work, ())
    until(lambda: done)
    assert len(db) == 0
    gc.collect()


def test_closing_after_an_owner_is_gone_keeps_what_was_flushed():
    async def work(db):
        with db.transaction():
            db["lost"] = 1
            await asyncio.sleep(3600)

    async def main(db):
        db["kept"] = 1
        asyncio.create_task(work(db))
        await turns()

    db = MicroTetherDB("c.db", in_memory=False)
    asyncio.run(main(db))
    db.close()
    asyncio.new_event_loop()
    with MicroTetherDB("c.db", in_memory=False) as db:
        assert list(db) == ["kept"]
