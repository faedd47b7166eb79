"""db[key][field] = …: what db[key] returns for a dict or a list writes itself back."""

import json

from microtetherdb import MicroTetherDB
from runner import raises, refused, same


def one(value, **more):
    db = MicroTetherDB()
    db.put("k", value, **more)
    return db, db["k"]


def test_a_field_that_is_set_is_set_in_the_store():
    db, document = one({"name": "John", "age": 30})
    document["age"] = 31
    assert document == {"name": "John", "age": 31} and db.get("k") == {"name": "John", "age": 31}
    db["k"]["city"] = "Paris"
    assert db.get("k") == {"name": "John", "age": 31, "city": "Paris"}
    db["k"]["age"] += 1
    assert db.get("k")["age"] == 32


def test_every_way_to_change_a_dict_writes_it_back():
    def delete(d):
        del d["a"]

    for change, expected in (
        (delete, {"b": 2}),
        (lambda d: d.pop("a"), {"b": 2}),
        (lambda d: d.pop("x", None), {"a": 1, "b": 2}),
        (lambda d: d.update({"a": 5, "c": 6}), {"a": 5, "b": 2, "c": 6}),
        (lambda d: d.update(c=7), {"a": 1, "b": 2, "c": 7}),
        (lambda d: d.setdefault("c", [1]), {"a": 1, "b": 2, "c": [1]}),
        (lambda d: d.setdefault("a", 9), {"a": 1, "b": 2}),
        (lambda d: d.clear(), {}),
    ):
        db, document = one({"a": 1, "b": 2})
        change(document)
        assert document == expected and same(db.get("k"), expected), (expected, db.get("k"))
    db, document = one({"a": 1})
    assert document.popitem() == ("a", 1) and db.get("k") == {}


def test_every_way_to_change_a_list_writes_it_back():
    def assign(items):
        items[1] = "x"

    def delete(items):
        del items[0]

    def extend_in_place(items):
        items += [4, 5]

    def repeat_in_place(items):
        items *= 2

    for change, expected in (
        (assign, [3, "x", 2]),
        (delete, [1, 2]),
        (extend_in_place, [3, 1, 2, 4, 5]),
        (repeat_in_place, [3, 1, 2, 3, 1, 2]),
        (lambda l: l.append(9), [3, 1, 2, 9]),
        (lambda l: l.extend([7, 8]), [3, 1, 2, 7, 8]),
        (lambda l: l.insert(1, 9), [3, 9, 1, 2]),
        (lambda l: l.pop(), [3, 1]),
        (lambda l: l.pop(0), [1, 2]),
        (lambda l: l.remove(1), [3, 2]),
        (lambda l: l.reverse(), [2, 1, 3]),
        (lambda l: l.sort(), [1, 2, 3]),
        (lambda l: l.sort(reverse=True), [3, 2, 1]),
        (lambda l: l.clear(), []),
    ):
        db, items = one([3, 1, 2])
        change(items)
        assert items == expected and same(db.get("k"), expected), (expected, items, db.get("k"))


def test_a_slice_that_is_assigned_is_written_back():
    db, items = one([1, 2, 3, 4])
    items[1:3] = ["x", "y"]
    assert items == [1, "x", "y", 4] and db.get("k") == [1, "x", "y", 4]


def test_changes_deep_inside_write_back_too():
    db, document = one({"a": {"b": [1, {"c": 2}]}, "l": [[1], [2]]})
    document["a"]["b"][1]["c"] = 3
    document["a"]["b"].append(4)
    document["l"][0].append(5)
    db["k"]["l"][1] = "new"
    assert db.get("k") == {"a": {"b": [1, {"c": 3}, 4]}, "l": [[1, 5], "new"]}


def test_what_was_put_inside_is_live_as_well():
    db, document = one({})
    document["inner"] = {"n": 1}
    document["inner"]["n"] = 2
    document.setdefault("list", []).append(3)
    document["list"].append({"m": 4})
    document["list"][1]["m"] = 5
    assert document == {"inner": {"n": 2}, "list": [3, {"m": 5}]}
    assert db.get("k") == document


