"""What every operator matches: each table says for a query which of the documents it finds."""

from microtetherdb import MicroTetherDB
from runner import same


def check(documents, table):
    """`table`: pairs of a query and the indices of the documents it finds."""
    db = MicroTetherDB()
    for document in documents:
        db.put(document)
    for query, expected in table:
        found = db.query(query)
        wanted = [documents[index] for index in expected]
        assert found == wanted, "%r gives %r, not %r" % (query, found, wanted)
        assert list(db.find(query)) == wanted, "find(%r)" % query


PEOPLE = (
    {"name": "John", "age": 30, "score": 9.5, "address": {"city": "Paris", "zip": {"code": 75}}},  # 0
    {"name": "Jane", "age": 25, "email": None, "address": {"city": "Rome"}},  # 1
    {"name": "Bob", "age": 35, "active": True, "hobbies": ["chess", "golf"]},  # 2
    {"name": "Ann", "age": 25.0, "active": False, "hobbies": []},  # 3
    {"name": "jo", "age": "30", "hobbies": "chess"},  # 4
)


def test_equality():
    check(
        PEOPLE,
        (
            ({"name": "John"}, [0]),
            ({"name": {"$eq": "John"}}, [0]),
            ({"name": "john"}, []),
            ({"name": ""}, []),
            ({"age": 30}, [0]),
            ({"age": 30.0}, [0]),
            ({"age": 25}, [1, 3]),
            ({"age": "30"}, [4]),
            ({"age": "x"}, []),
            ({"active": True}, [2]),
            ({"active": False}, [3]),
            ({"active": 1}, [2]),
            ({"active": 0.0}, [3]),
            ({}, [0, 1, 2, 3, 4]),
        ),
    )


def test_order():
    check(
        PEOPLE,
        (
            ({"age": {"$gt": 25}}, [0, 2]),
            ({"age": {"$gte": 25}}, [0, 1, 2, 3]),
            ({"age": {"$lt": 30}}, [1, 3]),
            ({"age": {"$lte": 30}}, [0, 1, 3]),
            ({"age": {"$gt": 25, "$lt": 35}}, [0]),
            ({"age": {"$gt": 24.5}}, [0, 1, 2, 3]),
            ({"age": {"$gt": "2"}}, [4]),
            ({"age": {"$gt": "4"}}, []),
            ({"score": {"$gte": 9}}, [0]),
            ({"score": {"$gt": 9.5}}, []),
            ({"name": {"$gt": "Bob"}}, [0, 1, 4]),
            ({"name": {"$lt": "Bob"}}, [3]),
            ({"name": {"$gte": "John"}}, [0, 4]),
            ({"name": {"$lt": ""}}, []),
            ({"name": {"$gte": ""}}, [0, 1, 2, 3, 4]),
            ({"name": {"$gt": 5}}, []),
            ({"active": {"$gt": False}}, [2]),
            ({"active": {"$lt": 1}}, [3]),
            ({"active": {"$gte": 0}}, [2, 3]),
            ({"hobbies": {"$gt": "a"}}, [4]),
            ({"address": {"$gt": 0}}, []),
            ({"email": {"$gte": 0}}, []),
        ),
    )


def test_not_equal():
    check(
        PEOPLE,
        (
            ({"name": {"$ne": "John"}}, [1, 2, 3, 4]),
            ({"age": {"$ne": 25}}, [0, 2, 4]),
            ({"active": {"$ne": True}}, [0, 1, 3, 4]),
            ({"email": {"$ne": None}}, []),
            ({"active": {"$ne": None}}, [2, 3]),
            ({"missing": {"$ne": 5}}, [0, 1, 2, 3, 4]),
            ({"missing": {"$ne": None}}, []),
            ({"hobbies": {"$ne": "chess"}}, [0, 1, 3]),
            ({"hobbies": {"$ne": []}}, [0, 1, 2, 4]),
        ),
    )


