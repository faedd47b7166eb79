"""Tasks that work on one database at once, each on keys of its own, against a dict for each.

However the tasks take turns, each finds what it has written itself, awaited or not, and nothing of a transaction that was
undone or cancelled; what another task wrote is not undone with it.
"""

import asyncio
import random
import time

from microtetherdb import DBLock, MicroTetherDB
from runner import ON_BOARD, fewer

FOLDERS = True
TASKS = 4


class Undo(Exception):
    pass


class Worker:
    def __init__(self, db, number):
        self.db = db
        self.number = number
        self.mine = {}
        self.waiting = []

    def key(self):
        return "%d.%d" % (self.number, random.randrange(6))

    async def write(self):
        key, n = self.key(), random.randrange(1000)
        if random.randrange(4):
            result, expected = self.db.put(key, {"owner": self.number, "n": n}), key
            self.mine[key] = n
        else:
            result, expected = self.db.delete(key), 1 if key in self.mine else 0
            self.mine.pop(key, None)
        if random.randrange(2):
            assert await result == expected
        else:
            self.waiting.append((result, expected))

    async def read(self):
        key = self.key()
        found = await self.db.get(key)
        assert (found and found["n"]) == self.mine.get(key), (key, found, self.mine)

    async def search(self):
        found = await self.db.query({"owner": self.number}, keys=True)
        assert {key: value["n"] for key, value in found} == self.mine, (found, self.mine)

    async def iterate(self):
        """Other tasks write between two documents; who finds the lock held where nothing can wait asks again."""
        found, cursor = {}, None
        while True:
            try:
                cursor = cursor or self.db.find({"owner": self.number}, keys=True)
                key, value = next(cursor)
            except DBLock:
                await self.turn()
                continue
            except StopIteration:
                break
            assert key not in found
            found[key] = value["n"]
            if random.randrange(2):
                await self.turn()
        assert found == self.mine, (found, self.mine)

    async def change(self):
        key, n = self.key(), random.randrange(1000)
        await self.settle()
        while key in self.mine:
            try:
                self.db[key]["n"] = n
                self.mine[key] = n
                break
            except DBLock:
                await self.turn()

    async def upkeep(self):
        result = random.choice((self.db.cleanup, self.db.compact, self.db.flush))()
        if random.randrange(2):
            await result

    async def turn(self):
        await asyncio.sleep_ms(random.randrange(2))

    async def work(self, steps, depth=0):
        for _ in range(steps):
            kind = random.randrange(16)
            if kind < 12:
                await (self.read, self.search, self.iterate, self.change, self.turn, self.upkeep, self.write)[min(kind, 6)]()
            elif kind < 15 and depth < 3:
                await (self.hold if kind == 12 else self.transact)(depth)
            elif depth == 0:
                await self.cancel()

    async def hold(self, depth):
        async with self.db.lock():
            await self.work(4, depth + 1)

    async def settle(self):
        for result, expected in self.waiting:
            assert await result == expected
        self.waiting.clear()

    async def transact(self, depth):
        await self.settle()
        before = dict(self.mine)
        try:
            async with self.db.transaction():
                await self.work(4, depth + 1)
                if random.randrange(3) == 0:
                    raise Undo
        except Undo:
            self.mine = before

    async def cancel(self):
        await self.settle()
        before = dict(self.mine)
        task = asyncio.create_task(self.transact(0))
        await asyncio.sleep_ms(random.randrange(4))
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            self.mine = before
            self.waiting.clear()
        await self.search()


async def run_tasks(seed, **named):
    random.seed(seed)
    async with MicroTetherDB(lock_timeout=60000, **named) as db:
        await work_on(db)


async def work_on(db):
    workers = [Worker(db, number) for number in range(TASKS)]
    await asyncio.gather(*(worker.work(40) for worker in workers))
    for worker in workers:
        await worker.settle()
        await worker.search()
    assert await db.stats() and len(db) == sum(len(worker.mine) for worker in workers)


async def run_with_threads(seed, **named):
    """The same while threads take the lock for moments."""
    import _thread

    stop, done = [], []

    def hold(db):
        error = None
        try:
            while not stop:
                with db.lock():
                    time.sleep_us(200)
                time.sleep_us(200)
        except Exception as raised:
            error = raised
        done.append(error)

    random.seed(seed)
    async with MicroTetherDB(lock_timeout=60000, **named) as db:
        for _ in range(2):
            _thread.start_new_thread(hold, (db,))
        await work_on(db)
        stop.append(1)
        while len(done) < 2:
            await asyncio.sleep_ms(1)
        assert done == [None, None], done


def test_while_threads_take_the_lock():
    if ON_BOARD:
        return
    for seed in range(2):
        asyncio.run(run_with_threads(seed))
        asyncio.run(run_with_threads(seed, in_memory=False, filename="threads%d.db" % seed))


def test_in_memory():
    for seed in range(fewer(60)):
        asyncio.run(run_tasks(seed))


def test_in_files():
    for seed in range(fewer(20)):
        asyncio.run(run_tasks(seed, in_memory=False, filename="tasks%d.db" % seed))