def test_the_value_put_inside_is_not_shared_with_the_caller():
    mine = {"n": [1]}
    db, document = one({})
    document["inner"] = mine
    mine["n"].append(2)
    mine["x"] = 1
    assert db.get("k") == {"inner": {"n": [1]}} and document == {"inner": {"n": [1]}}
    document["inner"]["n"].append(3)
    assert mine == {"n": [1, 2], "x": 1}


def test_inner_values_held_across_other_changes_still_write_back():
    db, document = one({"a": {"n": 1}, "b": [1]})
    a, b = document["a"], document["b"]
    document["c"] = 1
    a["n"] = 2
    b.append(2)
    document["d"] = 2
    assert db.get("k") == document == {"a": {"n": 2}, "b": [1, 2], "c": 1, "d": 2}


def test_memory_and_store_say_the_same_when_an_inner_value_was_cut_off():
    db, document = one({"a": {"n": 1}, "l": [[1], [2]]})
    inner, first = document["a"], document["l"][0]
    document["a"] = 5
    document["l"].pop(0)
    for change in (lambda: inner.update(n=2), lambda: first.append(9)):
        try:
            change()
        except KeyError:
            pass
        assert db.get("k") == document == {"a": 5, "l": [[2]]}, (document, db.get("k"))


def test_ttl_and_tags_stay():
    db, document = one({"n": 1}, ttl=1000, tags=["t", "u"])
    document["n"] = 2
    document["m"] = [1]
    document["m"].append(2)
    assert db.get("k") == {"n": 2, "m": [1, 2], "_tags": ["t", "u"]}
    assert db.tags("k") == ["t", "u"] and db.stats()["ttl_records"] == 1
    assert db.query({"tags": "u", "n": 2}) == [db.get("k")] and db.query({"n": 1}) == []
    db, items = one([1], ttl=1000, tags=["t"])
    items.append(2)
    assert db.query({"tags": "t"}) == [[1, 2]] and db.stats()["ttl_records"] == 1


def test_a_refused_change_is_in_neither_memory_nor_store():
    def set_bad(document):
        document["n"] = object()

    def set_large(document):
        document["n"] = "x" * 8200

    def append_bad(document):
        document["l"].append({1, 2})

    def set_deep(document):
        document["d"]["x"] = float("nan")

    for change, error in (
        (set_bad, TypeError),
        (set_large, ValueError),
        (append_bad, TypeError),
        (set_deep, ValueError),
        (lambda d: d.update({"n": 2, "x": b"bytes"}), TypeError),
        (lambda d: d.setdefault("x", object()), TypeError),
        (lambda d: d["l"].extend([5, object()]), TypeError),
        (lambda d: d["l"].insert(0, float("inf")), ValueError),
        (lambda d: d["l"].remove(99), ValueError),
        (lambda d: d["l"].pop(99), IndexError),
        (lambda d: d.pop("x"), KeyError),
    ):
        db, document = one({"n": 1, "l": [1, 2], "d": {}}, tags=["t"])
        refused(db, error, change, document)
        assert document == {"n": 1, "l": [1, 2], "d": {}, "_tags": ["t"]} == db.get("k"), document
        document["n"] = 5
        assert db.get("k")["n"] == 5


def test_a_field_name_must_be_str_here_too():
    def change(document):
        document[5] = 1

    db, document = one({"n": 1})
    refused(db, TypeError, change, document)
    assert document == {"n": 1}


def test_a_change_after_the_record_was_deleted_is_a_key_error():
    def set_field(document):
        document["n"] = 2

    db, document = one({"n": 1, "l": [1]})
    items = document["l"]
    del db["k"]
    refused(db, KeyError, set_field, document)
    refused(db, KeyError, items.append, 2)
    refused(db, KeyError, document.clear)
    assert document == {"n": 1, "l": [1]} and items == [1] and "k" not in db


def test_a_change_after_the_record_was_replaced_is_a_key_error():
    def set_field(document):
        document["n"] = 2

    db, document = one({"n": 1})
    db["k"] = {"n": 100, "other": True}
    refused(db, KeyError, set_field, document)
    assert document == {"n": 1} and db.get("k") == {"n": 100, "other": True}
    db, document = one({"n": 1})
    db["k"] = [1]
    refused(db, KeyError, set_field, document)
    db, document = one({"n": 1})
    db.delete(purge=True)
    refused(db, KeyError, set_field, document)


