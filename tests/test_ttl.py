"""Records that expire. Nothing here is timed: what must be gone is looked for after a pause longer
than its TTL, and what must still be there has a TTL of hours."""

import time

from microtetherdb import MicroTetherDB
from runner import raises, refused

BRIEF = 0.02
LONG = 10000


def pause():
    time.sleep_ms(60)


def test_without_a_ttl_or_with_none_or_zero_a_record_stays():
    db = MicroTetherDB()
    db.put("a", 1)
    db.put("b", 2, ttl=None)
    db.put("c", 3, ttl=0)
    db.put("d", 4, ttl=0.0)
    pause()
    assert db.query({}) == [1, 2, 3, 4]
    assert db.stats()["ttl_records"] == 0
    assert db.cleanup() == 0


def test_an_expired_record_is_invisible_to_every_read():
    db = MicroTetherDB()
    db.put("gone", {"n": 1}, ttl=BRIEF, tags=["t"])
    db.put("here", {"n": 1}, ttl=LONG, tags=["t"])
    pause()
    here = {"n": 1, "_tags": ["t"]}
    assert db.get("gone") is None
    assert "gone" not in db
    raises(KeyError, lambda: db["gone"])
    assert db.query({}) == [here] and db.query({"n": 1}) == [here]
    assert db.query({"tags": "t"}) == [here]
    assert db.query({"tags": "t"}, keys=True) == [("here", here)]
    assert list(db.find({})) == [here]
    assert list(db) == list(db.keys()) == ["here"]
    assert list(db.values()) == [here] and list(db.items()) == [("here", here)]
    assert len(db) == 1
    assert db.get("here") == here


def test_each_read_alone_hides_what_has_expired():
    # Without other calls before it that could have collected the record.
    for read, empty in (
        (lambda db: db.get("k"), None),
        (lambda db: "k" in db, False),
        (lambda db: db.query({}), []),
        (lambda db: db.query({"tags": "t"}), []),
        (lambda db: db.query({"n": 1}), []),
        (lambda db: list(db.find({})), []),
        (lambda db: list(db), []),
        (lambda db: list(db.values()), []),
        (lambda db: list(db.items()), []),
        (len, 0),
        (lambda db: db.delete("k"), 0),
        (lambda db: db.delete_batch(["k"]), 0),
        (lambda db: db.delete(purge=True), 0),
    ):
        db = MicroTetherDB()
        db.put("k", {"n": 1}, ttl=BRIEF, tags=["t"])
        pause()
        assert read(db) == empty
        assert len(db) == 0


def test_an_expired_record_cannot_be_deleted_or_changed():
    db = MicroTetherDB()
    db.put("k", {"n": 1}, ttl=BRIEF)
    document = db["k"]
    pause()

    def change():
        document["n"] = 2

    def delete():
        del db["k"]

    raises(KeyError, change)
    raises(KeyError, delete)
    assert db.delete("k") == 0
    assert document == {"n": 1} and "k" not in db


def test_cleanup_says_how_many_had_expired():
    db = MicroTetherDB()
    db.put_batch(list(range(20)), ttls=BRIEF)
    db.put_batch(list(range(20, 30)), ttls=LONG)
    db.put_batch(list(range(30, 35)))
    pause()
    assert db.cleanup() == 20
    assert db.cleanup() == 0
    assert len(db) == 15 and db.query({}) == list(range(20, 35))
    assert db.stats()["records"] == 15 and db.stats()["ttl_records"] == 10


def test_len_removes_what_has_expired():
    db = MicroTetherDB()
    db.put_batch(list(range(10)), ttls=BRIEF)
    pause()
    assert len(db) == 0
    assert db.stats()["records"] == 0 and db.stats()["ttl_records"] == 0
    assert db.cleanup() == 0


def test_ordinary_writes_remove_what_has_expired():
    db = MicroTetherDB(ttl_check_interval=1)
    db.put_batch(list(range(20)), ttls=BRIEF)
    time.sleep_ms(1100)
    for n in range(60):
        db.put("k", n)
    assert db.stats()["records"] == 1, db.stats()


