"""The database as a mapping."""

from microtetherdb import MicroTetherDB
from runner import raises, refused


def set_item(db, key, value):
    db[key] = value


def delete_item(db, key):
    del db[key]


def test_items_are_set_read_and_deleted_by_subscript():
    db = MicroTetherDB()
    db["a"] = 1
    db["b"] = {"n": [1, 2]}
    assert db["a"] == 1 and db["b"] == {"n": [1, 2]}
    db["a"] = "new"
    assert db["a"] == "new" and len(db) == 2
    del db["a"]
    assert "a" not in db and "b" in db and len(db) == 1


def test_a_missing_key_is_a_key_error():
    db = MicroTetherDB()
    db["a"] = 1
    error = refused(db, KeyError, lambda: db["missing"])
    assert "missing" in str(error)
    error = refused(db, KeyError, delete_item, db, "missing")
    assert "missing" in str(error)
    del db["a"]
    refused(db, KeyError, lambda: db["a"])
    refused(db, KeyError, delete_item, db, "a")


def test_setting_an_item_replaces_ttl_and_tags_too():
    db = MicroTetherDB()
    db.put("a", {"n": 1}, ttl=1000, tags=["t"])
    db["a"] = {"n": 2}
    assert db["a"] == {"n": 2} and db.tags("a") == [] and db.stats()["ttl_records"] == 0
    db["a"] = {"n": 3, "_tags": ["u"]}
    assert db.query({"tags": "u"}) == [{"n": 3, "_tags": ["u"]}]


def test_keys_are_str_here_too():
    db = MicroTetherDB()
    db["a"] = 1
    for bad in (5, None, b"a", ("a",), 1.5):
        refused(db, TypeError, lambda: db[bad])
        refused(db, TypeError, set_item, db, bad, 1)
        refused(db, TypeError, delete_item, db, bad)
        refused(db, TypeError, lambda: bad in db)
    refused(db, ValueError, set_item, db, "", 1)
    refused(db, ValueError, set_item, db, "x" * 121, 1, says="120")
    refused(db, TypeError, set_item, db, "b", object())


def test_iteration_goes_over_the_keys_in_order():
    db = MicroTetherDB()
    for key in ("c", "a", "b", "aa"):
        db[key] = key * 2
    assert [key for key in db] == ["a", "aa", "b", "c"]
    assert list(db.keys()) == ["a", "aa", "b", "c"]
    assert list(db.values()) == ["aa", "aaaa", "bb", "cc"]
    assert list(db.items()) == [("a", "aa"), ("aa", "aaaa"), ("b", "bb"), ("c", "cc")]
    assert dict(db.items()) == {"a": "aa", "aa": "aaaa", "b": "bb", "c": "cc"}
    assert list(MicroTetherDB()) == []


def test_iteration_is_lazy():
    db = MicroTetherDB()
    for n in range(5):
        db["k%d" % n] = n
    keys, values, items = iter(db.keys()), iter(db.values()), iter(db.items())
    assert next(keys) == "k0" and next(values) == 0 and next(items) == ("k0", 0)
    db["k1"] = 10
    del db["k2"]
    db["k3"] = 30
    assert list(keys) == ["k1", "k3", "k4"] and list(values) == [10, 30, 4]
    assert list(items) == [("k1", 10), ("k3", 30), ("k4", 4)]


def test_records_added_and_removed_meanwhile_neither_break_iteration_nor_show_twice():
    db = MicroTetherDB()
    for n in range(30):
        db["k%02d" % n] = n
    shown = []
    for key in db:
        shown.append(key)
        if int(key[1:3]) % 3 == 0:
            del db[key]
        db[key + "x"] = 0
        if len(shown) > 200:
            break
        if key.endswith("x"):
            del db[key + "x"]
    assert [key for key in shown if not key.endswith("x")] == ["k%02d" % n for n in range(30)]
    assert len(set(shown)) == len(shown) and shown == sorted(shown)


def test_all_keys_can_be_deleted_while_iterating():
    db = MicroTetherDB()
    for n in range(50):
        db["k%02d" % n] = n
    for key in db:
        del db[key]
    assert len(db) == 0 and list(db) == []


def test_membership_tells_keys_not_values():
    db = MicroTetherDB()
    db["a"] = "b"
    db["none"] = None
    assert "a" in db and "b" not in db and "none" in db and "" not in db


def test_length_counts_records():
    db = MicroTetherDB()
    assert len(db) == 0
    for n in range(25):
        db["k%d" % (n % 10)] = n
    assert len(db) == 10
    db.delete("k3")
    assert len(db) == 9
    db.delete(purge=True)
    assert len(db) == 0


def test_a_database_can_be_a_key_of_a_dict():
    db, other = MicroTetherDB(), MicroTetherDB()
    names = {db: "one", other: "other"}
    db.put("k", 1)
    assert names[db] == "one" and names[other] == "other" and hash(db) == hash(db)


def test_a_key_too_long_to_exist_is_in_no_database():
    # Reading such a key may say that it is no key; it never finds one and never breaks.
    db = MicroTetherDB()
    db["a"] = 1
    for key in ("x" * 121, "x" * 1000):
        try:
            assert db.get(key) is None
        except ValueError:
            pass
        raises((KeyError, ValueError), lambda: db[key])
    assert len(db) == 1
