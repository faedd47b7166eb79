"""Turns: what takes long gives other tasks theirs after each step. A step is counted, no time is measured."""

import asyncio
import time

from microtetherdb import MicroTetherDB
from runner import ON_BOARD
from test_background import in_store

FOLDERS = True
HEAP = "32M"

DOCUMENTS = 2000 if ON_BOARD else 10000
STEP = 64  # MPDB_STEP: records that one step looks at or removes
MATCHES = 8  # MATCHES_PER_STEP: documents that one step builds
EXPIRE_PER_WRITE = 8  # MPDB_EXPIRE_PER_WRITE


async def watch(call):
    """Awaits what the call gives while another task runs. Returns its result and how many steps it took, and asserts that
    the other task had a turn after each."""
    result, seen = None, []

    async def other():
        while True:
            await asyncio.sleep(0)
            if result is not None:
                seen.append(result._steps)

    task = asyncio.create_task(other())
    await asyncio.sleep_ms(1)
    result = call()
    await result
    task.cancel()
    for before, after in zip([0] + seen, seen):
        assert after - before <= 1, "%d steps without a turn" % (after - before)
    assert len(seen) >= result._steps - 1 > 0
    return result, result._steps


async def fill(db, **ttls):
    with db.transaction():  # nothing expires before its end
        for _ in range(DOCUMENTS // 1000):
            await db.put_batch([{"n": n, "text": "some text"} for n in range(1000)], **ttls)


def each(check, **named):
    async def main(in_memory):
        async with MicroTetherDB("a.db", in_memory, 80, **named) as db:
            await check(db)

    asyncio.run(main(True))
    asyncio.run(main(False))


def test_a_query_gives_a_turn_after_each_step():
    async def check(db):
        await fill(db)
        assert (await watch(lambda: db.query({"n": -1})))[1] >= DOCUMENTS // STEP
        assert (await watch(lambda: db.query({"n": {"$gte": 0}})))[1] >= DOCUMENTS // MATCHES
        assert len(await db.query({"n": {"$gte": 0}})) == DOCUMENTS

    each(check)


def test_cleanup_gives_a_turn_after_each_step():
    async def check(db):
        await fill(db, ttls=0.01)
        time.sleep_ms(20)
        db.put("kept", 1, ttl=1000)
        expired = in_store(db) - 1
        assert expired >= DOCUMENTS - 2 * EXPIRE_PER_WRITE
        cleanup, steps = await watch(db.cleanup)
        assert steps >= expired // STEP
        assert cleanup == expired
        assert len(db) == 1

    each(check, ttl_check_interval=1000)


def test_background_expiry_gives_a_turn_after_each_step():
    async def check(db):
        await fill(db, ttls=0.1)
        seen = [in_store(db)]
        while seen[-1]:
            await asyncio.sleep(0)
            seen.append(in_store(db))
        for before, after in zip(seen, seen[1:]):
            assert before - after <= STEP, (before, after)
        assert seen[0] >= DOCUMENTS - EXPIRE_PER_WRITE, seen[0]

    each(check, ttl_check_interval=0)


def test_compacting_gives_a_turn_after_each_step():
    async def check(db):
        await fill(db)
        keys = list(db)
        for n in range(0, DOCUMENTS, 2):
            db.delete(keys[n])
        assert (await watch(db.compact))[1] > DOCUMENTS // 1000
        assert len(db) == DOCUMENTS // 2

    each(check)


def test_compacting_and_cleanup_that_nobody_awaits_are_done_by_the_loop():
    async def check(db):
        await db.put_batch([{"n": n} for n in range(500)], ttls=0.05)
        time.sleep_ms(60)
        cleanup, compact = db.cleanup(), db.compact()
        for _ in range(1000):
            if compact._steps > 1 and in_store(db) == 0:
                break
            await asyncio.sleep_ms(5)
        assert in_store(db) == 0 and cleanup._steps > 1 and compact._steps > 1

    each(check, ttl_check_interval=1000)


def test_no_write_pays_for_more_than_a_few_expired_records():
    for in_memory in (True, False):
        with MicroTetherDB("b.db", in_memory, ttl_check_interval=0, flush_threshold=1000000) as db:
            with db.transaction():
                db.put_batch([{"n": n} for n in range(300)], ttls=0.01)
                time.sleep_ms(20)
            left = in_store(db)
            assert left >= 300 - EXPIRE_PER_WRITE, left
            writes = 0
            while left:
                db.put("kept", 1)
                now = in_store(db)
                assert left - now <= EXPIRE_PER_WRITE, (left, now)
                left, writes = now, writes + 1
            assert writes >= 300 // EXPIRE_PER_WRITE - 1