def test_a_put_takes_the_place_of_an_expired_record():
    db = MicroTetherDB()
    db.put("k", {"old": 1}, ttl=BRIEF, tags=["t"])
    pause()
    db.put("k", {"new": 2})
    pause()
    assert db.get("k") == {"new": 2}
    assert db.query({"tags": "t"}) == []
    assert db.cleanup() == 0 and len(db) == 1


def test_a_new_ttl_counts_and_the_old_one_is_forgotten():
    db = MicroTetherDB()
    db.put("longer", 1, ttl=BRIEF)
    db.put("longer", 2, ttl=LONG)
    db.put("for ever", 1, ttl=BRIEF)
    db.put("for ever", 2)
    db.put("shorter", 1, ttl=LONG)
    db.put("shorter", 2, ttl=BRIEF)
    pause()
    assert db.get("longer") == 2 and db.get("for ever") == 2 and db.get("shorter") is None
    assert db.cleanup() <= 1 and len(db) == 2


def test_put_of_what_get_gave_drops_the_ttl():
    db = MicroTetherDB()
    db.put("k", {"n": 1}, ttl=LONG, tags=["t"])
    db.put("k", db.get("k"))
    assert db.get("k") == {"n": 1, "_tags": ["t"]}
    assert db.stats()["ttl_records"] == 0


def test_a_ttl_shorter_than_the_clock_can_tell_still_expires():
    db = MicroTetherDB()
    db.put("k", 1, ttl=0.0001)
    pause()
    assert db.get("k") is None and len(db) == 0


def test_a_ttl_of_years_does_not_wrap():
    db = MicroTetherDB()
    for n, ttl in enumerate((2**22, 2**31 // 1000 + 1, 2**32 // 1000 + 1, 10**8, 1e8, 2**31, 2**32)):
        db.put("k%d" % n, n, ttl=ttl)
    pause()
    assert db.query({}) == list(range(7))
    assert db.cleanup() == 0


def test_a_negative_ttl_is_a_value_error():
    db = MicroTetherDB()
    db.put("k", 1, ttl=LONG)
    for bad in (-1, -0.5, -(10**9)):
        refused(db, ValueError, db.put, "k", 2, ttl=bad, says="ttl")
        refused(db, ValueError, db.put, {"n": 2}, bad)
        refused(db, ValueError, db.put_batch, [1, 2], ttls=bad)


def test_a_ttl_that_is_no_finite_number_is_refused():
    db = MicroTetherDB()
    for bad in ("5", [5], {"a": 1}, b"5"):
        refused(db, TypeError, db.put, "k", 2, ttl=bad)
        refused(db, TypeError, db.put, {"n": 2}, bad)
    for bad in (float("nan"), float("inf"), -float("inf")):
        refused(db, ValueError, db.put, "k", 2, ttl=bad)


def test_records_expire_by_their_own_time_and_not_by_the_order_of_insertion():
    db = MicroTetherDB()
    for n in range(30):
        db.put("k%02d" % n, n, ttl=(LONG, BRIEF, None)[n % 3])
    pause()
    assert db.query({}) == [n for n in range(30) if n % 3 != 1]
    assert len(db) == 20 and db.stats()["ttl_records"] == 10


def test_an_expired_record_stays_invisible_in_a_transaction_and_after_its_rollback():
    db = MicroTetherDB()
    db.put("k", 1, ttl=BRIEF)
    db.put("other", 2)
    pause()
    try:
        with db.transaction():
            assert db.get("k") is None and db.query({}) == [2] and len(db) == 1
            db.put("new", 3)
            raise IndexError
    except IndexError:
        pass
    assert db.get("k") is None and db.query({}) == [2] and len(db) == 1


def test_a_record_can_expire_while_it_is_iterated_over():
    db = MicroTetherDB()
    db.put_batch(list(range(10)), ttls=BRIEF)
    db.put_batch(list(range(10, 15)))
    found = db.find({})
    first = next(found, None)
    pause()
    rest = list(found)
    assert rest == list(range(10, 15)), (first, rest)
