"""Queries that are none: a ValueError or TypeError that says what would be right."""

from microtetherdb import MicroTetherDB
from runner import refused

OPERATORS = ("$eq", "$gt", "$gte", "$lt", "$lte", "$in", "$ne", "$exists", "$contains")


def filled():
    db = MicroTetherDB()
    db.put_batch([{"n": n, "s": "text", "d": {"x": n}} for n in range(5)])
    return db


def refused_query(error, query, says=()):
    """query() and find() both refuse it; find() at the call or at its first result."""
    db = filled()
    refused(db, error, db.query, query, says=says)
    refused(db, error, lambda: next(db.find(query)), says=says)
    assert len(db.query({"n": {"$gt": 2}})) == 2
    # A query is refused for what it is, not for what it meets.
    refused(MicroTetherDB(), error, MicroTetherDB().query, query, says=says)


def test_an_unknown_operator_is_named_and_the_known_are_listed():
    for name in ("$regex", "$", "$GT", "$nin", "$existss", "$limit"):
        refused_query(ValueError, {"n": {name: 1}}, says=(name,) + OPERATORS)
    refused_query(ValueError, {"n": {"$gt": 1, "$mod": 2}}, says=("$mod",) + OPERATORS)


def test_an_unknown_name_at_the_top_is_named():
    for name in ("$or", "$and", "$limits", "$gt", "$"):
        refused_query(ValueError, {"n": 1, name: [{"n": 1}]}, says=name)


def test_operators_and_other_names_in_one_dict_are_refused():
    refused_query(ValueError, {"d": {"$gt": 1, "x": 2}})
    refused_query(ValueError, {"d": {"x": 2, "$gt": 1}})


def test_an_operand_of_the_wrong_type_is_refused_naming_the_operator():
    for operator, operands in (
        ("$in", (5, "text", None, {"a": 1})),
        ("$exists", ("yes", None, [True], {"a": 1})),
        ("$gt", ([1], {"a": 1})),
        ("$gte", ([1], {"a": 1})),
        ("$lt", ([1], {"a": 1})),
        ("$lte", ([1], {"a": 1})),
    ):
        for operand in operands:
            refused_query(ValueError, {"n": {operator: operand}}, says=operator)


def test_a_limit_is_a_non_negative_int():
    for limit in (-1, 1.5, "5", None, [1], {"$gt": 1}):
        refused_query(ValueError, {"n": 1, "$limit": limit}, says="$limit")


def test_a_query_is_a_dict():
    for query in (None, 5, "n", [("n", 1)], [{"n": 1}]):
        refused_query(TypeError, query)


def test_field_names_are_str():
    for query in ({5: 1}, {"n": 1, None: 2}, {b"n": 1}):
        refused_query(TypeError, query)


def test_operands_are_values_a_database_can_hold():
    for bad in (b"bytes", object(), {1, 2}):
        refused_query((TypeError, ValueError), {"n": bad})
        refused_query((TypeError, ValueError), {"n": {"$eq": bad}})
        refused_query((TypeError, ValueError), {"n": {"$in": [1, bad]}})


def test_query_and_find_want_a_query():
    db = filled()
    refused(db, TypeError, db.query)
    refused(db, TypeError, db.find)
    refused(db, TypeError, db.query, {}, no_such=1)


def test_a_query_nested_without_end_is_refused():
    endless = []
    endless.append(endless)
    refused_query((ValueError, TypeError), {"n": endless})
    deep = 1
    for _ in range(200):
        deep = {"a": deep}
    refused_query(ValueError, {"n": deep})
    endless.clear()