def test_no_change_is_lost_between_two_views_of_one_record():
    db, first = one({"a": 1, "b": 1})
    second = db["k"]
    first["a"] = 2
    try:
        second["b"] = 2
        assert db.get("k") == {"a": 2, "b": 2}
    except KeyError:
        assert db.get("k") == {"a": 2, "b": 1}
    db["k"]["b"] = 3
    assert db.get("k") == {"a": 2, "b": 3}


def test_a_live_document_is_a_dict_and_a_live_list_a_list_to_read():
    db, document = one({"a": 1, "l": [3, 1, 2], "d": {"x": None}})
    assert isinstance(document, dict) and isinstance(document["l"], list) and isinstance(document["d"], dict)
    assert (
        document == {"a": 1, "l": [3, 1, 2], "d": {"x": None}}
        and {"a": 1, "l": [3, 1, 2], "d": {"x": None}} == document
    )
    assert len(document) == 3 and "a" in document and "z" not in document and document.get("z", 5) == 5
    assert sorted(document.keys()) == ["a", "d", "l"] and len(list(document.items())) == 3
    assert json.loads(json.dumps(document)) == document and eval(repr(document)) == document
    items = document["l"]
    assert items == [3, 1, 2] and len(items) == 3 and 1 in items and items[-1] == 2 and items[0:2] == [3, 1]
    assert (
        sorted(items) == [1, 2, 3] and [n for n in items] == [3, 1, 2] and items.index(2) == 2 and items.count(3) == 1
    )
    assert items + [4] == [3, 1, 2, 4] and items * 2 == [3, 1, 2, 3, 1, 2] and json.dumps(items) == "[3, 1, 2]"
    assert [4] + items == [4, 3, 1, 2] and 2 * items == [3, 1, 2, 3, 1, 2] and type([4] + items) is list
    raises(TypeError, lambda: (4,) + items)
    raises(TypeError, lambda: "x" * items)
    raises(KeyError, lambda: document["z"])
    raises(IndexError, lambda: items[9])
    raises(TypeError, type(items).append, [1], 2, says="from a database")


def test_copies_are_plain():
    db, document = one({"n": 1, "l": [1]})
    for copy in (document.copy(), dict(document), document | {"x": 1}, {"x": 1} | document):
        copy["n"] = 2
        copy["new"] = 3
        assert db.get("k") == {"n": 1, "l": [1]} == document, copy
    db, items = one([1, 2])
    for copy in (items.copy(), list(items), items[:], items + [3], items * 2):
        copy.append(9)
        copy[0] = 8
        assert db.get("k") == [1, 2] == items, copy


def test_what_the_other_reads_return_is_plain():
    db, _ = one({"n": 1, "l": [1]})
    for document in (
        db.get("k"),
        db.query({})[0],
        db.query({}, keys=True)[0][1],
        next(db.find({})),
        next(iter(db.values())),
        next(iter(db.items()))[1],
    ):
        document["n"] = 2
        document["l"].append(2)
        assert db.get("k") == {"n": 1, "l": [1]}


def test_values_that_cannot_change_are_given_as_they_are():
    db = MicroTetherDB()
    for value in (1, 2.5, "text", None, True):
        db["k"] = value
        assert type(db["k"]) is type(value) and db["k"] == value


def test_a_live_document_can_be_stored_elsewhere():
    db, document = one({"n": 1, "l": [1]})
    db["copy"] = document
    db.put("inner", {"list": document["l"]})
    document["n"] = 2
    document["l"].append(2)
    assert db.get("copy") == {"n": 1, "l": [1]} and db.get("inner") == {"list": [1]}
    db["copy"]["l"].append(3)
    assert document == {"n": 2, "l": [1, 2]} == db.get("k")
    document["inner"] = document["l"]
    document["inner"].append(4)
    assert document["inner"] == [1, 2, 4] and db.get("k") == document


def test_a_document_put_inside_itself_is_a_copy_or_refused():
    db, document = one({"n": 1})
    try:
        document["self"] = document
        assert document == {"n": 1, "self": {"n": 1}}
    except ValueError:
        assert document == {"n": 1}
    assert db.get("k") == document


