"""find: a query's documents one after the other, while the database changes."""

from microtetherdb import MicroTetherDB
from runner import raises


def filled(count=20):
    db = MicroTetherDB()
    for n in range(count):
        db.put("k%02d" % n, {"n": n}, tags=["even" if n % 2 == 0 else "odd"])
    return db


def numbers(documents):
    return [document["n"] for document in documents]


def test_find_gives_what_query_gives():
    db = filled()
    for query in ({}, {"n": {"$gte": 7}}, {"tags": "odd"}, {"tags": "even", "n": {"$lt": 9}}, {"n": 99}, {"$limit": 4}):
        assert list(db.find(query)) == db.query(query), query
        assert list(db.find(query, keys=True)) == db.query(query, keys=True), query


def test_find_is_an_iterator_that_ends_for_good():
    db = filled(3)
    found = db.find({})
    assert iter(found) is found
    assert numbers((next(found), next(found), next(found))) == [0, 1, 2]
    raises(StopIteration, next, found)
    db.put("k99", {"n": 99})
    raises(StopIteration, next, found)


def test_a_record_deleted_before_it_is_reached_is_not_shown():
    for query in ({}, {"n": {"$gte": 0}}, {"tags": "odd"}):
        db = filled()
        found = db.find(query)
        first = next(found)["n"]
        db.delete_batch("k%02d" % n for n in range(first, 20) if n % 4 == 3)
        expected = [n for n in range(first + 1, 20) if n % 4 != 3 and (query != {"tags": "odd"} or n % 2)]
        assert numbers(found) == expected, query


def test_the_record_just_shown_can_be_deleted():
    for query in ({}, {"n": {"$gte": 0}}, {"tags": "even"}):
        db = filled()
        shown = []
        for key, document in db.find(query, keys=True):
            shown.append(document["n"])
            assert db.delete(key) == 1
        assert shown == [n for n in range(20) if query != {"tags": "even"} or n % 2 == 0]
        assert numbers(db.query(query)) == []


def test_a_record_added_behind_is_not_shown_and_one_added_ahead_is_shown_once():
    db = filled()
    shown = []
    for key, document in db.find({}, keys=True):
        shown.append(key)
        if key == "k05":
            db.put("k04a", {"n": 0})
            db.put("k05a", {"n": 0})
            db.put("k99", {"n": 0})
    assert "k04a" not in shown and shown == sorted(set(shown))
    assert shown == sorted(["k%02d" % n for n in range(20)] + ["k05a", "k99"])


def test_a_record_replaced_meanwhile_is_shown_once_as_it_is_when_reached():
    db = filled()
    shown = []
    for key, document in db.find({}, keys=True):
        shown.append((key, document["n"]))
        db.put(key, {"n": -1})
        if key == "k03":
            db.put("k10", {"n": 1000, "text": "x" * 100})
    assert shown == [("k%02d" % n, 1000 if n == 10 else n) for n in range(20)]


def test_a_record_that_stops_matching_is_not_shown():
    db = filled()
    found = db.find({"n": {"$lt": 10}})
    assert next(found) == {"n": 0, "_tags": ["even"]}
    db.put("k05", {"n": 500})
    db.put("k15", {"n": 5})
    assert numbers(found) == [1, 2, 3, 4, 6, 7, 8, 9, 5]


def test_emptying_the_database_ends_the_search():
    db = filled()
    found = db.find({})
    by_tag = db.find({"tags": "odd"})
    next(found)
    next(by_tag)
    db.delete(purge=True)
    assert list(found) == [] and list(by_tag) == []
    found = db.find({})
    db.put("a", {"n": 1})
    assert numbers(found) == [1]


def test_a_search_goes_on_where_the_tree_was_rebuilt_meanwhile():
    db = filled()
    found = db.find({}, keys=True)
    assert next(found)[0] == "k00"
    for n in range(100):
        db.put("k%02d.%03d" % (5, n), {"n": n})
    assert next(found)[0] == "k01"
    db.delete_batch("k05.%03d" % n for n in range(100))
    assert [key for key, _ in found] == ["k%02d" % n for n in range(2, 20)]


def test_searches_do_not_disturb_one_another():
    db = filled(6)
    pairs = [(a["n"], b["n"]) for a in db.find({}) for b in db.find({"n": {"$gt": a["n"]}})]
    assert pairs == [(a, b) for a in range(6) for b in range(a + 1, 6)]


def test_a_limit_counts_what_was_shown():
    db = filled()
    found = db.find({"tags": "even", "$limit": 3})
    assert next(found)["n"] == 0
    db.delete("k02")
    assert numbers(found) == [4, 6]


def test_a_search_ends_with_an_error_when_the_database_is_closed():
    db = filled()
    found = db.find({})
    next(found)
    db.close()
    raises(ValueError, next, found, says="database is closed")


def test_the_query_can_be_given_by_name():
    db = filled(3)
    assert db.query(q={"n": 1}, keys=True) == list(db.find(keys=True, q={"n": 1})) == [("k01", db.get("k01"))]
    raises(TypeError, db.query, keys=True)
    raises(TypeError, db.find)


def test_a_search_holds_what_it_needs_of_a_database_nobody_else_holds():
    import gc

    found = filled().find({"n": {"$gte": 15}})
    gc.collect()
    churn = [bytearray(100) for _ in range(50)]
    assert numbers(found) == [15, 16, 17, 18, 19] and len(churn) == 50
