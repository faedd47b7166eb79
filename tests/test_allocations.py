"""What the calls take of the heap, counted with gc.mem_alloc() while the collector is off."""

import gc

from microtetherdb import MicroTetherDB
from runner import raises

HEAP = "2M"  # some of it holds thousands of records


def taken(call):
    """Bytes that one call allocates, garbage included."""
    gc.collect()
    gc.disable()
    try:
        before = gc.mem_alloc()
        call()
        return gc.mem_alloc() - before
    finally:
        gc.enable()


def filled(count, **more):
    db = MicroTetherDB(ram_percentage=50)
    for n in range(count):
        db.put("k%05d" % n, {"n": n, "text": "some text", "inner": {"l": [1, 2, 3]}}, **more)
    return db


def test_a_query_allocates_nothing_for_documents_that_do_not_match():
    few, many = filled(100, tags=["t"]), filled(3000, tags=["t"])
    for query in (
        {"n": -1},
        {"n": {"$gt": 10**6}},
        {"text": {"$contains": "none"}},
        {"inner.l": 9},
        {"missing": 1},
        {"text": {"$in": ["a", "b"]}},
        {"inner": {"l": [9]}},
        {"tags": "other"},
        {"tags": "t", "n": -1},
        {"n": {"$gte": 0, "$lt": 0}},
        {"missing": {"$exists": True}},
    ):
        for search in (
            lambda db: db.query(query),
            lambda db: db.query(query, keys=True),
            lambda db: list(db.find(query)),
        ):
            assert search(many) == []
            assert taken(lambda: search(many)) == taken(lambda: search(few)), query


def test_what_a_query_allocates_is_for_its_matches():
    few, many = filled(100), filled(3000)
    query = {"n": {"$gte": 40, "$lt": 50}}
    assert few.query(query) == many.query(query)
    assert taken(lambda: many.query(query)) == taken(lambda: few.query(query))


def test_membership_and_length_and_deleting_allocate_the_same_in_any_database():
    few, many = filled(100), filled(3000)
    for call in (
        lambda db: "k00050" in db,
        lambda db: "missing" in db,
        len,
        lambda db: db.get("missing"),
        lambda db: db.get("k00050"),
        lambda db: db.delete("missing"),
    ):
        assert taken(lambda: call(many)) == taken(lambda: call(few))
    assert taken(lambda: "k00050" in many) == 0 and taken(lambda: many.get("missing")) == 0


def test_find_and_iteration_hold_one_document_at_a_time():
    db = filled(1000)
    for walk in (lambda: db.find({}), lambda: db.values(), lambda: db.items(), lambda: db.keys()):
        steps = iter(walk())
        next(steps)
        gc.collect()
        first = gc.mem_alloc()
        for _ in range(900):
            next(steps)
        gc.collect()
        assert gc.mem_alloc() <= first + 200, (first, gc.mem_alloc())


def test_a_thousand_documents_fit_in_50_000_bytes():
    # The shape and the size of documents of the benchmark, generated keys.
    documents = [
        {"name": "name%d" % (n % 50), "age": n % 90, "city": "city number %02d" % (n % 30)} for n in range(1000)
    ]
    gc.collect()
    before = gc.mem_alloc()
    db = MicroTetherDB(ram_percentage=50)
    for document in documents:
        db.put(document)
    gc.collect()
    assert gc.mem_alloc() - before <= 50000, gc.mem_alloc() - before
    assert len(db) == 1000


def test_a_ttl_costs_at_most_24_bytes_and_the_key():
    def held(ttl):
        gc.collect()
        before = gc.mem_alloc()
        db = MicroTetherDB(ram_percentage=50)
        for n in range(2000):
            db.put("k%05d" % n, n, ttl=ttl)
        gc.collect()
        return gc.mem_alloc() - before, len(db)

    (without, _), (with_ttl, count) = held(None), held(10000)
    assert count == 2000
    assert with_ttl - without <= 2000 * (24 + 6), (with_ttl - without) / 2000


def test_a_refused_put_holds_nothing():
    db = filled(20)
    gc.collect()
    before = gc.mem_alloc()
    for _ in range(200):
        raises(TypeError, db.put, "k", {"a": [1, object()]})
    gc.collect()
    assert gc.mem_alloc() <= before + 500, gc.mem_alloc() - before
