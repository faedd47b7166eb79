"""Documents on a Redis server: what is special there. That they behave as in memory is shown by test_redis_same.py and
test_redis_model.py."""

import _thread
import asyncio
import errno
import gc
import json
import time

from microtetherdb import DBLock, MicroTetherDB
from mtdb_redis import text
from mtdb_redis.documents import Documents
from mtdb_redis.resp import Client
from mtdb_redis.url import parse
from redis_control import HOST, PORT, control
from runner import raises

NEEDS = "unix"
REDIS = True

server = Client(HOST, PORT)
URL = "redis://%s:%d/0" % (HOST, PORT)


def database(**options):
    server.call("FLUSHALL")
    return Documents(URL, **options)


def test_addresses():
    for url, expected in (
        ("redis://host", ("host", 6379, 0, None)),
        ("redis://host:1234", ("host", 1234, 0, None)),
        ("redis://host:1234/", ("host", 1234, 0, None)),
        ("redis://10.0.0.7/5", ("10.0.0.7", 6379, 5, None)),
        ("redis://:secret@host:1234/15", ("host", 1234, 15, "secret")),
        ("redis://:a%40b%2F%25:@@host", ("host", 6379, 0, "a@b/%:@")),
        ("redis://:@host", ("host", 6379, 0, "")),
    ):
        assert parse(url) == expected, (url, parse(url))
    for url, says in (
        ("redis://", "host"),
        ("redis://:1234", "host"),
        ("redis://host:", "port"),
        ("redis://host:0", "port"),
        ("redis://host:65536", "port"),
        ("redis://host:x", "port"),
        ("redis://host/x", "database"),
        ("redis://host/-1", "database"),
        ("redis://user:secret@host", "user"),
        ("redis://secret@host", "user"),
        ("redis://:%zz@host", "hexadecimal"),
    ):
        assert "secret" not in str(raises(ValueError, parse, url, says=says)), "a password is never shown"


def test_the_scheme_decides_whatever_in_memory_says():
    for db in (MicroTetherDB(URL), MicroTetherDB(URL, False), MicroTetherDB(filename=URL, in_memory=True)):
        db.put("where", "on the server")
        assert server.call("GET", "mtdb:value:where") == b'"on the server"'
        db.delete("where")


def test_the_other_parameters_are_checked():
    raises(TypeError, Documents, URL, no_such=1, says="no_such")
    raises(ValueError, Documents, URL, True, 101, says="ram_percentage")
    raises(ValueError, Documents, URL, lock_timeout=-1, says="lock_timeout")
    raises(TypeError, Documents, URL, lock_timeout="1", says="lock_timeout")
    Documents(URL, False, 15, 3, 0.1, 5.0, 60, 32, 512, True, None, verbose=False)


def test_no_connection_is_made_before_the_first_use():
    db = Documents("redis://:wrong@127.0.0.1:1/0")
    raises(OSError, db.get, "k", says=("127.0.0.1", "1", "ECONNREFUSED"))


def test_other_programs_read_the_documents():
    db = database()
    db.put("room", {"celsius": 21.5, "seen": ["Ann", None, True], "ü": {}}, ttl=100, tags=["a", "b"])
    stored = json.loads(server.call("GET", "mtdb:value:room"))
    assert stored == {"celsius": 21.5, "seen": ["Ann", None, True], "ü": {}}
    assert 99000 < server.call("PTTL", "mtdb:value:room") <= 100000
    assert server.call("SMEMBERS", "mtdb:tag:a") == [b"room"]
    key = db.put("text")
    assert server.call("GET", "mtdb:value:" + key) == b'"text"'
    assert server.call("ZRANGE", "mtdb:keys", 0, -1) == [key.encode(), b"room"]
    db.close()


