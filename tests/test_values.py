"""What can be stored, and that it comes back as it went in."""

from microtetherdb import MicroTetherDB
from runner import raises, refused, same

GOOD = (
    None,
    True,
    False,
    0,
    1,
    -1,
    127,
    128,
    255,
    256,
    65535,
    65536,
    2**30,
    -(2**30),
    2**31,
    2**32 + 5,
    2**62,
    2**63 - 1,
    -(2**63),
    2**63,
    -(2**63) - 1,
    2**64,
    10**40,
    -(10**40),
    3**300,
    0.0,
    1.0,
    -1.5,
    0.1,
    1e-7,
    123456.75,
    1e20,
    1e30,
    -1e-30,
    "",
    "a",
    "text",
    "Grüße",
    "€",
    "😀",
    "a\0b",
    "\x01\x1f",
    '"quoted" \\ \n',
    "x" * 300,
    [],
    [1, 2.0, "3", None, True],
    [[], [[]], [[], [1]]],
    {},
    {"a": 1},
    {"a": {"b": {"c": [1, {"d": 2}]}}},
    {"": 1, "a.b": 2, "$x": 3, "ä": 4, "x" * 70: 5, "_id": 6, "tags": ["t"]},
    [{"a": 1}, {"a": 2.5}, {"b": "c"}],
)


def test_every_kind_of_value_comes_back_as_it_went_in():
    db = MicroTetherDB()
    for value in GOOD:
        db.put("k", value)
        assert same(db.get("k"), value), (value, db.get("k"))
        db.put("k", {"field": value})
        assert same(db.get("k"), {"field": value}), value
        db.put("k", [value, value])
        assert same(db.get("k"), [value, value]), value
        key = db.put(value)
        assert same(db.get(key), value), value
        db.delete(key)
    assert len(db) == 1


def test_values_side_by_side_are_not_mixed_up():
    db = MicroTetherDB()
    for n, value in enumerate(GOOD):
        db.put("k%02d" % n, value)
    for n, value in enumerate(GOOD):
        assert same(db.get("k%02d" % n), value), value
    assert same(db.query({}), list(GOOD))


def test_int_float_and_bool_keep_their_types():
    db = MicroTetherDB()
    for value in (1, 1.0, True, 0, 0.0, False):
        db.put("k", value)
        assert type(db.get("k")) is type(value) and db.get("k") == value, value


def test_minus_zero_keeps_its_sign():
    db = MicroTetherDB()
    db.put("k", -0.0)
    assert str(db.get("k")) == "-0.0"


def test_a_tuple_comes_back_as_a_list():
    db = MicroTetherDB()
    db.put("k", (1, (2, 3), {"a": (4,)}, ()))
    assert same(db.get("k"), [1, [2, 3], {"a": [4]}, []])


def test_an_ordered_dict_comes_back_as_a_dict():
    from collections import OrderedDict

    db = MicroTetherDB()
    db.put("k", OrderedDict([("b", 1), ("a", 2)]))
    assert same(db.get("k"), {"a": 2, "b": 1})


def test_a_dict_of_many_fields_and_a_long_list_come_back():
    db = MicroTetherDB(ram_percentage=40)
    wide = dict(("field%d" % n, n) for n in range(200))
    db.put("wide", wide)
    assert same(db.get("wide"), wide)
    db.put("long", list(range(500)))
    assert same(db.get("long"), list(range(500)))


def test_names_beyond_what_a_table_of_names_can_hold_are_stored_as_well():
    db = MicroTetherDB(ram_percentage=40)
    for n in range(700):
        db.put("k", {"name%d" % n: n, "also": {"in%d" % n: -n}})
        assert same(db.get("k"), {"name%d" % n: n, "also": {"in%d" % n: -n}}), n
    assert db.query({"name699": 699}) == [db.get("k")]
    assert db.query({"also.in699": -699}) == [db.get("k")]
    assert db.query({"name698": 698}) == []


def test_what_json_cannot_hold_is_a_type_error_naming_the_type():
    class Thing:
        pass

    db = MicroTetherDB()
    db.put("k", {"n": 1})
    for bad, name in (
        (b"bytes", "bytes"),
        (bytearray(2), "bytearray"),
        ({1, 2}, "set"),
        (range(3), "range"),
        (Thing(), "Thing"),
        (Thing, "type"),
        (raises, "function"),
        (memoryview(b"x"), "memoryview"),
        (object(), "object"),
        (1j, "complex"),
    ):
        refused(db, TypeError, db.put, "k", bad, says=name)
        refused(db, TypeError, db.put, "new", bad, says=name)
        refused(db, TypeError, db.put, bad, says=name)
        refused(db, TypeError, db.put, "k", {"a": [1, {"b": bad}]}, says=name)
        refused(db, TypeError, db.put_batch, [{"n": 2}, (bad,)], says=name)


def test_dict_keys_must_be_str():
    db = MicroTetherDB()
    for bad in ({1: 2}, {None: 1}, {(1, 2): 3}, {"a": {b"b": 1}}, [{"a": 1, 2: 3}]):
        refused(db, TypeError, db.put, "k", bad)


def test_nan_and_infinities_are_value_errors():
    db = MicroTetherDB()
    db.put("k", 1.5)
    for bad in (float("nan"), float("inf"), -float("inf")):
        refused(db, ValueError, db.put, "k", bad)
        refused(db, ValueError, db.put, "k", {"a": [bad]})
        refused(db, ValueError, db.put_batch, [1.0, bad])


def nested(depth, make):
    value = 1
    for _ in range(depth):
        value = make(value)
    return value


def test_nesting_goes_to_a_depth_of_32():
    db = MicroTetherDB()
    for make in (lambda inner: [inner], lambda inner: {"a": inner}, lambda inner: [0, {"a": inner}]):
        deepest = 16 if make(0) == [0, {"a": 0}] else 32
        db.put("k", nested(deepest, make))
        assert same(db.get("k"), nested(deepest, make))
        refused(db, ValueError, db.put, "k", nested(deepest + 1, make), says="32")
        refused(db, ValueError, db.put, "k", nested(100, make), says="32")


def test_a_value_without_end_as_json_is_refused_at_once():
    db = MicroTetherDB()
    doubled = "a"
    for _ in range(31):
        doubled = [doubled, doubled]
    refused(db, ValueError, db.put, "k", doubled, says=("at least", "8192"))
    bits = 300000  # made at run time: the compiler would put the number into the file
    refused(db, ValueError, db.put, "k", {"a": 1 << bits}, says=("at least", "8192"))
    refused(db, ValueError, db.put, "k", [1 << bits] * 5, tags=["t"], says=("at least", "8192"))


def test_no_code_of_a_key_runs_while_its_dict_is_stored():
    class Key:
        def __init__(self, number):
            self.number = number

        def __hash__(self):
            return self.number

        def __eq__(self, other):
            calls.append(other)
            if asked:
                fields.clear()
            return False

    db = MicroTetherDB()
    calls, asked, tags, fields = [], [], ["t"], {}
    for number in range(40):
        fields[Key(number)] = tags
        fields["f%d" % number] = tags
    fields["_tags"] = tags
    calls.clear()
    asked.append(True)
    refused(db, TypeError, db.put, "k", fields, says="Key")
    assert calls == [] and len(fields) == 81


def test_a_list_that_holds_itself_is_a_value_error():
    db = MicroTetherDB()
    endless = [1]
    endless.append(endless)
    refused(db, ValueError, db.put, "k", endless)
    refused(db, ValueError, db.put, {"a": endless})
    endless.clear()
