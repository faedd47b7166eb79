"""Transactions, and transactions in transactions as savepoints."""

from microtetherdb import MicroTetherDB
from runner import contents, raises, refused


class Stop(Exception):
    pass


def filled():
    db = MicroTetherDB()
    for n in range(10):
        db.put("k%d" % n, {"n": n}, ttl=1000 if n % 2 else None, tags=["t", "u%d" % (n % 3)])
    return db


def records(db):
    """Without bytes_used, which a rollback may leave a little different."""
    return contents(db)[:2]


def rolled_back(db, work):
    """Runs work(db) in a transaction that fails; asserts that nothing of it is left."""
    before = records(db)
    try:
        with db.transaction():
            work(db)
            raise Stop
    except Stop:
        pass
    assert records(db) == before
    assert [key for key, _ in db.query({"tags": "t"}, keys=True)] == [r[0] for r in before[0] if "t" in r[1]]


def test_a_transaction_commits_on_leaving():
    db = filled()
    with db.transaction():
        db.put("new", 1, tags=["t"])
        db["k1"] = "changed"
        del db["k2"]
        keys = db.put_batch([5, 6])
        db.delete_batch(["k3", "k4"])
    assert db.get("new") == 1 and db.get("k1") == "changed" and "k2" not in db and "k3" not in db
    assert db.get(keys[1]) == 6 and len(db) == 10
    assert [key for key, _ in db.query({"tags": "t"}, keys=True)] == ["k0", "k5", "k6", "k7", "k8", "k9", "new"]


def test_a_transaction_rolls_back_on_an_exception_which_goes_on_up():
    db = filled()
    before = records(db)
    for error in (Stop, KeyError, MemoryError, KeyboardInterrupt, SystemExit):
        raised = error("mine")
        try:
            with db.transaction():
                db.put("k1", "changed")
                db.put("new", 1)
                raise raised
        except error as caught:
            assert caught is raised
        else:
            assert False, "the exception did not go on up"
        assert records(db) == before, error


def test_an_error_of_the_database_rolls_back_what_came_before_it():
    def work():
        with db.transaction():
            db["k1"] = "changed"
            db["new"] = 1
            db["bad"] = object()

    db = filled()
    before = records(db)
    raises(TypeError, work)
    assert records(db) == before


def test_an_error_caught_inside_leaves_the_rest_of_the_transaction():
    db = filled()
    with db.transaction():
        db["a"] = 1
        raises(TypeError, db.put, "bad", object())
        raises(ValueError, db.put_batch, [1, float("nan")])
        raises(ValueError, db.query, {"n": {"$no": 1}})
        db["b"] = 2
    assert db["a"] == 1 and db["b"] == 2 and len(db) == 12


def test_every_kind_of_writing_is_rolled_back():
    for work in (
        lambda db: db.put({"new": 1}),
        lambda db: db.put("k1", {"new": 1}),
        lambda db: db.put("k1", 5, ttl=5, tags=["t", "v"]),
        lambda db: db.put("k1", db.get("k1")),
        lambda db: db.put_batch([{"n": n, "_tags": ["t"]} for n in range(40)], ttls=1000),
        lambda db: db.delete("k1"),
        lambda db: db.delete_batch(["k%d" % n for n in range(10)]),
        lambda db: db.delete(purge=True),
        lambda db: db["k1"].update({"n": "changed", "m": [1]}),
        lambda db: [db.delete(key) for key in db],
        lambda db: (
            db.delete(purge=True),
            db.put_batch([{"other": n} for n in range(20)]),
            db.put("k1", 1, tags=["t"]),
        ),
        lambda db: [db.put("k5.%02d" % n, {"text": "x" * 90}) for n in range(40)],
        lambda db: db.cleanup(),
        lambda db: db.compact(),
    ):
        rolled_back(filled(), work)


def test_a_transaction_sees_its_own_writes():
    db = filled()
    with db.transaction():
        db.put("new", {"n": 100}, tags=["t"])
        del db["k1"]
        assert db.get("new") == {"n": 100, "_tags": ["t"]} and "k1" not in db and len(db) == 10
        assert db.query({"n": {"$gt": 8}}) == [db.get("k9"), db.get("new")]
        assert list(db) == ["k0", "k2", "k3", "k4", "k5", "k6", "k7", "k8", "k9", "new"]
        assert len(db.query({"tags": "t"})) == 10


def test_a_transaction_in_a_transaction_is_a_savepoint():
    db = filled()
    with db.transaction():
        db["a"] = 1
        raises(Stop, savepoint, db, "b", True)
        assert "b" not in db and db["a"] == 1 and "k1" in db
        savepoint(db, "c", False)
        db["d"] = 4
    assert list(db)[:3] == ["a", "c", "d"] and "k1" not in db and len(db) == 12


def savepoint(db, key, fail):
    with db.transaction():
        db[key] = 1
        del db["k1"]
        if fail:
            raise Stop


def test_the_outer_rollback_undoes_what_an_inner_transaction_committed():
    rolled_back(filled(), lambda db: savepoint(db, "a", False))


def test_savepoints_nest_deeply_and_unwind_one_by_one():
    def deeper(level):
        with db.transaction():
            db["level%d" % level] = level
            db["shared"] = level
            if level < 12:
                deeper(level + 1)
            if level in (5, 9):
                raise Stop
        return level

    def catching(level):
        with db.transaction():
            db["level%d" % level] = level
            db["shared"] = level
            if level < 12:
                try:
                    catching(level + 1)
                except Stop:
                    assert db["shared"] == level
            if level in (5, 9):
                raise Stop

    db = MicroTetherDB()
    db["shared"] = -1
    raises(Stop, deeper, 0)
    assert list(db) == ["shared"] and db["shared"] == -1
    catching(0)
    assert list(db) == ["level%d" % n for n in range(5)] + ["shared"] and db["shared"] == 4


