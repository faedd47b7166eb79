"""Memory failure at each allocation in turn, on databases in files: see test_memory_failures.py."""

import gc

from microtetherdb import MicroTetherDB
from test_memory_failures import BATCH, DATA, LARGE, TAGS, VALUE, failing as failing_each, hoard

FOLDERS = True
SLOW = True  # for run_board.py: minutes in the RP2040 emulator
HEAP = "256K"

number = 0
kept = None  # what a failure left as it was is used again: making one takes several syncs


def filled():
    global number, kept
    if kept is None:
        number += 1
        db = MicroTetherDB("m%d.db" % number, in_memory=False, btree_cachesize=8)
        with db.transaction():
            for n in range(40):
                db.put("k%02d" % n, {"n": n, "text": "some text" * 5}, ttl=1000 if n % 2 else None, tags=["t"])
        kept = db, everything(db)
    return kept


def failing(call, unchanged):
    global kept
    try:
        return failing_each(filled, call, unchanged)
    finally:
        kept = None


def everything(db):
    return [(key, tuple(db.tags(key)), repr(value)) for key, value in db.items()], db.stats()["ttl_records"]


def as_it_was(db, before):
    found = everything(db)
    assert found == before, (found, before)


def check(call, done):
    """The call fails at least once, changes nothing when it does, and what it has done is there when it is opened again."""
    db, result, failures = failing(call, as_it_was)
    assert failures > 0, "nothing was allocated"
    done(db, result)
    db.close()
    with MicroTetherDB("m%d.db" % number, in_memory=False) as db:
        done(db, result)
    return failures


def test_put():
    def done(db, _):
        assert len(db) == 41 and db.get("new") == VALUE and db.query({"tags": "u"}) == [VALUE]

    check(lambda db: db.put("new", DATA, 1000, TAGS), done)


def test_put_that_flushes():
    def call(db):
        db.put("new", DATA, 1000, TAGS)
        db.flush()

    def done(db, _):
        assert db.get("new") == VALUE

    def unchanged(db, before):
        # The put may be there already: it failed in flush() then.
        found = everything(db)[0]
        assert [record for record in found if record[0] != "new"] == before[0]

    db, _, failures = failing(call, unchanged)
    assert failures > 0
    done(db, None)


def test_put_of_a_large_value():
    def done(db, _):
        assert db.get("new") == LARGE

    check(lambda db: db.put("new", LARGE), done)


def test_put_batch_and_delete_batch():
    def put_done(db, keys):
        assert len(db) == 60 and len(keys) == 20 and [db.get(key) for key in keys] == BATCH

    check(lambda db: db.put_batch(BATCH), put_done)

    def delete_done(db, count):
        assert count == 20 and len(db) == 20

    check(lambda db: db.delete_batch(["k%02d" % n for n in range(20)]), delete_done)


def test_a_transaction():
    def call(db):
        with db.transaction():
            db["new"] = DATA
            del db["k00"]

    def done(db, _):
        assert len(db) == 40 and db.get("new") == DATA and "k00" not in db

    check(call, done)


def test_reading():
    def query_done(db, found):
        assert len(found) == 4

    check(lambda db: db.query({"n": {"$gte": 4, "$lt": 8}, "text": {"$contains": "some"}}), query_done)

    def get_done(db, value):
        assert value["n"] == 3 and len(db) == 40

    check(lambda db: db.get("k03"), get_done)


def test_opening():
    global kept
    filled()[0].close()
    kept = None
    name = "m%d.db" % number
    failures = gap = 0
    db = None
    while db is None:
        gc.collect()
        chain = hoard(gap)
        try:
            db = MicroTetherDB(name, in_memory=False)
        except MemoryError:
            failures += 1
        chain = None
        gap += 64 + gap // 20
        assert gap < 60000 and not chain
    assert failures > 5 and len(db) == 40
    db.close()


def test_making():
    failures = gap = 0
    db = None
    while db is None:
        gc.collect()
        chain = hoard(gap)
        try:
            db = MicroTetherDB("made.db", in_memory=False)
        except MemoryError:
            failures += 1
        chain = None
        gap += 64 + gap // 20
        assert gap < 60000 and not chain
    assert failures > 5
    db["a"] = 1
    db.close()
    with MicroTetherDB("made.db", in_memory=False) as db:
        assert dict(db.items()) == {"a": 1}


def test_closing_and_backup():
    def call(db):
        db["x"] = 1
        db.backup("m.bak")
        with MicroTetherDB("m.bak", in_memory=False) as copy:
            return len(copy)

    def unchanged(db, before):
        found = [record for record in everything(db)[0] if record[0] != "x"]
        assert found == before[0]

    db, count, failures = failing(call, unchanged)
    assert failures > 0 and count == 41
    db.close()


def test_where_one_in_memory_finds_no_room_its_file_is_opened():
    # With one line that says so. It takes more than the one in memory would, so mostly it is a MemoryError all the same.
    failures = gap = 0
    while gap < 60000:
        gc.collect()
        chain = hoard(gap)
        try:
            db = MicroTetherDB("fallback.db")
            chain = None
            db["a"] = 1
            db.close()
            break
        except MemoryError:
            failures += 1
        chain = None
        gap += 64 + gap // 20
    assert failures > 0 and not chain
