"""One file opened more than once, objects that are collected, objects that are closed."""

import gc
import os

from devices import RamDevice
from microtetherdb import MicroTetherDB
from runner import ON_BOARD, raises

FOLDERS = True


def opened(name="my.db", **more):
    return MicroTetherDB(name, in_memory=False, **more)


def on_disk(name="my.db"):
    """What the file holds now, as another program would see it: of copies of its files."""
    for file in os.listdir("."):
        if file.startswith(name):
            with open(file, "rb") as source, open("copy" + file, "wb") as target:
                target.write(source.read())
    try:
        with MicroTetherDB("copy" + name, in_memory=False) as db:
            return dict(db.items())
    finally:
        for file in os.listdir("."):
            if file.startswith("copy"):
                os.remove(file)


def without_trace(call):
    """Calls it, overwrites what the C stack may still hold of its objects, and collects."""

    def deeper(n):
        return [0] * 5 if n == 0 else deeper(n - 1)

    call()
    deeper(8 if ON_BOARD else 20)
    gc.collect()
    gc.collect()


def test_the_same_file_opened_twice_is_one_database():
    one, two = opened(), opened()
    one["a"] = 1
    assert two["a"] == 1
    two.put("b", {"n": 2}, tags=["t"])
    assert one.query({"tags": "t"}) == [{"n": 2, "_tags": ["t"]}]
    assert one is not two and len(one) == len(two) == 2
    one.close()
    two.close()


def test_other_names_of_the_same_file_are_the_same_database():
    os.mkdir("folder")
    one = opened("folder/my.db")
    one["a"] = 1
    for name in ("./folder/my.db", "folder//my.db", "folder/../folder/./my.db", os.getcwd() + "/folder/my.db"):
        with opened(name) as two:
            assert two["a"] == 1
            two["a"] = 1
    os.chdir("folder")
    with opened("my.db") as two:
        two["b"] = 2
    with opened("../folder/my.db") as two:
        assert two["b"] == 2
    os.chdir("..")
    assert one["b"] == 2
    one.close()


def test_it_closes_with_the_last_of_them():
    one, two = opened(), opened()
    one["a"] = 1
    one.close()
    raises(ValueError, one.get, "a", says="database is closed")
    raises(ValueError, list, one)
    assert two["a"] == 1
    two["b"] = 2
    one.close()
    two.close()
    raises(ValueError, two.get, "a", says="database is closed")
    with opened() as three:
        assert dict(three.items()) == {"a": 1, "b": 2}


def test_the_first_ones_parameters_hold():
    one = opened(flush_threshold=1)
    two = opened(flush_threshold=1000, btree_pagesize=4096)
    before = two.stats()["flushes"]
    two["a"] = 1
    assert two.stats()["flushes"] == before + 1 and two.stats()["page_size"] == 512
    one.close()
    two["b"] = 1
    assert two.stats()["flushes"] >= before + 2
    two.close()


def test_what_a_closed_object_gave_is_closed_and_the_others_is_not():
    one, two = opened(), opened()
    one["k"] = {"n": 1}
    for n in range(5):
        one["a%d" % n] = n
    document, scan, transaction = one["k"], one.items(), one.transaction()
    mine, walk = two["k"], two.items()
    next(scan)
    next(walk)
    one.close()
    raises(ValueError, document.update, {"n": 2}, says="database is closed")
    raises(ValueError, next, scan, says="database is closed")
    raises(ValueError, transaction.__enter__, says="database is closed")
    mine["n"] = 3
    assert len(list(walk)) == 5 and two["k"] == {"n": 3}
    two.close()


def test_closing_one_ends_its_own_transaction_only():
    one, two = opened(), opened()
    one["a"] = 1
    outer = one.transaction()
    outer.__enter__()
    one["b"] = 2
    inner = two.transaction()
    inner.__enter__()
    two["c"] = 3
    two.close()
    assert sorted(one) == ["a", "b"]
    raises(ValueError, inner.__exit__, None, None, None, says="database is closed")
    outer.__exit__(None, None, None)
    assert sorted(one) == ["a", "b"]
    one.close()
    with opened() as three:
        assert sorted(three) == ["a", "b"]


def test_a_transaction_whose_surrounding_one_was_closed_says_so():
    one, two = opened(), opened()
    one.transaction().__enter__()
    inner = two.transaction()
    inner.__enter__()
    two["a"] = 1
    one.close()
    raises(RuntimeError, inner.__exit__, None, None, None, says="rolled back already")
    assert len(two) == 0
    two["b"] = 1
    two.close()
    with opened() as three:
        assert list(three) == ["b"]