def test_purge_and_refill_in_savepoints_come_back_whole():
    db = filled()
    before = records(db)
    try:
        with db.transaction():
            db.delete(purge=True)
            assert len(db) == 0 and db.query({}) == []
            db.put("k1", {"other name": 1}, tags=["other tag"])
            try:
                with db.transaction():
                    db.delete(purge=True)
                    db.put({"third name": 1}, tags=["third tag"])
                    raise Stop
            except Stop:
                pass
            assert db.query({}) == [{"other name": 1, "_tags": ["other tag"]}]
            raise Stop
    except Stop:
        pass
    assert records(db) == before
    db.put("new", {"n": 1, "later name": 2}, tags=["t", "later tag"])
    assert len(db.query({"tags": "t"})) == 11 and len(db.query({"later name": 2})) == 1


def test_names_are_right_again_after_a_purge_was_rolled_back():
    # The table of names is emptied and filled anew meanwhile, to the same size.
    db = MicroTetherDB()
    db.put("k", {"before": 1, "both": 2}, tags=["old tag"])
    try:
        with db.transaction():
            db.delete(purge=True)
            db.put("k", {"inside": 3, "other": 4}, tags=["new tag"])
            assert db.get("k") == db["k"] == {"inside": 3, "other": 4, "_tags": ["new tag"]}
            assert len(db.query({"inside": 3, "tags": "new tag"})) == 1
            raise Stop
    except Stop:
        pass
    assert db.get("k") == db["k"] == {"before": 1, "both": 2, "_tags": ["old tag"]}, db.get("k")
    assert db.query({"before": 1}) == db.query({"tags": "old tag"}) == [db.get("k")]
    assert db.query({"inside": {"$exists": True}}) == db.query({"tags": "new tag"}) == []
    db.put("l", {"inside": 5, "both": 6})
    assert db.get("l") == {"inside": 5, "both": 6}


def test_names_first_used_in_what_was_rolled_back_mean_nothing_afterwards():
    db = filled()
    rolled_back(db, lambda db: db.put_batch([{"gone%d" % n: n, "_tags": ["gonetag%d" % n]} for n in range(20)]))
    db.put_batch([{"fresh%d" % n: n, "_tags": ["freshtag%d" % n]} for n in range(20)])
    for n in range(20):
        assert db.query({"gone%d" % n: {"$exists": True}}) == [] and db.query({"tags": "gonetag%d" % n}) == []
        assert (
            db.query({"fresh%d" % n: n})
            == db.query({"tags": "freshtag%d" % n})
            == [{"fresh%d" % n: n, "_tags": ["freshtag%d" % n]}]
        )


def test_rollbacks_do_not_use_memory_up():
    db = MicroTetherDB()
    db.put_batch([{"n": n} for n in range(20)])
    used = None
    for turn in range(40):
        rolled_back(db, lambda db: db.put_batch([{"n": n, "turn": turn} for n in range(30)], ttls=100))
        used = used or db.stats()["bytes_used"]
        assert db.stats()["bytes_used"] <= used


def test_commits_do_not_use_memory_up():
    db = MicroTetherDB()
    used = None
    for turn in range(40):
        with db.transaction():
            keys = db.put_batch([{"n": n} for n in range(30)])
            with db.transaction():
                db.delete_batch(keys)
        assert len(db) == 0
        used = used or db.stats()["bytes_used"]
        assert db.stats()["bytes_used"] <= used


def test_a_transaction_flushes_once_when_it_is_committed():
    db = MicroTetherDB()
    before = db.stats()["flushes"]
    with db.transaction():
        for n in range(30):
            db.put({"n": n})
        assert db.stats()["flushes"] == before
    assert db.stats()["flushes"] == before + 1


def test_an_empty_transaction_is_fine():
    db = filled()
    before = records(db)
    with db.transaction():
        pass
    with db.transaction():
        with db.transaction():
            pass
    assert records(db) == before


def test_leaving_a_transaction_by_return_or_break_commits():
    def work():
        with db.transaction():
            db["a"] = 1
            return 5

    db = MicroTetherDB()
    assert work() == 5
    for _ in range(3):
        with db.transaction():
            db["b"] = 2
            break
    assert db["a"] == 1 and db["b"] == 2


def test_iteration_goes_on_over_a_rollback():
    db = filled()
    keys = iter(db)
    assert next(keys) == "k0"
    try:
        with db.transaction():
            assert next(keys) == "k1"
            db.put_batch(list(range(20)))
            db.delete("k5")
            raise Stop
    except Stop:
        pass
    assert list(keys) == ["k%d" % n for n in range(2, 10)]


def test_two_databases_have_transactions_of_their_own():
    one, two = filled(), filled()
    try:
        with one.transaction():
            with two.transaction():
                one["x"] = 1
                two["y"] = 1
            raise Stop
    except Stop:
        pass
    assert "x" not in one and "y" in two and len(one) == 10 and len(two) == 11


def test_a_context_that_is_entered_cannot_be_entered_again():
    db = filled()
    context = db.transaction()
    with context:
        db.put("inside", 1)
        raises(RuntimeError, context.__enter__, says="each 'with' needs its own")
        db.put("after", 2)
    assert db.get("inside") == 1 and db.get("after") == 2


def test_arguments_are_refused():
    db = filled()
    refused(db, TypeError, db.transaction, 1)
    refused(db, TypeError, db.lock, 1)
