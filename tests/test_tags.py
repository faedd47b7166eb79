"""Tags: how they are given, how they come back, how they are searched."""

from microtetherdb import MicroTetherDB
from runner import refused


def test_tags_come_back_in_order_as_a_list():
    db = MicroTetherDB()
    db.put("a", {"n": 1}, tags=["zebra", "ape", "middle"])
    db.put("b", {"n": 2}, tags=("y", "x"))
    assert db.get("a") == {"n": 1, "_tags": ["zebra", "ape", "middle"]}
    assert db["b"] == {"n": 2, "_tags": ["y", "x"]} and isinstance(db["b"]["_tags"], list)
    assert db.tags("a") == ["zebra", "ape", "middle"] and db.tags("b") == ["y", "x"]
    assert db.query({"n": 1}) == [{"n": 1, "_tags": ["zebra", "ape", "middle"]}]
    assert list(db.values()) == [db.get("a"), db.get("b")]


def test_a_record_without_tags_has_none():
    db = MicroTetherDB()
    db.put("a", {"n": 1})
    db.put("b", {"n": 1}, tags=None)
    assert "_tags" not in db.get("a") and "_tags" not in db.get("b")
    assert db.tags("a") == [] and db.tags("b") == []


def test_tags_of_other_values_are_only_searched():
    db = MicroTetherDB()
    values = [1, "text", [1, 2], None, 2.5, True]
    for n, value in enumerate(values):
        db.put("k%d" % n, value, tags=["t", "u%d" % n])
    assert db.query({"tags": "t"}) == values
    assert db.query({"tags": "u2"}) == [[1, 2]]
    assert db.get("k0") == 1 and db.tags("k0") == ["t", "u0"]


def test_a_dict_that_holds_its_tags_keeps_them():
    db = MicroTetherDB()
    db.put("a", {"n": 1, "_tags": ["t", "u"]})
    assert db.tags("a") == ["t", "u"]
    assert db.query({"tags": "u"}) == [{"n": 1, "_tags": ["t", "u"]}]
    db.put("a", db.get("a"))
    assert db.tags("a") == ["t", "u"] and db.get("a") == {"n": 1, "_tags": ["t", "u"]}
    db["b"] = db["a"]
    assert db.tags("b") == ["t", "u"] and len(db.query({"tags": "u"})) == 2


def test_given_tags_replace_those_in_the_dict():
    db = MicroTetherDB()
    db.put("a", {"n": 1, "_tags": ["old"]}, tags=["new"])
    assert db.get("a") == {"n": 1, "_tags": ["new"]}
    assert db.query({"tags": "old"}) == [] and len(db.query({"tags": "new"})) == 1


def test_tags_in_a_dict_must_be_a_list_of_str():
    db = MicroTetherDB()
    db.put("k", {"n": 0}, tags=["t"])
    for bad in ("t", 5, None, {"t": 1}, ["t", 5], [None]):
        refused(db, TypeError, db.put, "k", {"n": 1, "_tags": bad})
        refused(db, TypeError, db.put_batch, [{"n": 1}, {"n": 2, "_tags": bad}])


def test_tags_inside_a_value_are_an_ordinary_field():
    db = MicroTetherDB()
    db.put("k", {"inner": {"_tags": 5}, "list": [{"_tags": "x"}]})
    assert db.get("k") == {"inner": {"_tags": 5}, "list": [{"_tags": "x"}]}
    assert db.tags("k") == []
    assert db.query({"inner._tags": 5}) == [db.get("k")]


def test_tags_must_be_a_list_or_tuple_of_str():
    db = MicroTetherDB()
    db.put("k", {"n": 0}, tags=["t"])
    for bad in ("t", "tag", 5, {"t": 1}, ["t", 5], ["t", None], [b"t"], [["t"]]):
        refused(db, TypeError, db.put, "k", {"n": 1}, tags=bad)
        refused(db, TypeError, db.put, {"n": 1}, tags=bad)


def test_there_are_at_most_32_tags_of_at_most_64_bytes():
    db = MicroTetherDB(ram_percentage=40)
    most = ["%02d" % n + "x" * 62 for n in range(32)]
    db.put("k", {"n": 1}, tags=most)
    assert db.tags("k") == most and db.get("k") == {"n": 1, "_tags": most}
    for tag in most:
        assert len(db.query({"tags": tag})) == 1
    db.put("u", {"n": 2}, tags=["ü" * 32])
    assert db.query({"tags": "ü" * 32}) == [{"n": 2, "_tags": ["ü" * 32]}]
    refused(db, ValueError, db.put, "k", 1, tags=most + ["one more"], says="32")
    refused(db, ValueError, db.put, "k", 1, tags=["x" * 65], says="64")
    refused(db, ValueError, db.put, "k", 1, tags=["ü" * 33], says="64")
    refused(db, ValueError, db.put, "k", {"_tags": ["x" * 65]}, says="64")


