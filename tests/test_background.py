"""The background task: expiry and the timed flush while a loop runs. Its doings are seen from inside a transaction, where
statistics are read without removing what has expired."""

import asyncio
import gc
import os
import time

from microtetherdb import MicroTetherDB
from runner import raises

FOLDERS = True


class Seen(Exception):
    pass


def in_store(db):
    """Records with a TTL, expired ones among them. (A transaction that ends well would flush.)"""
    try:
        with db.transaction():
            raise Seen(db.stats()["ttl_records"])
    except Seen as seen:
        return seen.args[0]


def flushes(db):
    return db.stats()["flushes"]


async def until(condition):
    for _ in range(2000):
        if condition():
            return
        await asyncio.sleep_ms(5)
    assert False, "what was waited for never came"


def put_unflushed(db):
    """A write that does not flush because the last one was long ago. Returns how many flushes there were."""
    while True:
        before = flushes(db)
        db.put("a", 1)
        if flushes(db) == before:
            return before


def copy_folder(source, target):
    os.mkdir(target)
    for name in os.listdir(source):
        with open(source + "/" + name, "rb") as file, open(target + "/" + name, "wb") as copy:
            copy.write(file.read())


def test_expired_records_go_while_a_loop_runs():
    async def entered():
        async with MicroTetherDB(ttl_check_interval=0.1) as db:
            db.put("kept", 1, ttl=1000)
            db.put_batch([{"n": n} for n in range(300)], ttls=1)
            assert in_store(db) == 301
            await until(lambda: in_store(db) == 1)

    async def given(db):
        db.put_batch([{"n": n} for n in range(300)], ttls=0.1)
        await until(lambda: in_store(db) == 0)

    asyncio.run(entered())
    # A loop that has not begun yet.
    db = MicroTetherDB(event_loop=asyncio.get_event_loop(), ttl_check_interval=0.1)
    asyncio.run(given(db))
    # And one that begins again.
    asyncio.run(given(db))
    # And another one, from the next call on.
    asyncio.new_event_loop()
    with MicroTetherDB("f.db", in_memory=False, event_loop=asyncio.get_event_loop(), ttl_check_interval=0.1) as db:
        asyncio.run(given(db))


def test_without_a_loop_nothing_is_removed_by_itself():
    db = MicroTetherDB(ttl_check_interval=0.05)
    db.put("a", 1, ttl=0.05)

    async def main():
        await asyncio.sleep_ms(300)

    asyncio.run(main())
    assert in_store(db) == 1


def test_what_was_written_is_flushed_in_time():
    async def main():
        async with MicroTetherDB("f/a.db", in_memory=False, flush_threshold=1000, auto_flush_seconds=0.2) as db:
            before = put_unflushed(db)
            await until(lambda: flushes(db) > before)
            copy_folder("f", "copy")
            await asyncio.sleep_ms(500)
            assert flushes(db) == before + 1  # nothing new, nothing flushed

    asyncio.run(main())
    with MicroTetherDB("copy/a.db", in_memory=False) as db:
        assert db["a"] == 1


def test_a_transaction_is_left_alone():
    async def main():
        async with MicroTetherDB("a.db", in_memory=False, ttl_check_interval=0.05, auto_flush_seconds=0.05) as db:
            db.put("b", 1, ttl=0.1)
            with db.transaction():
                db.put("a", 1)
                await asyncio.sleep_ms(400)
                assert db.stats()["ttl_records"] == 1
            await until(lambda: in_store(db) == 0)
            assert db.get("a") == 1

    asyncio.run(main())


def test_a_loop_is_not_kept_alive():
    async def forgets():
        db = MicroTetherDB("a.db", in_memory=False, event_loop=asyncio.get_event_loop())
        db.put("a", 1)
        kept.append(db)

    kept = []
    asyncio.run(forgets())
    # This one ends when nobody is left on it.
    asyncio.get_event_loop().run_forever()
    assert kept[0]["a"] == 1
    kept[0].close()


def test_it_begins_again_after_a_loop_that_ended():
    db = MicroTetherDB(event_loop=asyncio.get_event_loop(), awaitable=True, ttl_check_interval=0.05)
    asyncio.get_event_loop().run_forever()

    async def main():
        await db.put("a", 1, ttl=0.05)
        await until(lambda: in_store(db) == 0)

    asyncio.run(main())
    asyncio.new_event_loop()
    asyncio.run(main())


def test_it_ends_with_close():
    async def main():
        async with MicroTetherDB() as db:
            db.put("a", 1)
        db = MicroTetherDB(event_loop=asyncio.get_event_loop())
        await asyncio.sleep(0)
        db.close()
        raises(ValueError, db.get, "a", says="closed")

    asyncio.run(main())
    asyncio.get_event_loop().run_forever()
    assert asyncio.core._task_queue.peek() is None


def test_a_database_is_collected_all_the_same():
    def make():
        db = MicroTetherDB(event_loop=asyncio.get_event_loop(), ram_percentage=10)
        db.put_batch([{"text": "x" * 500} for n in range(20)])

    async def main():
        gc.collect()
        before = gc.mem_alloc()
        for _ in range(10):
            make()
        gc.collect()
        await asyncio.sleep_ms(0)
        gc.collect()
        return gc.mem_alloc() - before

    # A stale pointer on the stack may keep one of them.
    assert asyncio.run(main()) < 4 * 10000
    # One in files is closed, with what was written.

    def make_file():
        MicroTetherDB("a.db", in_memory=False, event_loop=asyncio.get_event_loop()).put("a", 1)

    async def files():
        make_file()
        [[] for _ in range(100)]
        gc.collect()
        await asyncio.sleep_ms(10)

    asyncio.run(files())
    with MicroTetherDB("a.db", in_memory=False) as db:
        assert db["a"] == 1


def test_an_error_of_the_timed_flush_leaves_the_loop_alone():
    import vfs

    from devices import RamDevice

    device = RamDevice("lfs", 16)
    vfs.VfsLfs2.mkfs(device)
    vfs.mount(vfs.VfsLfs2(device), "/flash")
    named = {"flush_threshold": 1000, "auto_flush_seconds": 0.1, "retry_delay": 0}
    try:

        async def main():
            async with MicroTetherDB("/flash/a.db", in_memory=False, **named) as db:
                put_unflushed(db)
                device.fail_writes_only, device.fail_times, device.fail_at = True, 1 << 30, device.calls
                await until(lambda: device.calls > device.fail_at)
                await asyncio.sleep_ms(300)
                device.fail_at = None
                assert db.get("a") == 1
                before = flushes(db)
                await until(lambda: flushes(db) > before)

        asyncio.run(main())
        with MicroTetherDB("/flash/a.db", in_memory=False) as db:
            assert db["a"] == 1
    finally:
        vfs.umount("/flash")