def test_one_of_a_list():
    check(
        PEOPLE,
        (
            ({"name": {"$in": ["John", "Bob", "Nobody"]}}, [0, 2]),
            ({"age": {"$in": [25, "30"]}}, [1, 3, 4]),
            ({"name": {"$in": []}}, []),
            ({"hobbies": {"$in": ["golf", "tennis"]}}, [2]),
            ({"hobbies": {"$in": ["chess"]}}, [2, 4]),
            ({"name": {"$in": ("Jane",)}}, [1]),
            ({"age": {"$in": [30.0, None, "x"], "$gt": 1}}, [0]),
            ({"active": {"$in": [1]}}, [2]),
            ({"missing": {"$in": [1, "a", True]}}, []),
        ),
    )


def test_containing():
    check(
        PEOPLE,
        (
            ({"name": {"$contains": "o"}}, [0, 2, 4]),
            ({"name": {"$contains": "Jo"}}, [0]),
            ({"name": {"$contains": ""}}, [0, 1, 2, 3, 4]),
            ({"name": {"$contains": "John Long"}}, []),
            ({"hobbies": {"$contains": "chess"}}, [2, 4]),
            ({"hobbies": {"$contains": "che"}}, [4]),
            ({"age": {"$contains": "3"}}, [4]),
            ({"address": {"$contains": "city"}}, []),
            ({"missing": {"$contains": "x"}}, []),
            ({"email": {"$contains": "x"}}, []),
        ),
    )


def test_existing():
    check(
        PEOPLE,
        (
            ({"email": {"$exists": True}}, [1]),
            ({"email": {"$exists": False}}, [0, 2, 3, 4]),
            ({"address.zip": {"$exists": True}}, [0]),
            ({"address.zip.code.more": {"$exists": True}}, []),
            ({"hobbies": {"$exists": True}}, [2, 3, 4]),
            ({"": {"$exists": True}}, []),
            ({"active": {"$exists": True, "$ne": True}}, [3]),
        ),
    )


def test_missing_fields_equal_none_and_nothing_else():
    check(
        PEOPLE,
        (
            ({"email": None}, [0, 1, 2, 3, 4]),
            ({"active": None}, [0, 1, 4]),
            ({"active": {"$eq": None}}, [0, 1, 4]),
            ({"missing": 0}, []),
            ({"missing": False}, []),
            ({"missing": ""}, []),
            ({"missing": []}, []),
            ({"missing": {}}, []),
            ({"missing": {"$gt": -1}}, []),
            ({"missing": {"$lt": "z"}}, []),
            ({"address.city": None}, [2, 3, 4]),
        ),
    )


def test_nested_fields():
    check(
        PEOPLE,
        (
            ({"address.city": "Paris"}, [0]),
            ({"address.city": {"$gt": "Q"}}, [1]),
            ({"address.zip.code": {"$lte": 75}}, [0]),
            ({"address.zip": {"code": 75}}, [0]),
            ({"address": {"city": "Rome"}}, [1]),
            ({"address": {"city": "Paris"}}, []),
            ({"address.city.name": "Paris"}, []),
            ({"name.first": "John"}, []),
            ({"city": "Paris"}, []),
            ({"address.": "Paris"}, []),
        ),
    )


def test_all_conditions_must_hold():
    check(
        PEOPLE,
        (
            ({"age": 25, "name": "Jane"}, [1]),
            ({"age": 25, "name": "John"}, []),
            ({"age": {"$gte": 25}, "name": {"$contains": "n"}}, [0, 1, 3]),
            ({"age": {"$gte": 25, "$lte": 30, "$ne": 30}}, [1, 3]),
            ({"name": {"$in": ["John", "Ann"]}, "score": {"$exists": False}}, [3]),
        ),
    )


