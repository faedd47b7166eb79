"""The longest keys, the largest values, and a database that is full."""

import gc
import json

from microtetherdb import MicroTetherDB
from runner import contents, raises, refused, same


def test_a_key_has_1_byte_to_a_quarter_of_the_page_less_8():
    for page, longest in ((512, 120), (1024, 248), (2048, 255), (4096, 255)):
        db = MicroTetherDB(btree_pagesize=page, ram_percentage=40)
        most = "k" * longest
        assert db.put(most, 1) == most and db.get(most) == 1
        assert db.put(most[:-1], 2) == most[:-1] and db.get(most) == 1
        assert db.put("k", 3) == "k" and list(db) == ["k", most[:-1], most]
        for bad in ("", most + "k", "k" * 300, "k" * 5000):
            refused(db, ValueError, db.put, bad, 1, says=str(longest))
            refused(db, ValueError, db.put, {"n": 1}, _id=bad, says=str(longest))
        assert db.delete(most) == 1 and most not in db


def test_a_key_is_measured_in_bytes_of_utf_8():
    db = MicroTetherDB()
    for most in ("ü" * 60, "€" * 40, "😀" * 30):
        assert db.put(most, most) == most and db.get(most) == most
        refused(db, ValueError, db.put, most + "x", 1, says="120")
    assert len(db) == 3


def test_many_long_keys_that_differ_at_their_end_only():
    db = MicroTetherDB(ram_percentage=50)
    keys = ["k" * 115 + "%05d" % (n * 31 % 50) for n in range(50)]
    for n, key in enumerate(keys):
        db.put(key, n, ttl=1000, tags=["t"])
    assert list(db) == sorted(keys) and len(db.query({"tags": "t"})) == 50
    for n, key in enumerate(keys):
        assert db.get(key) == n
    assert db.delete_batch(keys[::2]) == 25
    assert list(db) == sorted(keys[1::2]) and len(db.query({"tags": "t"})) == 25


def padded(value, place, size):
    """`value` with a text in the list `place` inside it, as long as makes its JSON `size` bytes."""
    place.append("")
    place[-1] = "x" * (size - len(json.dumps(value).encode()))
    assert len(json.dumps(value).encode()) == size
    return value


def test_a_value_has_at_most_8192_bytes_of_json():
    db = MicroTetherDB(ram_percentage=60)
    db.put("k", "small")
    for make in (
        lambda l: l,
        lambda l: {"a": 1, "list": l},
        lambda l: l.extend([1, -22, 333.5, None, True, False, "a"]) or l,
        lambda l: l.extend(['quote " and \\ and \n \t \r \x01 \x1f', "ü€😀", "\x7f"]) or l,
        lambda l: l.extend([{}, [], {"a": {}, "b": [[]]}, {"ü": '"', 'q"q': 1}]) or l,
        lambda l: l.extend([10**30, -(10**30), 2**63, 0.1, 1e20, -1e-5, 1.0, 123456.789]) or l,
    ):
        for size in (8191, 8192):
            place = []
            value = padded(make(place), place, size)
            db.put("k", value)
            assert same(db.get("k"), value)
        place = []
        value = padded(make(place), place, 8193)
        refused(db, ValueError, db.put, "k", value, says=("8193", "8192"))
        refused(db, ValueError, db.put_batch, [1, value], says=("8193", "8192"))
        place = []
        value = padded(make(place), place, 20000)
        refused(db, ValueError, db.put, value, says="8192")


def test_a_text_has_at_most_8190_bytes():
    db = MicroTetherDB(ram_percentage=60)
    db.put("k", "x" * 8190)
    assert db.get("k") == "x" * 8190
    refused(db, ValueError, db.put, "k", "x" * 8191, says=("8193", "8192"))
    refused(db, ValueError, db.put, "k", "x" * 8189 + "ü", says=("8193", "8192"))
    refused(db, ValueError, db.put, "k", "\n" * 4096, says=("8194", "8192"))