def test_each_record_can_be_changed_while_iterating():
    db = MicroTetherDB()
    for n in range(30):
        db["k%02d" % n] = {"n": n, "seen": 0}
    for key in db:
        db[key]["seen"] += 1
        db[key]["text"] = "longer than before " * 3
    assert [(d["n"], d["seen"]) for d in db.values()] == [(n, 1) for n in range(30)]


def test_a_document_can_grow_and_shrink_over_page_sizes():
    db = MicroTetherDB(ram_percentage=50)
    db.put("a", 1)
    db.put("k", {"l": []}, ttl=1000, tags=["t"])
    db.put("z", 2)
    document = db["k"]
    for n in range(120):
        document["l"].append("item %d" % n)
    assert db.get("k") == {"l": ["item %d" % n for n in range(120)], "_tags": ["t"]}
    while document["l"]:
        document["l"].pop()
    assert db.get("k") == {"l": [], "_tags": ["t"]} and db.get("a") == 1 and db.get("z") == 2
    assert db.stats()["ttl_records"] == 1 and len(db.query({"tags": "t"})) == 1


def test_a_change_in_a_transaction_is_rolled_back_in_the_store():
    db, document = one({"n": 1}, tags=["t"])
    try:
        with db.transaction():
            document["n"] = 2
            db["k"]["m"] = 3
            raise IndexError
    except IndexError:
        pass
    assert db.get("k") == {"n": 1, "_tags": ["t"]}
    db["k"]["n"] = 4
    assert db.get("k") == {"n": 4, "_tags": ["t"]}


def test_the_tags_cannot_be_changed_in_a_document():
    def in_place(document):
        document["_tags"] += ["u"]

    for change in (
        lambda document: document.update({"n": 2, "_tags": ["u"]}),
        lambda document: document.setdefault("_tags", 1),
        lambda document: document.pop("_tags"),
        lambda document: document["_tags"].append("u"),
        in_place,
        lambda document: document.__setitem__("_tags", ["t"]),
        lambda document: document.__delitem__("_tags"),
    ):
        db, document = one({"n": 1}, tags=["t"])
        raises(ValueError, change, document, says="tags=")
        assert document == db.get("k") == {"n": 1, "_tags": ["t"]} and db.tags("k") == ["t"]
        document["n"] = 2
        assert db.get("k") == {"n": 2, "_tags": ["t"]}
    db, document = one({"n": 1})
    raises(ValueError, document.update, {"_tags": ["u"]}, says="tags=")
    assert document == db.get("k") == {"n": 1}


def test_a_copy_of_the_tags_inside_a_document_is_a_list_like_any_other():
    db, document = one({"n": {}}, tags=["t"])
    document["copy"] = document["_tags"]
    document["n"]["copy"] = document["_tags"]
    document["copy"].append("u")
    document["n"]["copy"].append("v")
    assert document == db.get("k") == {"n": {"copy": ["t", "v"]}, "copy": ["t", "u"], "_tags": ["t"]}
    raises(ValueError, document["_tags"].append, "w", says="_tags")


def test_a_change_that_changes_what_it_changes_takes_nothing_back():
    def more():
        yield 3
        document["l"].append(4)
        yield 5

    db, document = one({"l": [2, 1], "d": {"a": 1}})
    raises(RuntimeError, document["l"].extend, more())
    assert document == db.get("k") == {"l": [2, 1, 4], "d": {"a": 1}}
    raises(RuntimeError, lambda: document["l"].sort(key=lambda n: document["l"].append(n) or n))
    assert document == db.get("k") and document["l"][:3] == [2, 1, 4]
    # Other parts of the document may change meanwhile.
    document["d"].update([("b", document["l"].pop(0)), ("c", document["l"].pop(0))])
    document["l"].extend([document["d"].setdefault(key, 9) for key in "ax"])
    assert document == db.get("k") and document["d"] == {"a": 1, "b": 2, "c": 1, "x": 9}


def test_a_change_after_close_says_that_the_database_is_closed():
    def change():
        document["n"] = 2

    db, document = one({"n": 1})
    db.close()
    raises(ValueError, change, says="database is closed")
    assert document == {"n": 1}