def test_lists_match_as_a_whole_or_by_a_member():
    check(
        ({"l": [1, 2, 3]}, {"l": [3]}, {"l": 3}, {"l": [[3], {"a": 1}]}, {"l": []}, {"l": [True, "x", None, 2.5]}),
        (
            ({"l": 3}, [0, 1, 2]),
            ({"l": [3]}, [1, 3]),
            ({"l": [1, 2, 3]}, [0]),
            ({"l": (1, 2, 3)}, [0]),
            ({"l": []}, [4]),
            ({"l": {"a": 1}}, [3]),
            ({"l": {"$eq": 3}}, [0, 1, 2]),
            ({"l": {"$eq": [1, 2, 3]}}, [0]),
            ({"l": {"$ne": 3}}, [3, 4, 5]),
            ({"l": {"$ne": [3]}}, [0, 2, 4, 5]),
            ({"l": {"$in": [3, 5]}}, [0, 1, 2]),
            ({"l": {"$in": [2, "x"]}}, [0, 5]),
            ({"l": {"$contains": 3}}, [0, 1]),
            ({"l": {"$contains": [3]}}, [3]),
            ({"l": {"$contains": "x"}}, [5]),
            ({"l": 1}, [0, 5]),
            ({"l": 2.5}, [5]),
            ({"l": {"$gt": 0}}, [2]),
            ({"l": {"$exists": True}}, [0, 1, 2, 3, 4, 5]),
            ({"l": [3, 2, 1]}, []),
        ),
    )


def test_dicts_match_as_a_whole():
    check(
        ({"d": {"a": 1, "b": [2, {"c": 3}]}}, {"d": {"a": 1}}, {"d": {}}, {"d": {"a": 1.0}}, {"d": {"b": 1}}),
        (
            ({"d": {"a": 1}}, [1, 3]),
            ({"d": {"b": [2, {"c": 3}], "a": 1}}, [0]),
            ({"d": {}}, [2]),
            ({"d": {"$eq": {"a": 1}}}, [1, 3]),
            ({"d": {"$ne": {"a": 1}}}, [0, 2, 4]),
            ({"d": {"$in": [{}, {"b": 1}]}}, [2, 4]),
            ({"d.b": [2, {"c": 3}]}, [0]),
            ({"d.b": 2}, [0]),
            ({"d.b.c": 3}, []),
        ),
    )


def test_numbers_compare_across_types_and_sizes():
    numbers = (-(2**70), -(2**63), -1, -0.5, 0, 0.5, 1, 2**31, 2**53, 2**63 - 1, 2**63, 2**64, 2**64 + 1, 10**30)
    documents = [{"n": number} for number in numbers]
    table = [({"n": number}, [index]) for index, number in enumerate(numbers) if isinstance(number, int)]
    for index, number in enumerate(numbers):
        if isinstance(number, int):
            table.append(({"n": {"$gt": number}}, list(range(index + 1, len(numbers)))))
            table.append(({"n": {"$lte": number}}, list(range(index + 1))))
    table += [
        ({"n": {"$gt": -0.75}}, list(range(3, len(numbers)))),
        ({"n": False}, [4]),
        ({"n": {"$lt": True}}, [0, 1, 2, 3, 4, 5]),
    ]
    check(documents, table)


def test_strings_compare_by_their_characters():
    texts = ("", "A", "Z", "a", "aa", "ab", "b", "z", "Ä", "€", "😀")
    documents = [{"s": text} for text in texts]
    table = []
    for index, text in enumerate(texts):
        table.append(({"s": {"$gt": text}}, list(range(index + 1, len(texts)))))
        table.append(({"s": {"$lte": text}}, list(range(index + 1))))
        table.append(({"s": text}, [index]))
    check(documents, table + [({"s": {"$contains": "a"}}, [3, 4, 5]), ({"s": {"$contains": "Ä"}}, [8])])


