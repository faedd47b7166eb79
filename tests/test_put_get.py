"""put and get in all their forms, delete, generated keys."""

from microtetherdb import MicroTetherDB
from runner import raises, refused


def test_a_value_put_without_a_key_comes_back_under_the_key_returned():
    db = MicroTetherDB()
    key = db.put({"name": "John", "age": 30})
    assert isinstance(key, str) and key
    assert db.get(key) == {"name": "John", "age": 30}
    assert len(db) == 1


def test_a_value_put_under_a_key_comes_back_under_it():
    db = MicroTetherDB()
    assert db.put("user1", {"name": "John"}) == "user1"
    assert db.put("user2", {"name": "Jane"}) == "user2"
    assert db.get("user1") == {"name": "John"}
    assert db.get("user2") == {"name": "Jane"}
    assert db.get("user") is None and db.get("user11") is None


def test_key_and_data_and_id_can_be_given_by_name():
    db = MicroTetherDB()
    assert db.put(key="a", data=1) == "a"
    assert db.put("b", data=2) == "b"
    assert db.put({"n": 3}, _id="c") == "c"
    assert db.put(data={"n": 4}, _id="d") == "d"
    generated = db.put(data=5)
    assert [db.get(key) for key in ("a", "b", "c", "d", generated)] == [1, 2, {"n": 3}, {"n": 4}, 5]


def test_one_positional_str_is_data_and_two_are_key_and_data():
    db = MicroTetherDB()
    key = db.put("text")
    assert key != "text" and db.get(key) == "text"
    key = db.put("text", ttl=1000, tags=["t"])
    assert key != "text" and db.get(key) == "text"
    assert db.put("text", "other") == "text"
    assert db.get("text") == "other"


def test_both_forms_take_ttl_and_tags_by_position():
    db = MicroTetherDB()
    assert db.put({"n": 1}, 1000, ["t"], "a") == "a"
    assert db.put("b", {"n": 2}, 1000, ["u"]) == "b"
    assert db.tags("a") == ["t"] and db.tags("b") == ["u"]
    assert db.stats()["ttl_records"] == 2


def test_put_replaces_a_record_whole():
    db = MicroTetherDB()
    db.put("k", {"a": 1, "b": 2}, ttl=1000, tags=["t"])
    db.put("k", {"c": 3})
    assert db.get("k") == {"c": 3}
    assert db.query({"tags": "t"}) == []
    assert db.stats()["ttl_records"] == 0
    assert len(db) == 1
    db.put("k", 5, ttl=1000, tags=["u"])
    assert db.get("k") == 5
    assert db.query({"tags": "u"}) == [5]
    assert db.stats()["ttl_records"] == 1
    assert len(db) == 1


def test_none_is_a_value():
    db = MicroTetherDB()
    db.put("k", None)
    assert db.get("k") is None and db["k"] is None
    assert "k" in db and len(db) == 1
    assert db.delete("k") == 1 and "k" not in db


def test_the_callers_objects_are_never_changed():
    db = MicroTetherDB()
    data = {"a": [1, {"b": 2}], "c": (3, 4)}
    tags = ["t", "u"]
    db.put("k", data, tags=tags)
    db.put_batch([data])
    assert data == {"a": [1, {"b": 2}], "c": (3, 4)} and isinstance(data["c"], tuple)
    assert tags == ["t", "u"]


def test_the_database_shares_no_object_with_its_caller():
    db = MicroTetherDB()
    data = {"a": [1], "d": {"x": 1}}
    tags = ["t"]
    db.put("k", data, tags=tags)
    data["a"].append(2)
    data["d"]["x"] = 2
    tags.append("u")
    stored = {"a": [1], "d": {"x": 1}, "_tags": ["t"]}
    assert db.get("k") == stored
    got = db.get("k")
    got["a"].append(3)
    got["d"]["x"] = 3
    got["new"] = 4
    got["_tags"].append("v")
    assert db.get("k") == stored and db.query({"tags": "v"}) == []


