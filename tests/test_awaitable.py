"""Results that can be awaited and stand for their value, each use of them."""

import asyncio
import json

from microtetherdb import MicroTetherDB
from runner import raises

FOLDERS = True


def run(check, **named):
    """Runs an async function with a database that gives results."""

    async def main():
        async with MicroTetherDB(**named) as db:
            await check(db)

    asyncio.run(main())


def is_result(x):
    return "result" in str(type(x))


def test_every_operation_gives_a_result_and_await_gives_its_value():
    async def check(db):
        for call, value in (
            (lambda: db.put("a", {"n": 1}, tags=["t"]), "a"),
            (lambda: db.get("a"), {"n": 1, "_tags": ["t"]}),
            (lambda: db.get("b"), None),
            (lambda: db.query({"n": 1}), [{"n": 1, "_tags": ["t"]}]),
            (lambda: db.tags("a"), ["t"]),
            (lambda: db.put_batch([1, 2]), ["0000000000", "0000000001"]),
            (lambda: db.delete_batch(["0000000000", "x"]), 1),
            (lambda: db.delete("a"), 1),
            (lambda: db.cleanup(), 0),
            (lambda: db.flush(), None),
            (lambda: db.compact(), None),
            (lambda: db.delete(purge=True), 1),
        ):
            result = call()
            assert is_result(result), value
            got = await result
            assert type(got) is type(value) and got == value, (got, value)
            assert await result == value  # as often as one likes
        assert (await db.stats())["records"] == 0

    run(check)


def test_with_a_loop_given_operations_give_plain_values():
    async def main():
        async with MicroTetherDB(event_loop=asyncio.get_event_loop()) as db:
            assert type(db.put("a", {"n": 1})) is str
            assert type(db.get("a")) is dict
            assert db.get("b") is None
            assert list(db.query({})) == [{"n": 1}]
            assert sorted(db) == ["a"]

    asyncio.run(main())


def test_awaitable_forces_either_kind():
    async def main():
        async with MicroTetherDB(awaitable=False) as db:
            assert type(db.put("a", 1)) is str and db.get("b") is None
        async with MicroTetherDB(event_loop=asyncio.get_event_loop(), awaitable=True) as db:
            assert is_result(db.put("a", 1)) and await db.get("a") == 1

    asyncio.run(main())
    db = MicroTetherDB(awaitable=True)
    assert is_result(db.put("a", 1)) and db.get("a") == 1
    assert db.cleanup() == 0


def test_a_database_gives_plain_values_until_it_is_entered_with_async_with():
    async def main():
        db = MicroTetherDB()
        assert type(db.put("a", 1)) is str
        with db:
            assert db.get("b") is None
        async with MicroTetherDB() as db:
            assert is_result(db.put("a", 1))

    asyncio.run(main())


def test_a_write_is_done_and_an_error_raised_at_the_call():
    async def check(db):
        db.put("a", 1)
        assert len(db) == 1 and "a" in db
        db.delete("a")
        assert len(db) == 0
        raises(TypeError, db.put, "a", print)
        raises(TypeError, db.get, 5)
        raises(ValueError, db.query, {"a": {"$no": 1}})
        raises(TypeError, db.query, 5)
        raises(TypeError, db.cleanup, 5)
        raises(TypeError, db.compact, 5)
        assert len(db) == 0

    run(check)


def test_a_result_stands_for_a_dict():
    async def check(db):
        db.put("a", {"n": 1, "deep": {"x": [1, 2]}})
        a = db.get("a")
        assert a["n"] == 1 and a["deep"]["x"][1] == 2
        assert len(a) == 2 and "n" in a and "m" not in a
        assert sorted(a.keys()) == ["deep", "n"] and a.get("m", 7) == 7
        assert sorted([name for name in a]) == ["deep", "n"]
        assert a == {"n": 1, "deep": {"x": [1, 2]}} and {"n": 1, "deep": {"x": [1, 2]}} == a
        assert a != {"n": 1} and not (a == {"n": 1}) and bool(a)
        a["n"] = 2
        del a["deep"]
        assert a == {"n": 2} and await db.get("a") != a  # a plain value, as get() gives
        assert json.loads(json.dumps(a)) == {"n": 2}
        assert json.loads(json.dumps({"in": [a]})) == {"in": [{"n": 2}]}
        assert str(a) == "{'n': 2}" == repr(a)

    run(check)