def test_a_tag_query_finds_what_has_the_tag_in_key_order():
    db = MicroTetherDB()
    for n in range(30):
        db.put("k%02d" % (29 - n), n, tags=["all", "even" if n % 2 == 0 else "odd"] + (["few"] if n % 10 == 0 else []))
    assert db.query({"tags": "few"}) == [20, 10, 0]
    assert db.query({"tags": "few"}, keys=True) == [("k09", 20), ("k19", 10), ("k29", 0)]
    assert db.query({"tags": "odd"}) == list(range(29, 0, -2))
    assert db.query({"tags": "all"}) == list(range(29, -1, -1))
    assert db.query({"tags": "od"}) == [] and db.query({"tags": "odds"}) == []
    assert list(db.find({"tags": "few"})) == [20, 10, 0]


def test_a_tag_given_twice_shows_its_record_once():
    db = MicroTetherDB()
    db.put("k", {"n": 1}, tags=["t", "t"])
    assert len(db.query({"tags": "t"})) == 1
    db.delete("k")
    assert db.query({"tags": "t"}) == []


def test_every_operator_that_fits_works_on_tags():
    db = MicroTetherDB()
    db.put("a", {"n": 1}, tags=["x", "y"])
    db.put("b", {"n": 2}, tags=["y"])
    db.put("c", {"n": 3})
    db.put("d", {"n": 4}, tags=["z"])
    for name in ("tags", "_tags"):
        for condition, expected in (
            ("x", [1]),
            ("y", [1, 2]),
            ({"$eq": "y"}, [1, 2]),
            ({"$contains": "y"}, [1, 2]),
            ({"$in": ["x", "z"]}, [1, 4]),
            ({"$in": []}, []),
            (["x", "y"], [1]),
            (["y", "x"], []),
            ({"$ne": "y"}, [3, 4]),
            ({"$exists": True}, [1, 2, 4]),
            ({"$exists": False}, [3]),
            (None, [3]),
            ({"$ne": None}, [1, 2, 4]),
            ({"$contains": "x", "$ne": "z"}, [1]),
            (5, []),
            ("", []),
        ):
            found = [document["n"] for document in db.query({name: condition})]
            assert found == expected, (name, condition, found)


def test_tags_and_other_conditions_must_all_hold():
    db = MicroTetherDB()
    for n in range(20):
        db.put({"n": n}, tags=["low" if n < 10 else "high", "t%d" % (n % 3)])
    found = db.query({"tags": "low", "n": {"$gt": 3}, "_tags": "t1"})
    assert [document["n"] for document in found] == [4, 7]
    assert [document["n"] for document in db.query({"tags": "high", "$limit": 2})] == [10, 11]
    assert db.query({"tags": "low", "n": 15}) == []


def test_a_field_of_the_name_tags_is_searched_with_the_tags():
    db = MicroTetherDB()
    db.put("a", {"n": 1, "tags": ["field"]}, tags=["tag"])
    db.put("b", {"n": 2, "tags": "field"})
    db.put("c", {"n": 3}, tags=["field"])
    db.put("d", {"n": 4, "tags": ["tag"]})
    db.put("e", {"n": 5})

    def numbers(query):
        return [document["n"] for document in db.query(query)]

    assert numbers({"tags": "field"}) == [1, 2, 3]
    assert numbers({"tags": "tag"}) == [1, 4]
    assert numbers({"_tags": "field"}) == [3] and numbers({"_tags": "tag"}) == [1]
    assert numbers({"tags": {"$contains": "field"}}) == [1, 2, 3]
    assert numbers({"tags": {"$in": ["field"]}}) == [1, 2, 3]
    assert numbers({"tags": {"$exists": True}}) == [1, 2, 3, 4]
    assert numbers({"tags": {"$exists": False}}) == [5]
    assert numbers({"_tags": {"$exists": False}}) == [2, 4, 5]


def test_tags_go_with_their_record():
    db = MicroTetherDB()
    for n in range(20):
        db.put("k%02d" % n, {"n": n}, tags=["t"])
    for n in range(0, 20, 2):
        db.delete("k%02d" % n)
    db.put("k01", {"n": 1}, tags=["u"])
    db.put("k03", {"n": 3})
    db["k05"] = {"n": 5}
    assert [document["n"] for document in db.query({"tags": "t"})] == [7, 9, 11, 13, 15, 17, 19]
    assert [document["n"] for document in db.query({"tags": "u"})] == [1]


def test_many_different_tags_are_all_found():
    # More than a table of names of any sensible size holds.
    db = MicroTetherDB(ram_percentage=50)
    for n in range(700):
        db.put("k", {"n": n}, tags=["tag%d" % n, "constant"])
        assert db.query({"tags": "tag%d" % n}) == [{"n": n, "_tags": ["tag%d" % n, "constant"]}], n
    assert db.query({"tags": "tag698"}) == [] and len(db.query({"tags": "constant"})) == 1
