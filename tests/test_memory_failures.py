"""Memory failure at each allocation in turn.

Before each try the heap is filled to the last block but for one gap, which is a little longer than
the time before: the call gets one allocation further each time, until it succeeds. After
every failure the database is what it was.
"""

import gc
import micropython

from microtetherdb import MicroTetherDB
from runner import ON_BOARD, contents, raises

HEAP = "256K"  # for run_unix.py: a heap that is quickly filled
SLOW = True  # for run_board.py: many minutes in the RP2040 emulator


def hoard(gap):
    """Everything that is free but for `gap` bytes in one piece, as [large pieces, single blocks]."""
    hoarded = [None, None]
    plug = bytearray(gap) if gap else None
    large = blocks = None
    size = gc.mem_free()
    while size >= 16:
        try:
            large = [large, bytearray(size)]
        except MemoryError:
            size //= 2
    for _ in range(3):  # what the errors themselves took is filled as well
        gc.collect()
        try:
            while True:
                blocks = (blocks,)
        except MemoryError:
            pass
    plug = None
    hoarded[0], hoarded[1] = large, blocks
    gc.collect()
    return hoarded


def release(hoarded):
    """Takes the large pieces apart: one old pointer on a board's C stack would else keep all of them."""
    large = hoarded[0]
    while large:
        following = large[0]
        large[0] = large[1] = None
        large = following


def failing(make, call, unchanged):
    """Makes a database with `make` and calls call(db) with ever more heap free, until it succeeds.

    unchanged(db, made) is asked after each failure. Returns the database, what the call gave at
    last and how often it failed."""
    failures = gap = 0
    while gap < 60000:
        gc.collect()  # what a database may take is a part of what is free now
        db, made = make()
        gc.collect()
        hoarded = hoard(gap)
        error = None
        try:
            result = call(db)
        except MemoryError as raised:
            error = raised
        release(hoarded)
        hoarded = None
        if error is None:
            gc.collect()  # here, where no stale pointer on the C stack holds the chain
            return db, result, failures
        failures += 1
        unchanged(db, made)
        gap += 16 + gap // (10 if ON_BOARD else 50)
    assert False, "the call never succeeded"


def filled():
    db = MicroTetherDB(ram_percentage=30)
    for n in range(12):
        db.put("k%02d" % n, {"n": n, "text": "some text"}, ttl=1000 if n % 2 else None, tags=["t"])
    return db, contents(db)


def as_it_was(db, before):
    assert contents(db) == before, "%r before, %r after" % (before, contents(db))
    assert len(db.query({"tags": "t"})) == 12 and db.get("k03")["n"] == 3


def check(call, done):
    """The call fails at least once, never changes anything when it does, and at last is `done`."""
    db, result, failures = failing(filled, call, as_it_was)
    assert failures > 0, "nothing was allocated"
    done(db, result)
    contents(db)
    db.put("after", 1)
    assert db.get("after") == 1


def is_put(db, key):
    assert len(db) == 13 and db.get(key) == VALUE and db.query({"tags": "u"}) == [VALUE]


DATA = {"n": 100, "new field": [1, 2.5, None, {"inner": "x" * 40}], "text": "x" * 200}
VALUE = dict(DATA)
VALUE["_tags"] = ["u", "v"]
TAGS = ["u", "v"]
LARGE = {"n": 100, "text": "x" * 3000}
BATCH = [{"n": n, "text": "some text"} for n in range(20)]
BAD_BATCH = BATCH + [None]
QUERY = {"n": {"$gte": 4, "$lt": 8}, "text": {"$contains": "some"}}
FOUND = [{"n": n, "text": "some text", "_tags": ["t"]} for n in range(4, 8)]


def test_put_with_a_key():
    check(lambda db: db.put("new", DATA, 1000, TAGS), is_put)


def test_put_with_a_generated_key():
    check(lambda db: db.put(DATA, 1000, TAGS), is_put)


def test_put_of_a_value_larger_than_a_page():
    def done(db, key):
        assert len(db) == 13 and db.get("new") == LARGE

    check(lambda db: db.put("new", LARGE), done)


def test_put_in_place_of_another_record():
    def done(db, key):
        assert len(db) == 12 and db.get("k03") == VALUE and db.query({"n": 3}) == []

    check(lambda db: db.put("k03", DATA, None, TAGS), done)


def test_put_batch():
    def done(db, keys):
        assert len(keys) == 20 and [db.get(key) for key in keys] == BATCH and len(db) == 32

    check(lambda db: db.put_batch(BATCH), done)
    check(lambda db: db.put_batch(BATCH, 1000), done)


def test_put_batch_into_pages_not_yet_there():
    more = [{"n": n, "text": "x" * 150} for n in range(60)]

    def done(db, keys):
        assert [db.get(key) for key in keys] == more and len(db) == 72

    check(lambda db: db.put_batch(more), done)


def test_get():
    def done(db, value):
        assert value == {"n": 3, "text": "some text", "_tags": ["t"]}

    check(lambda db: db.get("k03"), done)
    check(lambda db: db["k03"], done)


def test_query():
    def done(db, found):
        assert found == FOUND

    check(lambda db: db.query(QUERY), done)
    check(lambda db: list(db.find(QUERY)), done)


def test_query_by_tag_with_keys():
    def done(db, found):
        assert len(found) == 12 and found[3] == ("k03", {"n": 3, "text": "some text", "_tags": ["t"]})

    query = {"tags": "t"}
    check(lambda db: db.query(query, keys=True), done)