def test_closing_one_makes_everything_durable():
    one, two = opened(), opened()
    two["a"] = 1
    assert on_disk() == {}
    one.close()
    assert on_disk() == {"a": 1}
    two.close()


def test_an_object_that_is_collected_is_closed_soon_after():
    def lose():
        db = opened()
        for n in range(3):
            db["k%d" % n] = n

    without_trace(lose)
    # A call on any database, or on this platform the next piece of ordinary code.
    MicroTetherDB().get("a")
    assert on_disk() == {"k0": 0, "k1": 1, "k2": 2}
    with opened() as db:
        assert len(db) == 3


def test_on_a_block_device_it_is_closed_at_the_next_call_and_not_before():
    # A scheduled callback could come in the middle of the program's own file access, as it does here.
    device = RamDevice("lfs", 16).format().mount()
    other = MicroTetherDB()

    def lose():
        db = opened(device.path + "/my.db", flush_threshold=1000)
        db["a"] = 1

    medium = bytearray(len(device.data))

    def on_medium():
        medium[:] = device.data
        copy = RamDevice("lfs", 16, medium).mount()
        found = {}
        if "my.db" in os.listdir(copy.path):
            with opened(copy.path + "/my.db") as db:
                found = dict(db.items())
        copy.umount()
        return found

    lose()
    without_trace(lambda: None)
    before = device.calls
    with open(device.path + "/other", "wb") as file:
        for _ in range(20):
            file.write(bytes(1000))
    assert device.calls > before and on_medium() != {"a": 1}
    other.get("a")
    assert on_medium() == {"a": 1}
    device.umount()


def test_a_collected_objects_file_can_be_opened_at_once():
    def lose(n):
        db = opened(flush_threshold=1000)
        db["k%d" % n] = n

    for n in range(20):
        without_trace(lambda: lose(n))
        with opened() as db:
            assert len(db) == n + 1


def test_a_collected_object_leaves_the_others_open():
    two = opened()

    def lose():
        db = opened()
        db["a"] = 1

    without_trace(lose)
    two["b"] = 2
    assert sorted(two) == ["a", "b"]
    two.close()
    with opened() as db:
        assert len(db) == 2


def test_what_works_on_its_behalf_keeps_it_open():
    def parts():
        db = opened()
        for n in range(5):
            db["k%d" % n] = {"n": n}
        return db["k0"], db.items(), db.find({"n": {"$gt": 2}}), db.transaction()

    document, scan, found, transaction = parts()
    without_trace(lambda: None)
    document["n"] = 7
    assert len(list(scan)) == 5 and len(list(found)) == 3
    with transaction as db:
        db["more"] = 1
    del document, scan, found, transaction, db
    with opened() as db:
        assert db["k0"] == {"n": 7} and db["more"] == 1


def test_del_called_by_hand_closes_like_collecting():
    db = opened()
    db["a"] = 1
    db.__del__()
    raises(ValueError, db.get, "a", says="database is closed")
    db.__del__()
    db.close()
    with opened() as db:
        assert db["a"] == 1
    memory = MicroTetherDB()
    memory["a"] = 1
    memory.__del__()
    assert memory["a"] == 1


def test_close_twice_and_every_call_afterwards():
    db = opened()
    db["a"] = 1
    assert db.close() is None and db.close() is None
    for call in (lambda: db.get("a"), lambda: len(db), db.flush, db.stats, db.compact, lambda: db.backup("b.db")):
        raises(ValueError, call, says="database is closed")


def test_close_rolls_back_an_open_transaction():
    db = opened()
    db["a"] = 1
    db.transaction().__enter__()
    db["b"] = 2
    db.close()
    with opened() as db:
        assert list(db) == ["a"]


def test_many_databases_can_be_open():
    dbs = [opened("d%d.db" % n, btree_cachesize=8) for n in range(20)]
    for n in range(60):
        for number, db in enumerate(dbs):
            db["k%d" % n] = number
    for number in range(0, 20, 2):
        dbs[number].close()
    for number, db in enumerate(dbs):
        if number % 2:
            assert set(db.values()) == {number} and len(db) == 60
            db.close()
    for number in range(20):
        with opened("d%d.db" % number) as db:
            assert len(db) == 60