def test_values_of_every_size_come_back():
    db = MicroTetherDB(ram_percentage=60)
    for size in list(range(0, 64)) + list(range(90, 560, 7)) + [1000, 1023, 1024, 1025, 2000, 4000, 8000]:
        db.put("k", "x" * size, tags=["t"])
        assert db.get("k") == "x" * size and len(db.query({"tags": "t"})) == 1, size
    assert len(db) == 1


# ---- a full database


def record(n):
    return {"name": "sensor %d" % (n % 7), "value": n, "text": "some text"}


def fill(db, **more):
    """Puts records "k0000"… until the memory limit is reached; returns how many fitted."""
    n = 0
    while True:
        try:
            db.put("k%04d" % (n * 7919 % 10000), record(n), **more)
        except MemoryError:
            return n
        n += 1
        assert n < 9000


def small(percent=2):
    """A database of that part of the heap, but of some 10 KB at least."""
    gc.collect()
    return MicroTetherDB(ram_percentage=max(percent, 1000000 // gc.mem_free() + 1), use_compression=False)


def keys(count):
    return ["k%04d" % (n * 7919 % 10000) for n in range(count)]


def test_a_full_database_refuses_writes_and_stays_as_it_was():
    def set_items(begin):
        for n in range(begin, begin + 1000):
            db["new%03d" % n] = record(n)

    db = small()
    count = fill(db)
    assert count > 5 and len(db) == count
    stats = db.stats()
    assert stats["bytes_used"] <= stats["bytes_limit"]
    error = refused(db, MemoryError, db.put, "new", "x" * 8000)
    assert type(error) is MemoryError
    refused(db, MemoryError, db.put_batch, [record(n) for n in range(count)])
    refused(db, MemoryError, db.put, "k0000", {"large": "x" * 8000})
    refused(db, MemoryError, db.put_batch, [{"text": "x" * 200}] * 100, ttls=1000)
    more = None
    while more != len(db) - count:  # some may still find a gap, until none does
        more = len(db) - count
        raises(MemoryError, set_items, more)
    assert [key for key in db if key.startswith("new")] == ["new%03d" % n for n in range(more)]
    refused(db, MemoryError, set_items, more)


def test_a_full_database_can_be_read_and_searched():
    db = small()
    count = fill(db, tags=["t"])
    for n, key in enumerate(keys(count)):
        assert db.get(key)["value"] == n and key in db
    assert list(db) == sorted(keys(count)) and len(db) == count
    assert len(db.query({"tags": "t"})) == count
    assert sorted(d["value"] for d in db.query({"value": {"$gte": count // 2}})) == list(range(count // 2, count))
    assert len(list(db.find({"name": "sensor 1"}))) == len(range(1, count, 7))
    assert len(list(db.items())) == count


def test_after_deleting_half_of_a_full_database_half_fits_again():
    # Entries never lie as close again as when the last of them went in; the benchmark shows the exact figure.
    for more in ({}, {"ttl": 1000}, {"tags": ["t", "u"]}):
        db = small(percent=3)
        count = fill(db, **more)
        order, present = keys(count), set(keys(count))
        for turn in range(6):
            for key in order[turn % 2 :: 2]:
                assert db.delete(key) == (key in present)
            present -= set(order[turn % 2 :: 2])
            assert len(db) == len(present)
            for n in range(turn % 2, count, 2):
                try:
                    db.put(order[n], record(n), **more)
                    present.add(order[n])
                except MemoryError:
                    pass
            assert (len(present) + 8) * 20 >= count * 19, (more, turn, count, len(present))
            assert list(db) == sorted(present)


def test_a_full_database_can_be_emptied_in_any_order_and_holds_as_much_again():
    db = small()
    count = fill(db, ttl=1000, tags=["t"])
    for turn in range(3):
        order = keys(len(db))
        if turn == 1:
            order.reverse()
        elif turn == 2:
            order.sort()
        for key in order:
            assert db.delete(key) == 1
        assert len(db) == 0 and db.query({"tags": "t"}) == [] and db.stats()["ttl_records"] == 0
        again = fill(db, ttl=1000, tags=["t"])
        assert again * 10 >= count * 9, (count, again)


def test_a_full_database_can_be_emptied_by_batch_and_purge():
    db = small()
    count = fill(db, tags=["t"])
    assert db.delete_batch(keys(count)[::2]) == (count + 1) // 2
    fill(db, tags=["t"])
    size = len(db)
    assert db.delete(purge=True) == size and len(db) == 0
    assert fill(db, tags=["t"]) * 10 >= count * 9
    size = len(db)
    assert db.delete_batch(list(db)) == size and len(db) == 0
    assert fill(db, tags=["t"]) * 10 >= count * 9


def test_a_full_database_can_be_emptied_in_a_transaction_which_can_be_rolled_back():
    db = small(percent=4)
    fill(db, tags=["t"])
    before = contents(db)[:2]
    try:
        with db.transaction():
            for key in list(db):
                assert db.delete(key) == 1
            assert len(db) == 0
            raise KeyError
    except KeyError:
        pass
    assert contents(db)[:2] == before
    with db.transaction():
        for key in list(db):
            db.delete(key)
    assert len(db) == 0
    stats = db.stats()
    assert stats["bytes_used"] <= stats["bytes_limit"]


def test_cleanup_empties_a_full_database_of_what_has_expired():
    import time

    db = small()
    count = fill(db, ttl=0.5)
    time.sleep_ms(600)
    assert len(db) == 0 and db.query({}) == []
    assert fill(db) * 10 >= count * 9
    db = small()
    count = fill(db, ttl=0.5)
    time.sleep_ms(600)
    assert db.cleanup() == count


def test_expired_records_make_room_for_new_ones_by_themselves():
    import time

    db = MicroTetherDB(ram_percentage=10, ttl_check_interval=1)
    count = fill(db, ttl=2)  # a board fills it in half a second
    time.sleep_ms(2100)
    for n in range(count // 2):
        db.put("new%d" % n, record(n))
    assert len(db) == count // 2


def test_memory_running_out_in_a_transaction_rolls_back_to_before_it():
    def work():
        with db.transaction():
            db.delete("k0000")
            for n in range(5000):
                db.put(record(n))

    db = small()
    for n, key in enumerate(keys(10)):
        db.put(key, record(n), tags=["t"])
    before = contents(db)[:2]
    for _ in range(3):
        raises(MemoryError, work)
        assert contents(db)[:2] == before
    count = fill(db)
    before = contents(db)[:2]
    raises(MemoryError, work)
    assert contents(db)[:2] == before and len(db) == max(10, count)


def test_memory_running_out_in_a_savepoint_leaves_the_outer_transaction():
    db = small()
    db["a"] = 1
    with db.transaction():
        db["b"] = 2
        try:
            with db.transaction():
                db["a"] = "changed"
                for n in range(5000):
                    db.put(record(n))
        except MemoryError:
            pass
        assert len(db) == 2 and db["a"] == 1
        db["c"] = 3
    assert list(db.items()) == [("a", 1), ("b", 2), ("c", 3)]


def test_a_change_of_a_live_document_that_finds_no_room_is_not_made():
    def grow():
        document["text"] = "x" * 8000

    db = small()
    db.put("live", {"n": 1, "text": ""}, tags=["t"])
    fill(db)
    document = db["live"]
    refused(db, MemoryError, grow)
    assert document == {"n": 1, "text": "", "_tags": ["t"]}


def test_one_large_value_after_another_reuses_the_same_room():
    db = MicroTetherDB(ram_percentage=25)
    for n in range(100):
        db.put("k", {"n": n, "text": "x" * (3000 + n * 10 % 700)})
        assert db.get("k")["n"] == n
    assert len(db) == 1 and db.stats()["bytes_used"] < 16000, db.stats()


def test_a_database_that_changes_for_long_stays_within_its_limit():
    db = small(percent=4)
    count = fill(db, ttl=1000) // 2
    db.delete(purge=True)
    for n in range(count):
        db.put("k%04d" % n, record(n))
    for turn in range(10):
        for n in range(count):
            db.put("k%04d" % (n * 7 % count), record(n + turn), ttl=1000 if turn % 2 else None)
    assert len(db) == count
    stats = db.stats()
    assert stats["bytes_used"] <= stats["bytes_limit"]