def test_a_result_stands_for_a_list():
    async def check(db):
        db.put_batch([{"n": n} for n in range(5)])
        found = db.query({"n": {"$gte": 1}})
        assert len(found) == 4 and found[0] == {"n": 1} and found[-1]["n"] == 4
        assert found[1:3] == [{"n": 2}, {"n": 3}]
        assert {"n": 3} in found and {"n": 0} not in found
        assert [document["n"] for document in found] == [1, 2, 3, 4]
        total = 0
        for document in found:
            total += document["n"]
        assert total == 10 and sum(db.put("numbers", [1, 2]) and db.get("numbers")) == 3
        assert found + [1] == [{"n": 1}, {"n": 2}, {"n": 3}, {"n": 4}, 1]
        assert ([0] + found)[0] == 0 and len([0] + found) == 5
        assert found.index({"n": 2}) == 1
        first, second, *rest = await found
        assert first == {"n": 1}
        a, b, c, d = found
        assert d == {"n": 4}
        assert not db.query({"n": 99}) and bool(found)
        assert json.dumps(db.query({"n": 1})) == '[{"n": 1}]'

    run(check)


def test_a_result_stands_for_a_number():
    async def check(db):
        db.put("i", 20)
        db.put("f", 2.5)
        i, f = db.get("i"), db.get("f")
        assert i + 1 == 21 and 1 + i == 21 and i - 1 == 19 and 1 - i == -19
        assert i * 2 == 40 and 2 * i == 40 and i / 8 == 2.5 and 50 / f == 20.0 and i // 3 == 6 and i % 3 == 2
        assert i**2 == 400 and -i == -20 and +i == 20 and abs(-i) == 20 and ~i == -21
        assert i & 4 == 4 and i | 1 == 21 and 1 << (db.put("s", 2) and 2) == 4
        assert i > 19 and i >= 20 and i < 21 and i <= 20 and f < i and i == 20 and 20 == i and i != 21
        assert i == db.get("i")
        i += 1
        assert i == 21 and type(i) is int
        assert int(db.get("i")) == 20 and float(f) == 2.5 and "abc"[db.get("s")] == "c"
        assert "%d %5.1f %s" % (db.get("i"), f, f) == "20   2.5 2.5"
        assert bool(f) and not db.delete("none")

    run(check)


def test_a_result_stands_for_a_str():
    async def check(db):
        key = db.put("abc", 1)
        assert key == "abc" and "abc" == key and key != "abd" and key < "b"
        assert key.upper() == "ABC" and key.startswith("a") and key[1] == "b" and len(key) == 3 and "b" in key
        assert "{}".format(key) == f"{key}" == "%s" % key == str(key) == "abc" and repr(key) == "'abc'"
        assert key + "d" == "abcd" and "d" + key == "dabc" and key * 2 == "abcabc"
        assert hash(key) == hash("abc") and {key: 1}["abc"] == 1 and {key: 1}[key] == 1 and "abc" in {key}
        assert json.dumps({"k": key}) == '{"k": "abc"}'
        assert [x for x in key] == ["a", "b", "c"]

    run(check)


def test_none_and_truth():
    async def check(db):
        none = db.get("none")
        assert none == None and not none and str(none) == "None" and not (none != None)
        db.put("zero", 0)
        assert db.get("zero") == 0 and not db.get("zero") and db.get("zero") == False
        assert (db.get("none") or 5) == 5

    run(check)


def test_a_result_is_an_argument_to_the_database():
    async def check(db):
        key = db.put({"n": 1})
        assert db.get(key) == {"n": 1} and db[key] == {"n": 1} and key in db
        copy = db.put("copy", db.get(key))
        assert db.get("copy") == {"n": 1}
        db.put("deep", {"list": [db.get("copy"), key], "n": db.get("none")})
        assert db.get("deep") == {"list": [{"n": 1}, await key], "n": None}
        assert len(db.query({"n": db.get("copy")["n"]})) == 2
        keys = db.put_batch(db.query({"n": 1}), ttls=db.get("none"))
        assert len(keys) == 2 and db.delete_batch(keys) == 2
        db["set"] = db.get("copy")
        assert db.get("set") == {"n": 1}
        assert db.tags(copy) == [] and db.delete(copy) == 1 and len(db) == 3
        del db[db.put("x", 1)]
        assert db.get("x") == None

    run(check)