def test_iteration():
    def done(db, keys):
        assert keys == ["k%02d" % n for n in range(12)]

    check(list, done)
    check(lambda db: [pair[0] for pair in db.items()], done)


def test_a_change_of_a_live_document():
    def change(db):
        db["k03"]["n"] = LARGE
        return True

    def done(db, _):
        assert db.get("k03") == {"n": LARGE, "text": "some text", "_tags": ["t"]}

    check(change, done)


def test_a_live_document_that_is_held_over_the_failure_says_what_the_store_says():
    def make():
        db, before = filled()
        held.append(db["k03"])
        return db, before

    def change(db):
        document = held[-1]
        document["new"] = DATA

    def unchanged(db, before):
        as_it_was(db, before)
        assert held.pop() == {"n": 3, "text": "some text", "_tags": ["t"]}

    held = []
    db, _, failures = failing(make, change, unchanged)
    assert failures and held[-1]["new"] == DATA and db.get("k03") == held[-1]


def test_a_transaction():
    def work(db):
        with db.transaction():
            del db["k03"]
            db["new"] = DATA
            with db.transaction():
                db["k05"] = LARGE
            db.put_batch(BATCH)
        return True

    def done(db, _):
        assert len(db) == 32 and "k03" not in db and db.get("k05") == LARGE and db.get("new") == DATA

    def unchanged(db, before):
        # A rollback may leave other pages in use than there were.
        assert contents(db)[:2] == before[:2], "%r before, %r after" % (before, contents(db))

    db, result, failures = failing(filled, work, unchanged)
    assert failures > 0
    done(db, result)


def test_a_savepoint_that_fails_leaves_the_transaction_around_it():
    def work(db):
        inner = None
        with db.transaction():
            db["outer"] = 1
            try:
                with db.transaction():
                    db["k05"] = LARGE
                    db.put_batch(BATCH)
            except MemoryError:
                inner = "failed"
            if inner and ("k05" not in db or len(db) != 13):
                raise ValueError
        if inner:
            raise MemoryError  # try again with more memory
        return True

    def unchanged(db, before):
        size = len(db)
        assert size in (12, 13), size
        assert ("outer" in db) == (size == 13) and db.get("k05")["n"] == 5

    db, _, failures = failing(filled, work, unchanged)
    assert failures and len(db) == 33 and db.get("k05") == LARGE


def test_deleting_needs_no_memory_that_grows():
    def work(db):
        db.delete("k03")
        return db.delete_batch(KEYS)

    def unchanged(db, before):
        assert len(db) in (11, 12) and ("k03" in db) == (len(db) == 12)
        contents(db)

    db, deleted, _ = failing(filled, work, unchanged)
    assert deleted == 5 and len(db) == 6
    db, deleted, _ = failing(filled, lambda db: db.delete(purge=True), as_it_was)
    assert deleted == 12 and len(db) == 0


def test_a_batch_of_deletes_that_no_savepoint_has_room_for_is_done_all_the_same():
    def many():
        db = MicroTetherDB(ram_percentage=30)
        for n in range(200):
            db.put("k%03d" % n, {"n": n, "text": "some text"}, tags=["t"])
        return db, None

    db, deleted, failures = failing(many, lambda db: db.delete_batch(HALF), None)
    assert (deleted, failures, len(db)) == (100, 0, 100) and db.query({"tags": "t", "n": 3}) == [db.get("k003")]
    hoarded = hoard(0)
    try:
        db.delete_batch(HALF_AND_BAD)
    except ValueError:
        pass
    release(hoarded)
    assert len(db) == 100, "nothing is deleted where one key is bad"


HALF = ["k%03d" % n for n in range(0, 200, 2)]
HALF_AND_BAD = ["k%03d" % n for n in range(1, 200, 2)] + [""]
KEYS = ["k%02d" % n for n in range(4, 9)]


def test_stats_tags_and_keys():
    def done(db, values):
        assert values[0]["records"] == 12 and values[1] == ["t"] and values[2][3] == "k03"

    check(lambda db: (db.stats(), db.tags("k03"), list(db.keys())), done)


def test_making_a_database():
    def done(db, new):
        new.put("a", DATA)
        assert new.get("a") == DATA and len(new) == 1 and len(db) == 12

    check(lambda db: MicroTetherDB(ram_percentage=5), done)


def test_nothing_is_changed_under_a_locked_heap():
    db, before = filled()
    for call in (
        lambda: db.put("new", DATA),
        lambda: db.put_batch(BATCH),
        lambda: db.query(QUERY),
        lambda: db["k03"],
        lambda: db.stats(),
        lambda: list(db),
    ):
        error = None
        micropython.heap_lock()
        try:
            call()
        except MemoryError as raised:
            error = raised
        finally:
            micropython.heap_unlock()
        assert error is not None, "it needed no memory"
        assert contents(db) == before


def test_memory_that_is_short_for_long_breaks_nothing():
    # The database is made when there is room, then lives with little: whatever fails, nothing is lost.
    db, _ = filled()
    stored = dict(db.items())
    failures = 0
    for turn in range(60):
        key = "n%02d" % turn
        hoarded = hoard(turn * 100)
        try:
            db.put(key, DATA)
            stored[key] = DATA
        except MemoryError:
            failures += 1
        release(hoarded)
        hoarded = None
        gc.collect()
    assert 0 < failures < 60, failures
    assert dict(db.items()) == stored
    raises(KeyError, lambda: db["missing"])
