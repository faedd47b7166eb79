"""put_batch and delete_batch: all or nothing."""

from microtetherdb import MicroTetherDB
from runner import raises, refused


def test_a_batch_comes_back_under_the_keys_returned_in_order():
    db = MicroTetherDB()
    items = [{"n": n} for n in range(25)]
    keys = db.put_batch(items)
    assert isinstance(keys, list) and len(keys) == 25 and keys == sorted(keys)
    assert [db.get(key) for key in keys] == items
    assert db.query({}) == items and len(db) == 25


def test_a_batch_holds_values_of_every_kind():
    db = MicroTetherDB()
    items = [None, 1, 2.5, "text", [1, 2], {"a": 1}]
    assert [db.get(key) for key in db.put_batch(items)] == items


def test_an_empty_batch_does_nothing():
    db = MicroTetherDB()
    assert db.put_batch([]) == []
    assert db.put_batch([], ttls=5) == []
    assert db.put_batch([], ttls=[]) == []
    assert db.delete_batch([]) == 0
    assert len(db) == 0


def test_one_ttl_counts_for_all_and_a_list_for_each():
    db = MicroTetherDB()
    db.put_batch([1, 2, 3], ttls=1000)
    assert db.stats()["ttl_records"] == 3
    db.put_batch([4, 5, 6], ttls=[1000, None, 0])
    assert db.stats()["ttl_records"] == 4
    db.put_batch([7], ttls=None)
    db.put_batch([8], ttls=0)
    assert db.stats()["ttl_records"] == 4 and len(db) == 8


def test_a_list_of_ttls_must_be_as_long_as_the_batch():
    db = MicroTetherDB()
    db.put("k", 1)
    refused(db, ValueError, db.put_batch, [1, 2], ttls=[5])
    refused(db, ValueError, db.put_batch, [1, 2], ttls=[5, 6, 7])
    refused(db, ValueError, db.put_batch, [1, 2], ttls=[])


def test_one_bad_item_and_none_is_stored():
    db = MicroTetherDB()
    db.put("k", {"n": 0}, tags=["t"])
    good = [{"n": n} for n in range(20)]
    for bad, error in (
        (object(), TypeError),
        ({"a": {"b": b"x"}}, TypeError),
        (float("nan"), ValueError),
        ({"_tags": 5}, TypeError),
        ("x" * 8191, ValueError),
    ):
        refused(db, error, db.put_batch, good + [bad])
        refused(db, error, db.put_batch, [bad] + good)
        refused(db, error, db.put_batch, good + [bad] + good, ttls=1000)


def test_one_bad_ttl_and_none_is_stored():
    db = MicroTetherDB()
    refused(db, ValueError, db.put_batch, [1, 2], ttls=-1)
    refused(db, ValueError, db.put_batch, [1, 2], ttls=[1000, -1])
    refused(db, TypeError, db.put_batch, [1, 2], ttls=[1000, "5"])
    refused(db, TypeError, db.put_batch, [1, 2], ttls="55")


def test_what_is_no_batch_is_a_type_error():
    db = MicroTetherDB()
    refused(db, TypeError, db.put_batch, 5)
    refused(db, TypeError, db.put_batch, None)
    refused(db, TypeError, db.put_batch, "abc", says="takes a list of values, not str")
    refused(db, TypeError, db.put_batch, {"a": 1}, says="takes a list of values, not dict")
    refused(db, TypeError, db.delete_batch, 5)
    refused(db, TypeError, db.delete_batch, None)


def test_tags_in_the_items_of_a_batch_become_their_tags():
    db = MicroTetherDB()
    keys = db.put_batch([{"n": 1, "_tags": ["t"]}, {"n": 2}])
    assert db.tags(keys[0]) == ["t"]
    assert db.query({"tags": "t"}) == [{"n": 1, "_tags": ["t"]}]


def test_delete_batch_takes_any_iterable_and_a_single_key():
    db = MicroTetherDB()
    for keys in (["a", "b"], ("a", "b"), {"a", "b"}, {"a": 1, "b": 2}, iter(["a", "b"]), (key for key in "ab")):
        for key in "abcd":
            db.put(key, 1)
        assert db.delete_batch(keys) == 2, keys
        assert list(db) == ["c", "d"], keys
    db.put("long name", 1)
    assert db.delete_batch("long name") == 1
    assert list(db) == ["c", "d"]


def test_delete_batch_counts_what_there_was():
    db = MicroTetherDB()
    keys = db.put_batch(list(range(20)))
    assert db.delete_batch(keys[:5] + ["missing", "also missing"]) == 5
    assert db.delete_batch(keys[:6]) == 1
    assert db.delete_batch([keys[10]] * 3) == 1
    assert db.query({}) == [6, 7, 8, 9] + list(range(11, 20))


def test_one_bad_key_and_none_is_deleted():
    db = MicroTetherDB()
    keys = db.put_batch([{"n": n} for n in range(10)])
    for bad, error in ((5, TypeError), (None, TypeError), (b"bytes", TypeError)):
        refused(db, error, db.delete_batch, keys[:5] + [bad])
        refused(db, error, db.delete_batch, [bad] + keys)
        refused(db, error, db.delete_batch, (key for key in keys + [bad]))


def test_an_error_of_the_iterable_goes_on_up_and_nothing_is_deleted():
    db = MicroTetherDB()
    keys = db.put_batch(list(range(10)))

    def breaking():
        for key in keys[:5]:
            yield key
        raise IndexError("broken")

    refused(db, IndexError, db.delete_batch, breaking(), says="broken")


def test_a_batch_flushes_once_at_most():
    db = MicroTetherDB()
    before = db.stats()["flushes"]
    keys = db.put_batch([{"n": n} for n in range(40)])
    between = db.stats()["flushes"]
    assert between - before <= 1, (before, between)
    db.delete_batch(keys)
    assert db.stats()["flushes"] - between <= 1


def test_a_database_still_works_after_many_batches():
    db = MicroTetherDB()
    used = None
    for turn in range(30):
        keys = db.put_batch([{"turn": turn, "n": n} for n in range(30)], ttls=1000)
        assert db.query({"turn": turn, "n": {"$gte": 28}}) == [{"turn": turn, "n": 28}, {"turn": turn, "n": 29}]
        assert db.delete_batch(keys) == 30
        assert len(db) == 0
        used = used or db.stats()["bytes_used"]
        assert db.stats()["bytes_used"] <= used, "pages of deleted records are not given back"