def test_what_cannot_work_raises_and_never_gives_a_wrong_answer():
    async def check(db):
        db.put_batch([{"n": 1}, {"n": 2}])
        for call in (list, sorted, tuple, set, enumerate):
            # enumerate and zip only ask when they are read
            raises(TypeError, lambda: [x for x in call(db.query({}))])
        raises(TypeError, lambda: [x for x in zip(db.query({}), [1, 2])])
        raises(TypeError, lambda: [x for x in map(str, db.query({}))])
        raises((TypeError, ValueError), lambda: "{:5}".format(db.get("none")))
        raises((TypeError, ValueError), lambda: "{:5.1f}".format(db.put("f", 1.5)))
        raises(TypeError, lambda: 5 < db.get("f"))
        raises(TypeError, lambda: sum(document["n"] for document in db.query({})))
        raises(KeyError, lambda: {"f": 1}[db.put("f", 1.5)])  # as `in` such a dict says False
        assert not isinstance(db.get("f"), float) and db.get("none") is not None
        # the way round
        assert len(list(await db.query({}))) == 3
        assert "{:5.1f}".format(await db.get("f")) == "{:5.1f}".format(+db.get("f")) == "  1.5"
        assert [x for x in db.query({"n": 1})] == [{"n": 1}]

    run(check)


def test_wait_for_gather_and_create_task():
    async def check(db):
        assert await asyncio.wait_for(db.put("a", {"n": 1}), 5) == "a"
        assert await asyncio.wait_for(db.query({"n": 1}), 5) == [{"n": 1}]
        assert await asyncio.gather(db.put("b", 2), db.get("a"), db.query({"n": 1})) == ["b", {"n": 1}, [{"n": 1}]]
        task = asyncio.create_task(db.query({"n": 1}))
        assert await task == [{"n": 1}]
        db.put_batch([{"m": n} for n in range(500)])
        assert [len(x) for x in await asyncio.gather(db.query({"m": {"$gte": 0}}), db.query({"n": 1}))] == [500, 1]

    run(check, ram_percentage=60)


def test_a_query_that_is_cancelled_or_timed_out_is_given_up():
    async def check(db):
        db.put_batch([{"m": n} for n in range(2000)])
        query = db.query({"m": {"$gte": 0}})
        task = asyncio.create_task(query)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        try:
            await task
            assert False
        except asyncio.CancelledError:
            pass
        assert len(db.query({"m": 5})) == 1 and db.put("a", 1) == "a"

        async def late():
            return await asyncio.wait_for_ms(db.query({"m": {"$gte": 0}}), 0)

        try:
            await late()
            assert False
        except asyncio.TimeoutError:
            pass
        assert len(await db.query({})) == 2001

    run(check, ram_percentage=60)


def test_a_query_sees_each_record_as_it_is_when_reached():
    async def check(db):
        keys = await db.put_batch([{"n": n} for n in range(200)])
        query = db.query({"n": {"$gte": 100}})
        db.put("z", {"n": 1000})  # not run yet
        db.delete(keys[150])
        assert len(query) == 100 and query[-1] == {"n": 1000}
        db.put("zz", {"n": 1001})
        assert len(query) == 100  # run once

    run(check, ram_percentage=60)


def test_the_database_closes_when_async_with_is_left_however():
    async def leave(error):
        async with MicroTetherDB("a/b.db", in_memory=False, flush_threshold=1000) as db:
            await db.put("a", error is None)
            if error:
                raise error

    async def check():
        for error in (None, ValueError(), asyncio.CancelledError(), KeyboardInterrupt()):
            try:
                await leave(error)
                assert error is None
            except BaseException as raised:
                assert raised is error
            with MicroTetherDB("a/b.db", in_memory=False) as db:
                assert db["a"] == (error is None)

    asyncio.run(check())
    db = None

    async def main():
        nonlocal db
        async with MicroTetherDB() as db:
            pass

    asyncio.run(main())
    raises(ValueError, db.get, "a", says="closed")


def test_a_cancelled_task_loses_no_flushed_record():
    async def work(ready):
        async with MicroTetherDB("a.db", in_memory=False, flush_threshold=1000) as db:
            await db.put("kept", 1)
            ready.set()
            with db.transaction():
                await db.put("lost", 1)
                await asyncio.sleep(3600)

    async def main():
        ready = asyncio.Event()
        task = asyncio.create_task(work(ready))
        await ready.wait()
        await asyncio.sleep(0)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            pass
        with MicroTetherDB("a.db", in_memory=False) as db:
            assert list(db) == ["kept"]

    asyncio.run(main())


def test_several_databases_on_one_loop():
    async def main():
        async with MicroTetherDB() as a, MicroTetherDB("b.db", in_memory=False) as b:
            await asyncio.gather(a.put("k", "a"), b.put("k", "b"))
            async with a.lock(), b.lock():
                assert a.get("k") == "a" and b.get("k") == "b"

    asyncio.run(main())
    with MicroTetherDB("b.db", in_memory=False) as b:
        assert b["k"] == "b"