def test_what_is_on_the_server_is_there_for_the_next_database():
    db = database()
    db.put("k", {"n": 1}, tags=["t"])
    first = db.put({"n": 2})
    db.close()
    db = Documents(URL)
    assert db.query({"tags": "t"}) == [{"n": 1, "_tags": ["t"]}] and db.get(first) == {"n": 2}
    assert db.put({"n": 3}) > first
    db.close()


def test_databases_of_one_server_are_apart():
    zero, five = database(), Documents("redis://%s:%d/5" % (HOST, PORT))
    zero["k"], five["k"] = 0, 5
    assert zero["k"] == 0 and five["k"] == 5
    five.delete(purge=True)
    assert zero["k"] == 0 and len(five) == 0


def test_emptying_leaves_the_keys_of_others():
    db = database()
    server.call("SET", "not ours", 1)
    db.put_batch([{"n": n} for n in range(200)], ttls=100)
    db.put({"tags": [1]}, tags=["t"])
    assert db.delete(purge=True) == 201 and len(db) == 0
    assert sorted(server.call("KEYS", "*")) == [b"mtdb:next", b"not ours"]


def test_floats_keep_all_their_digits():
    db = database()
    numbers = [0.1 + 0.2, 1 / 3, 2 / 3 * 1e20, 1e-7 / 3, 5e-300, 1.7976931348623157e308, -0.1, 1.0, 1e16]
    numbers = [number for number in numbers if number - number == 0]  # single floats have no 1e308
    db.put("k", {"n": numbers})
    found = db.get("k")["n"]
    assert found == numbers and all(isinstance(number, float) for number in found)
    assert db.query({"n": 1 / 3}, keys=True)[0][0] == "k"
    for n in range(1, 3000):
        number = n / 7.3
        back = json.loads(text.dumps(number))
        assert abs(back - number) <= number * 2.3e-16, number


def test_what_cannot_be_had_says_so():
    db = database()
    raises(NotImplementedError, db.lock, says="transaction()")
    raises(NotImplementedError, db.backup, "x", says="BGSAVE")
    assert db.flush() is None and db.compact() is None


def test_a_record_that_is_no_json_text():
    db = database()
    db["k"] = 1
    server.call("SET", "mtdb:value:k", "no JSON")
    raises(ValueError, db.get, "k", says=("'k'", "JSON"))
    raises(ValueError, db.query, {"n": 1}, says=("'k'", "JSON"))
    assert db.delete("k") == 1


def test_writing_removes_what_is_left_of_the_expired():
    db = database()
    db.put_batch([{"n": n} for n in range(20)], ttls=0.01)
    time.sleep_ms(30)
    for _ in range(16):
        db["k"] = 1
    assert server.call("ZCARD", "mtdb:keys") == 1 and server.call("ZCARD", "mtdb:expires") == 0


def test_what_was_put_again_is_not_forgotten():
    db = database()
    db.put("k", 1, tags=["t"])
    db.put("gone", 2, ttl=0.01)
    time.sleep_ms(30)
    assert db._records.forget(["k", "gone"]) == 1
    assert list(db) == ["k"] and server.call("ZCARD", "mtdb:keys") == 1 and db.query({"tags": "t"}) == [1]


def test_what_others_removed_is_forgotten_by_compacting():
    db = database()
    db.put("a", {"n": 1}, tags=["t"])
    db.put("b", {"n": 2}, tags=["t"])
    server.call("DEL", "mtdb:value:a")
    assert db.get("a") is None and list(db) == ["b"] and db.query({"tags": "t"}) == [{"n": 2, "_tags": ["t"]}]
    db.compact()
    assert len(db) == 1 and server.call("SMEMBERS", "mtdb:tag:t") == [b"b"]


# ---- transactions


