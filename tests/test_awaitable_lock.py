"""Awaited operations while another owner has the lock: what waits, in which order it is done, and what of it is given up."""

import asyncio

from microtetherdb import DBLock
from runner import raises
from test_awaitable import run

FOLDERS = True


def test_async_with_lock_waits_without_stopping_the_loop():
    async def check(db):
        order = []

        async def work(name, block):
            async with block() as locked:
                assert locked is not None
                order.append(name + "+")
                for _ in range(3):
                    db["x"] = name
                    await asyncio.sleep_ms(1)
                    assert db["x"] == name
                order.append(name + "-")

        await asyncio.gather(work("a", db.lock), work("b", db.transaction), work("c", db.lock))
        assert order == ["a+", "a-", "b+", "b-", "c+", "c-"] or sorted(order[::2]) == ["a+", "b+", "c+"], order
        assert all([order[n][0] == order[n + 1][0] for n in (0, 2, 4)]), order

    run(check)
    run(check, in_memory=False)


def test_awaited_operations_wait_for_the_lock_and_are_done_in_their_order():
    async def check(db):
        done = []

        async def hold():
            with db.transaction():
                db["x"] = "held"
                entered.set()
                await leave.wait()
                assert db["x"] == "held" and not done

        async def write(n):
            await db.put("x", n)
            done.append(n)

        entered, leave = asyncio.Event(), asyncio.Event()
        holder = asyncio.create_task(hold())
        await entered.wait()
        writers = [asyncio.create_task(write(n)) for n in range(3)]
        unawaited = None
        await asyncio.sleep_ms(5)
        assert done == []
        unawaited = db.put("y", 1)  # no await: it is done when the lock is given back
        reader = asyncio.create_task(db.query({}))
        await asyncio.sleep_ms(1)
        leave.set()
        await holder
        assert (await db.get("x"), await db.get("y"), await unawaited) == (2, 1, "y"), (db.get("x"), db.get("y"), done)
        await asyncio.gather(*writers)
        assert sorted(done) == [0, 1, 2] and len(await reader) == 2

    run(check)
    run(check, in_memory=False)


def test_a_result_that_waits_for_the_lock_cannot_be_used_before():
    async def check(db):
        async def hold():
            with db.lock():
                entered.set()
                await leave.wait()

        entered, leave = asyncio.Event(), asyncio.Event()
        holder = asyncio.create_task(hold())
        await entered.wait()
        result = db.put("a", 1)
        raises(DBLock, str, result)
        raises(DBLock, len, db)
        leave.set()
        await holder
        assert await result == "a" == result and db.get("a") == 1

    run(check)


def test_awaiting_ends_with_a_dblock_after_lock_timeout():
    async def check(db):
        async def hold():
            with db.lock():
                entered.set()
                await leave.wait()

        entered, leave = asyncio.Event(), asyncio.Event()
        holder = asyncio.create_task(hold())
        await entered.wait()
        for what in (db.put("a", 1), db.query({})):
            try:
                await what
                assert False
            except DBLock as error:
                assert "lock_timeout" in str(error)
        try:
            async with db.lock():
                assert False
        except DBLock:
            pass
        leave.set()
        await holder
        assert db.get("a") == None  # what timed out is not done later

    run(check, lock_timeout=0.02)


def test_what_waits_for_a_transaction_is_no_part_of_it():
    class Undo(Exception):
        pass

    async def check(db):
        async def other():
            return await db.put("other", 2)

        for undo in (True, False):
            try:
                async with db.transaction():
                    task = asyncio.create_task(other())
                    await asyncio.sleep(0)
                    assert await db.put("mine", 1) == "mine"
                    async with db.transaction():
                        db.put("inner", 1)
                    assert await db.get("other") is None and await db.query({}) == [1, 1]
                    if undo:
                        raise Undo
            except Undo:
                pass
            assert await task == "other" and await db.get("other") == 2
            assert await db.get("mine") == (None if undo else 1)
            await db.delete("other")

    run(check)


def test_a_write_does_not_wait_for_what_is_done_in_steps_before_it():
    async def check(db):
        async def other():
            db.cleanup()
            db.compact()
            db.put("late", 1)

        async with db.lock():
            task = asyncio.create_task(other())
            await asyncio.sleep(0)
        assert await db.get("late") == 1
        await task

    run(check)


def test_an_error_of_what_waited_for_the_lock_comes_where_it_is_awaited():
    async def check(db):
        async with db.lock():
            failing = asyncio.create_task(fails(db))
            working = asyncio.create_task(works(db))
            await asyncio.sleep(0)
            db.put("held", 1)
        await failing
        assert await working == 1
        assert await db.get("late") == 2

    async def fails(db):
        late = db.put("bad", {"inner": {1: 2}})
        try:
            await late
        except TypeError as error:
            assert "must be str" in str(error)
            raises(TypeError, lambda: late == "bad")  # and wherever it is used, again
            return
        assert False, "a bad value was put"

    async def works(db):
        db.put("late", 2)
        return await db.get("held")

    run(check)


def test_a_result_that_is_closed_is_given_up():
    async def check(db):
        async def write():
            late = db.put("late", 1)
            late.close()
            late.close()
            return late

        async with db.lock():
            writing = asyncio.create_task(write())
            await asyncio.sleep(0)
        late = await writing
        raises(GeneratorExit, lambda: late == "late")
        assert await db.get("late") is None
        put = db.put("k", 1)
        put.close()  # it was done at the call
        assert await put == "k" and await db.get("k") == 1

    run(check)


def test_a_write_that_is_cancelled_while_it_waits_is_not_done():
    async def check(db):
        async def hold():
            with db.lock():
                entered.set()
                await leave.wait()

        entered, leave = asyncio.Event(), asyncio.Event()
        holder = asyncio.create_task(hold())
        await entered.wait()
        try:
            await asyncio.wait_for_ms(db.put("a", 1), 5)
            assert False
        except asyncio.TimeoutError:
            pass
        leave.set()
        await holder
        assert db.get("a") == None

    run(check)