def test_generated_keys_have_one_width_and_sort_in_the_order_of_insertion():
    db = MicroTetherDB()
    keys = [db.put(n) for n in range(40)] + db.put_batch(list(range(40, 60))) + [db.put(60)]
    assert len(set(len(key) for key in keys)) == 1
    assert keys == sorted(keys) and len(set(keys)) == len(keys)
    assert db.query({}) == list(range(61))


def test_a_generated_key_is_never_given_twice():
    db = MicroTetherDB()
    seen = set()

    def fresh(key):
        assert key not in seen, key
        seen.add(key)
        return key

    last = fresh(db.put(1))
    db.delete(last)
    assert last < fresh(db.put(2))
    db.delete(purge=True)
    fresh(db.put(3))
    try:
        with db.transaction():
            fresh(db.put(4))
            raise IndexError
    except IndexError:
        pass
    fresh(db.put(5))
    raises(ValueError, db.put_batch, [6, 7], ttls=[1])
    fresh(db.put(8))
    assert len(db) == 3


def test_a_generated_key_is_not_the_key_of_another_record():
    # Keys the user puts after what was generated so far are passed by.
    db = MicroTetherDB()
    first = db.put("first")
    second = db.put("second")
    db.delete(second)
    db.put(second, "mine")
    for n in range(20):
        db.put(n)
    assert db.get(first) == "first" and db.get(second) == "mine"
    assert len(db) == 22


def test_delete_says_how_many_there_were():
    db = MicroTetherDB()
    db.put("a", 1)
    db.put("b", 2)
    assert db.delete("a") == 1
    assert db.delete("a") == 0
    assert db.delete("c") == 0
    assert db.get("a") is None and db.get("b") == 2 and len(db) == 1


def test_purge_empties_the_database_and_says_how_many_there_were():
    db = MicroTetherDB()
    for n in range(30):
        db.put({"n": n}, ttl=1000 if n % 2 else None, tags=["t"])
    assert db.delete(purge=True) == 30
    assert len(db) == 0 and db.query({}) == [] and list(db) == []
    assert db.query({"tags": "t"}) == [] and db.stats()["ttl_records"] == 0
    assert db.delete(purge=True) == 0
    db.put("a", {"n": 1}, tags=["t"])
    assert db.query({"tags": "t"}) == [{"n": 1, "_tags": ["t"]}]


def test_delete_wants_a_key_or_purge():
    db = MicroTetherDB()
    db.put("a", 1)
    refused(db, ValueError, db.delete)
    refused(db, ValueError, db.delete, purge=False)
    refused(db, ValueError, db.delete, "a", purge=True)


def test_put_wants_data():
    db = MicroTetherDB()
    refused(db, TypeError, db.put)
    refused(db, TypeError, db.put, key="a")
    refused(db, TypeError, db.put, 1, no_such=2)
    refused(db, TypeError, db.put, "a", 1, None, None, None, None)


def test_keys_of_every_alphabet_are_kept_apart():
    db = MicroTetherDB()
    keys = ["a", "A", "ä", "€", "😀", "a b", "a\0b", "a\n", ".", "$gt", "a.b", "\x7f", "\x01"]
    for n, key in enumerate(keys):
        db.put(key, n)
    assert len(db) == len(keys)
    for n, key in enumerate(keys):
        assert db.get(key) == n, key
    assert list(db) == sorted(keys, key=lambda key: key.encode())


def test_records_come_out_in_key_order_whatever_order_they_went_in():
    db = MicroTetherDB()
    for n in range(60):
        db.put("k%02d" % (n * 37 % 60), n * 37 % 60)
    assert list(db) == ["k%02d" % n for n in range(60)]
    assert db.query({}) == list(range(60))
    for n in range(0, 60, 2):
        db.delete("k%02d" % n)
    assert db.query({}) == list(range(1, 60, 2))