def test_nothing_of_a_transaction_is_seen_before_its_end():
    db, other = database(), Documents(URL)
    db["a"] = 1
    with db.transaction():
        db["a"] = 2
        db.put("b", {"n": 1}, ttl=100, tags=["t"])
        assert db["a"] == 2 and db.query({"tags": "t"}, keys=True)[0][0] == "b" and len(db) == 2
        assert other["a"] == 1 and "b" not in other and other.query({"tags": "t"}) == []
    assert other["a"] == 2 and other.get("b") == {"n": 1, "_tags": ["t"]}
    assert 99000 < server.call("PTTL", "mtdb:value:b") <= 100000


def test_a_transaction_whose_reading_is_out_of_date_is_not_carried_out():
    db, other = database(), Documents(URL)
    db["stock"], db["sold"] = 5, 0

    def sell():
        with db.transaction():
            left = db["stock"]
            if meanwhile:
                other["stock"] = 4
            db["stock"] = left - 1
            db["sold"] = 1

    meanwhile = True
    raises(DBLock, sell, says=("'stock'", "run it again"))
    assert other["stock"] == 4 and other["sold"] == 0
    meanwhile = False
    sell()
    assert other["stock"] == 3 and other["sold"] == 1
    with db.transaction():  # what is only written is not in the way
        other["sold"] = 7
        db["sold"] = 8
    assert other["sold"] == 8


def test_counting_from_two_threads_loses_nothing():
    database()["n"] = 0
    done = []

    def count():
        db, counted = Documents(URL), 0
        try:
            while counted < 60:
                try:
                    with db.transaction():
                        db["n"] = db["n"] + 1
                    counted += 1
                except DBLock:
                    pass
            done.append(None)
        except BaseException as error:
            done.append(error)

    for _ in range(2):
        _thread.start_new_thread(count, ())
    while len(done) < 2:
        time.sleep_ms(2)
    assert done == [None, None], done
    assert Documents(URL)["n"] == 120


def test_a_transaction_keeps_the_other_threads_of_its_database_out():
    db, results = database(lock_timeout=0.1), []

    def read():
        try:
            results.append(db.get("k"))
        except DBLock as error:
            results.append(str(error))

    with db.transaction():
        db["k"] = 1
        _thread.start_new_thread(read, ())
        while not results:
            time.sleep_ms(2)
    assert "another thread has been in a transaction for 0.1 s" in results[0]
    _thread.start_new_thread(read, ())
    while len(results) < 2:
        time.sleep_ms(2)
    assert results[1] == 1


def test_a_transaction_keeps_the_other_tasks_out():
    db, seen = database(), []

    async def owner():
        with db.transaction():
            db["k"] = 1
            await asyncio.sleep_ms(20)

    async def main():
        task = asyncio.create_task(owner())
        await asyncio.sleep_ms(5)
        seen.append(str(raises(DBLock, db.get, "k", says="another task")))
        await task
        assert db["k"] == 1
        asyncio.create_task(owner())
        db["k"] = 2
        await asyncio.sleep_ms(5)

    asyncio.run(main())
    assert len(seen) == 1
    # The second owner's loop has ended in the middle of its transaction.
    assert db["k"] == 2 and len(db) == 1


def test_a_database_closed_in_a_transaction_is_rolled_back():
    db, other = database(), Documents(URL)
    with db.transaction():
        db["k"] = 1
        db.close()
    assert "k" not in other


def test_a_ttl_counts_from_the_put_within_a_transaction():
    db = database()
    with db.transaction():
        db.put("brief", 1, ttl=0.05)
        db.put("long", 1, ttl=100)
        assert db["brief"] == 1
        time.sleep_ms(80)
        assert "brief" not in db and list(db) == ["long"]
    assert "brief" not in db and len(db) == 1
    assert server.call("PTTL", "mtdb:value:long") <= 99950


def test_no_class_made_from_the_type_takes_the_scheme():
    class Mine(MicroTetherDB):
        pass

    for _ in range(20):
        db = Mine(URL)
        for call in (db.close, db.__enter__, db.flush, lambda: db.get("k"), lambda: db.put("k", 1)):
            raises(TypeError, call, says="no class made from it")
    del db
    gc.collect()


