"""Threads at once on one database: nothing is lost, nothing torn, and the counts add up."""

import _thread
import os
import time

from microtetherdb import MicroTetherDB

NEEDS = "unix"
FOLDERS = True
HEAP = "64M"

THREADS = 8
OPERATIONS = int(os.getenv("OPERATIONS") or 10000)  # `make race` asks for fewer
SHARED = 20  # records that all threads write


class Worker:
    """Random operations on keys of its own, which it knows the values of, and on those that are shared."""

    def __init__(self, db, number):
        self.db, self.number = db, number
        self.tag = "t%d" % number
        self.mine = {}
        self.counted = 0
        self.state = number * 7919 + 1
        self.error, self.done = None, False

    def run(self):
        try:
            for n in range(OPERATIONS):
                self.operation(n)
        except BaseException as error:
            self.error = error
        self.done = True

    def pick(self, below):
        self.state = (self.state * 1103515245 + 12345) & 0x7FFFFFFF
        return (self.state >> 8) % below

    def value(self, n):
        return {"n": n, "same": n, "text": "%d" % n * (n % 40), "who": self.number}

    def operation(self, n):
        db, kind = self.db, self.pick(100)
        key = "%d-%d" % (self.number, self.pick(150))
        if kind < 35:
            db.put(key, self.value(n), tags=[self.tag] if n % 2 else None)
            self.mine[key] = n
        elif kind < 60:
            self.check(key, db.get(key))
        elif kind < 70:
            assert db.delete(key) == (key in self.mine), key
            self.mine.pop(key, None)
        elif kind < 80:
            db.put("shared-%d" % self.pick(SHARED), self.value(n))
        elif kind < 90:
            self.whole(db.get("shared-%d" % self.pick(SHARED)))
        elif kind < 91:  # few: in files each is a flush
            with db.transaction():
                db["counter"] = (db.get("counter") or 0) + 1
            self.counted += 1
        elif kind < 93:
            try:
                with db.transaction():
                    db.put("%d-undone" % self.number, n)
                    db.delete(key)
                    raise KeyError(key)
            except KeyError:
                pass
            assert "%d-undone" % self.number not in db and (key in db) == (key in self.mine)
        elif kind < 97:
            keys = db.put_batch([self.value(n) for _ in range(5)])
            assert len(set(keys)) == 5 and db.delete_batch(keys) == 5
        elif kind < 98:
            if key in self.mine:
                db[key]["n"] = n
                db[key]["same"] = n
                db.put(key, self.value(n))
                self.mine[key] = n
        elif kind < 99:
            for found, document in db.find({"who": self.number, "$limit": 5}, keys=True):
                self.whole(document)
        elif n % 10 == 0:
            tagged = [key for key, m in self.mine.items() if m % 2 and key in db and self.tag in db.tags(key)]
            assert len([1 for key, _ in db.query({"tags": self.tag}, keys=True)]) == len(tagged)

    def whole(self, document):
        if document is not None:
            assert document["n"] == document["same"], document
            assert document["text"] == "%d" % document["n"] * (document["n"] % 40), document

    def check(self, key, document):
        if key not in self.mine:
            assert document is None, (key, document)
        else:
            n = self.mine[key]
            self.whole(document)
            assert document["n"] == n and document["who"] == self.number, (key, n, document)


def work(db, kind=Worker):
    workers = [kind(db, number) for number in range(THREADS)]
    for worker in workers:
        _thread.start_new_thread(worker.run, ())
    while not all([worker.done for worker in workers]):
        time.sleep(0.01)
    for worker in workers:
        if worker.error:
            raise worker.error
    return workers


def check(db, workers):
    for worker in workers:
        for key in worker.mine:
            worker.check(key, db.get(key))
        found = db.query({"who": worker.number}, keys=True)
        assert len([key for key, _ in found if key[:6] != "shared"]) == len(worker.mine)
    shared = [key for key in db if key[:6] == "shared"]
    for key in shared:
        workers[0].whole(db[key])
    assert db["counter"] == sum([worker.counted for worker in workers])
    records = sum([len(worker.mine) for worker in workers]) + len(shared) + 1
    assert len(db) == records == len(list(db)) == db.stats()["records"]


def test_in_memory():
    db = MicroTetherDB(ram_percentage=80, lock_timeout=120)
    check(db, work(db))
    db.close()


def test_in_files():
    db = MicroTetherDB("a.db", in_memory=False, lock_timeout=120, flush_threshold=500)
    workers = work(db)
    check(db, workers)
    db.close()
    with MicroTetherDB("a.db", in_memory=False) as db:
        check(db, workers)