def test_values_that_are_no_dicts_have_no_fields():
    check(
        (5, "n", [1, {"n": 1}], None, {"n": 1}),
        (({}, [0, 1, 2, 3, 4]), ({"n": 1}, [4]), ({"n": {"$exists": True}}, [4]), ({"n": {"$gt": 0}}, [4])),
    )


def test_the_first_documents_in_key_order_fill_the_limit():
    documents = [{"n": n, "even": n % 2 == 0} for n in range(12)]
    check(
        documents,
        (
            ({"$limit": 3}, [0, 1, 2]),
            ({"$limit": 0}, []),
            ({"$limit": 100}, list(range(12))),
            ({"even": True, "$limit": 2}, [0, 2]),
            ({"even": True, "$limit": 6}, [0, 2, 4, 6, 8, 10]),
            ({"n": {"$gt": 8}, "$limit": 5}, [9, 10, 11]),
            ({"n": 11, "$limit": 1}, [11]),
        ),
    )


def test_keys_are_given_with_the_documents_when_asked_for():
    db = MicroTetherDB()
    for n in range(5):
        db.put("k%d" % n, {"n": n})
    pairs = db.query({"n": {"$gte": 3}}, keys=True)
    assert same(pairs[0][1], {"n": 3}) and isinstance(pairs[0], tuple)
    assert pairs == [("k3", {"n": 3}), ("k4", {"n": 4})]
    assert list(db.find({"n": {"$lt": 2}}, keys=True)) == [("k0", {"n": 0}), ("k1", {"n": 1})]
    assert db.query({"n": 9}, keys=True) == []
    assert db.query({"n": 1}, keys=False) == [{"n": 1}]


def test_the_query_is_not_changed():
    db = MicroTetherDB()
    db.put_batch([{"n": n} for n in range(10)])
    query = {"n": {"$gt": 3, "$in": [4, 5, 6]}, "$limit": 2}
    assert db.query(query) == db.query(query) == [{"n": 4}, {"n": 5}]
    list(db.find(query))
    assert query == {"n": {"$gt": 3, "$in": [4, 5, 6]}, "$limit": 2}


def test_a_query_changed_while_its_results_are_fetched_counts_as_it_was():
    db = MicroTetherDB()
    db.put_batch([{"n": n} for n in range(10)])
    query = {"n": {"$gte": 5}}
    found = db.find(query)
    assert next(found) == {"n": 5}
    query["n"]["$gte"] = 8
    query["x"] = 1
    assert list(found) == [{"n": 6}, {"n": 7}, {"n": 8}, {"n": 9}]


def test_documents_larger_than_a_page_are_matched_too():
    db = MicroTetherDB(ram_percentage=50)
    text = "0123456789" * 400
    db.put("a", {"before": 1, "text": text, "after": {"n": 1}, "list": list(range(300))}, tags=["large"])
    db.put("b", {"before": 2, "after": {"n": 2}})
    assert db.query({"before": 1, "after.n": 1}, keys=True)[0][0] == "a"
    assert db.query({"after.n": {"$gte": 2}}) == [{"before": 2, "after": {"n": 2}}]
    assert db.query({"text": text})[0]["text"] == text
    assert db.query({"text": text[:-1]}) == []
    assert len(db.query({"text": {"$contains": "9012345"}})) == 1
    assert len(db.query({"list": 299})) == 1 and db.query({"list": 300}) == []
    assert db.query({"tags": "large"}, keys=True)[0][0] == "a"


def test_a_field_that_no_document_ever_had_is_simply_missing():
    db = MicroTetherDB()
    assert db.query({"never": 1}) == [] and db.query({"never": {"$exists": False}}) == []
    db.put({"n": 1})
    assert db.query({"never": 1}) == [] and db.query({"never": {"$exists": False}}) == [{"n": 1}]
    found = db.find({"later": 5})
    db.put({"later": 5})
    assert list(found) == [{"later": 5}] and db.query({"later": 5}) == [{"later": 5}]