# ---- what db[key] gives


def test_a_change_of_a_document_is_refused_when_another_program_was_first():
    db, other = database(), Documents(URL)
    db.put("k", {"n": 1, "l": [1]}, ttl=100, tags=["t"])
    mine, theirs = db["k"], other["k"]
    theirs["n"] = 2
    raises(KeyError, mine.update, {"n": 3})
    assert mine == {"n": 1, "l": [1], "_tags": ["t"]} and db["k"]["n"] == 2
    theirs["l"].append(2)
    assert db.get("k") == {"n": 2, "l": [1, 2], "_tags": ["t"]}
    assert 99000 < server.call("PTTL", "mtdb:value:k") <= 100000
    db.delete("k")
    raises(KeyError, theirs.update, {"n": 4})
    assert server.call("EXISTS", "mtdb:value:k") == 0


# ---- the server


def test_the_server_dies_and_comes_back():
    db = database()
    db["k"] = {"n": 1}
    search = db.find({})
    control("kill")
    try:
        for call in (
            lambda: db.put("k", 1),
            lambda: db.put(1),
            lambda: db.put_batch([1, 2]),
            lambda: db.get("k"),
            lambda: db.delete("k"),
            lambda: db.delete(purge=True),
            lambda: db.query({}),
            lambda: next(search),
            lambda: len(db),
            lambda: "k" in db,
            db.stats,
            db.cleanup,
        ):
            raises(OSError, call, says=(HOST, PORT))
    finally:
        control("start")
    assert len(db) == 0
    db["k"] = {"n": 2}
    assert db.query({"n": 2}, keys=True) == [("k", {"n": 2})]


def test_a_transaction_that_cannot_be_sent_is_rolled_back():
    db = database()

    def work():
        with db.transaction():
            db["a"], db["b"] = 1, 2
            control("kill")

    try:
        raises(OSError, work, says=(HOST, PORT))
    finally:
        control("start")
    assert len(db) == 0
    with db.transaction():
        db["a"] = 3
    assert list(db.items()) == [("a", 3)]


def test_a_wrong_password():
    db = database()
    server.call("CONFIG", "SET", "requirepass", "secret")
    try:
        for url in (URL, "redis://:wrong@%s:%d/0" % (HOST, PORT)):
            assert raises(OSError, Documents(url).get, "k", says=(HOST, PORT, "password")).errno == errno.EACCES
        assert Documents("redis://:secret@%s:%d/0" % (HOST, PORT)).get("k") is None
    finally:
        Client(HOST, PORT, 0, "secret").call("CONFIG", "SET", "requirepass", "")


# ---- what it costs


def test_a_search_by_tag_fetches_what_has_the_tag():
    db = database()
    db.put_batch([{"n": n} for n in range(1000)])
    for n in range(5):
        db.put({"n": n}, tags=["rare"])
    db.put({"tags": ["rare"]})
    for query, expected in (({"_tags": "rare"}, 5), ({"tags": {"$contains": "rare"}}, 6), ({"tags": "none"}, 0)):
        server.call("CONFIG", "RESETSTAT")
        assert len(db.query(query)) == expected
        looked_at = [line for line in server.call("INFO", "stats").split(b"\r\n") if line.startswith(b"keyspace_hits:")]
        assert int(looked_at[0].split(b":")[1]) < 25, looked_at


def test_a_long_walk_holds_a_few_documents():
    db = database()
    for _ in range(20):
        db.put_batch([{"n": n, "text": "x" * 100} for n in range(100)])

    def most(walk):
        next(walk)
        gc.collect()
        before = most = gc.mem_alloc()
        for n, _ in enumerate(walk):
            if n % 50 == 0:
                gc.collect()
                most = max(most, gc.mem_alloc())
        return most - before

    for walk in (db.find({}), db.items(), db.keys()):
        held = most(walk)
        assert held < 60000, held  # the documents together take more than 400,000