def test_in_files_through_a_handle_each():
    db = MicroTetherDB("a.db", in_memory=False, lock_timeout=120, flush_threshold=500)

    class Own(Worker):
        def run(self):
            self.db = MicroTetherDB("a.db", in_memory=False)
            super().run()
            self.db.close()

    workers = work(db, Own)
    check(db, workers)
    db.close()


def test_threads_and_tasks_at_once():
    import asyncio

    async def count(db):
        for _ in range(200):
            async with db.transaction():
                value = db.get("tasks") + 0
                await asyncio.sleep(0)
                db.put("tasks", value + 1)
        return True

    async def main():
        async with MicroTetherDB(ram_percentage=50, lock_timeout=120, ttl_check_interval=0) as db:
            db.put("tasks", 0)
            stop, counted = [], []

            def thread():
                n = 0
                while not stop:
                    with db.transaction():
                        value = db["threads"] if "threads" in db else 0
                        db["threads"] = value + 1
                    n += 1
                    time.sleep(0.001)
                counted.append(n)

            for _ in range(3):
                _thread.start_new_thread(thread, ())
            assert await asyncio.gather(count(db), count(db)) == [True, True]
            stop.append(1)
            while len(counted) < 3:
                await asyncio.sleep_ms(1)
            assert db.get("tasks") == 400 and db["threads"] == sum(counted)

    asyncio.run(main())


def threads_between_writes_of_tasks(**named):
    """Threads take the lock and use the database as one without a loop does, while tasks write and mostly do not await it."""
    import asyncio

    async def write(db, number):
        for n in range(100):
            result = db.put({"task": number})
            if n % 3 == 0:
                await result
            await asyncio.sleep_ms(n % 2)

    async def main():
        async with MicroTetherDB(lock_timeout=120, **named) as db:
            stop, errors, done = [], [], []

            def thread(number):
                n, key = 0, "thread%d" % number
                try:
                    while not stop:
                        with db.lock():
                            time.sleep_us(300)
                        db.put(key, n)
                        assert db.get(key) == n, "what a thread has put is there at once"
                        n += 1
                except BaseException as error:
                    errors.append(error)
                done.append(n)

            for number in range(3):
                _thread.start_new_thread(thread, (number,))
            await asyncio.gather(*(write(db, number) for number in range(3)))
            stop.append(1)
            while len(done) < 3:
                await asyncio.sleep_ms(1)
            if errors:
                raise errors[0]
            assert len(await db.query({"task": {"$gte": 0}})) == 300, "each write is done once"

    asyncio.run(main())


def test_threads_between_writes_of_tasks_in_memory():
    threads_between_writes_of_tasks(ram_percentage=50)


def test_threads_between_writes_of_tasks_in_files():
    for name in ("a.db", "b.db", "c.db"):
        threads_between_writes_of_tasks(filename=name, in_memory=False)


def test_what_a_task_calls_while_a_thread_has_the_lock_is_done_in_its_order():
    import asyncio

    async def held(db, ms):
        """Has a thread take the lock, and give it back so many ms later."""
        began = []

        def thread():
            with db.lock():
                began.append(1)
                time.sleep_ms(ms)

        _thread.start_new_thread(thread, ())
        while not began:
            await asyncio.sleep_ms(1)

    async def main(**named):
        async with MicroTetherDB(lock_timeout=120, **named) as db:
            for n in range(10):
                await held(db, 3)
                db.put("k", n)
                assert await db.get("k") == n
                await held(db, 3)
                db.delete("k")
                db.cleanup()
                db.put("k", -n)
                assert await db.query({}) == [-n]
                await held(db, 3)
                db.put("one more", n)
                db.put("one more", {"n": n})
                assert "one more" in db and len(db) == 2
                await held(db, 3)
                db["one more"]["n"] = -1
                db.delete("one more")
                assert list(db) == ["k"]
            await held(db, 10)
            db.put("last", 1)
            db.put("last", 2)
        # Leaving waited for the lock too, and came after them.
        if named:
            with MicroTetherDB(**named) as db:
                assert db.get("last") == 2

    asyncio.run(main())
    asyncio.run(main(filename="a.db", in_memory=False))


def test_two_threads_that_open_the_same_file_share_it():
    done, problems = [], []

    def work(number):
        try:
            for n in range(10):
                with MicroTetherDB("my.db", in_memory=False) as db:
                    db["t%d-%d" % (number, n)] = n
        except Exception as error:
            problems.append(error)
        done.append(number)

    for number in range(3):
        _thread.start_new_thread(work, (number,))
    while len(done) < 3:
        time.sleep(0.01)
    assert problems == [], problems
    with MicroTetherDB("my.db", in_memory=False) as db:
        assert len(db) == 30
