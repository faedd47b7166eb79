"""backup(path) and compact(): in steps, while the database goes on."""

import os

import micropython
from microtetherdb import MicroTetherDB
from runner import raises

FOLDERS = True
HEAP = "2M"


def filled(name="my.db", count=400, **more):
    db = MicroTetherDB(name, in_memory=False, **more)
    db.put_batch([{"n": n, "text": "some text"} for n in range(count)])
    db.put("tagged", {"a": 1}, tags=["t"], ttl=1000)
    return db


def test_a_backup_is_one_file_that_opens_as_a_database():
    db = filled()
    before = dict(db.items())
    db.backup("backup/of/my.bak")
    assert os.listdir("backup/of") == ["my.bak"]
    db["later"] = 1
    db.close()
    with MicroTetherDB("backup/of/my.bak", in_memory=False) as copy:
        assert dict(copy.items()) == before
        assert copy.tags("tagged") == ["t"] and copy.stats()["ttl_records"] == 1
        copy["more"] = 1
        for n in range(50):
            copy["n%d" % n] = n
    with MicroTetherDB("backup/of/my.bak", in_memory=False) as copy:
        assert copy["more"] == 1 and len(copy) == len(before) + 51
        assert copy.put({}) not in before
    with MicroTetherDB("my.db", in_memory=False) as db:
        assert len(db) == len(before) + 1 and "more" not in db


def test_what_is_not_flushed_yet_is_in_it():
    db = MicroTetherDB("my.db", in_memory=False)
    db["a"] = 1
    db.backup("my.bak")
    with MicroTetherDB("my.bak", in_memory=False) as copy:
        assert dict(copy.items()) == {"a": 1}
    db.close()


def repeat(call):
    """Has it called between the steps of what comes next; ends when that is over, or the function given is called."""
    going = [True]

    def once(_):
        if going[0]:
            call()
            micropython.schedule(once, 0)

    def stop():
        going[0] = False

    micropython.schedule(once, 0)
    return stop


def test_it_is_as_the_database_was_when_it_began_whatever_is_written_meanwhile():
    db = filled(count=2000)
    before = dict(db.items())
    steps = []

    def meanwhile():
        steps.append(1)
        number = len(steps)
        db.put("new%d" % number, {"n": number})
        db.delete(sorted(before)[number * 3])
        with db.transaction():
            db["t"] = number

    stop = repeat(meanwhile)
    db.backup("my.bak")
    stop()
    assert len(steps) > 5, steps
    with MicroTetherDB("my.bak", in_memory=False) as copy:
        assert dict(copy.items()) == before
    assert db["t"] == len(steps) and db["new1"] == {"n": 1}
    db.close()


def test_what_cannot_be_backed_up_says_why():
    raises(ValueError, MicroTetherDB().backup, "x.bak", says="in memory")
    db = filled()
    raises(TypeError, db.backup, 5, says="str")
    raises(ValueError, db.backup, "", says="no name of a file")
    raises(ValueError, db.backup, "./my.db", says="open")
    with db.transaction():
        raises(RuntimeError, db.backup, "x.bak", says="transaction")
    assert "x.bak" not in os.listdir(".")
    other = MicroTetherDB("other.db", in_memory=False)
    raises(ValueError, db.backup, "other.db", says="open")
    other.close()
    db.close()


def test_an_interrupted_backup_leaves_no_file_and_the_database_as_it_was():
    db = filled(count=2000)
    before = dict(db.items())
    micropython.schedule(lambda _: db.close(), 0)
    raises(ValueError, db.backup, "my.bak", says="database is closed")
    assert "my.bak" not in os.listdir(".")
    with MicroTetherDB("my.db", in_memory=False) as db:
        assert dict(db.items()) == before
        db.backup("my.bak")
    with MicroTetherDB("my.bak", in_memory=False) as copy:
        assert dict(copy.items()) == before


def test_a_second_backup_at_the_same_time_is_refused():
    db = filled(count=2000)
    got = []

    def second(_):
        got.append(raises(RuntimeError, db.backup, "two.bak", says="already"))

    micropython.schedule(second, 0)
    db.backup("one.bak")
    assert len(got) == 1
    db.backup("two.bak")
    for name in ("one.bak", "two.bak"):
        with MicroTetherDB(name, in_memory=False) as copy:
            assert len(copy) == 2001
    db.close()


def test_a_backup_replaces_an_older_one():
    db = filled()
    db.backup("my.bak")
    db.delete(purge=True)
    db["only"] = 1
    db.backup("my.bak")
    with MicroTetherDB("my.bak", in_memory=False) as copy:
        assert dict(copy.items()) == {"only": 1}
    db.close()


def sizes(name="my.db"):
    return sum(os.stat(file)[6] for file in os.listdir(".") if file.startswith(name))


def test_compact_gives_space_back():
    db = filled(count=3000)
    db.delete_batch(list(db)[:2800])
    db.flush()
    before, full = dict(db.items()), sizes()
    db.compact()
    assert dict(db.items()) == before
    assert sizes() < full * 2 // 3, (sizes(), full)
    db.close()
    with MicroTetherDB("my.db", in_memory=False) as db:
        assert dict(db.items()) == before


def test_compact_in_the_middle_of_other_writes():
    db = filled(count=1500)
    model = dict(db.items())
    steps = []

    def meanwhile():
        steps.append(1)
        db["m%d" % len(steps)] = model["m%d" % len(steps)] = len(steps)

    for key in sorted(model)[::3]:
        db.delete(key)
        del model[key]
    stop = repeat(meanwhile)
    db.compact()
    stop()
    assert len(steps) > 0 and dict(db.items()) == model
    db.close()
    with MicroTetherDB("my.db", in_memory=False) as db:
        assert dict(db.items()) == model
