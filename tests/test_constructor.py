"""The constructor: its parameters, their ranges, the memory it may use."""

import gc
import sys

from microtetherdb import MicroTetherDB
from runner import raises


def test_the_documented_parameters_can_be_given_by_position():
    db = MicroTetherDB("microtether.db", True, 20, 5, 0.2, 1.0, 30, 16, 1024, False, None)
    db.put("a", 1)
    assert db.get("a") == 1 and db.stats()["page_size"] == 1024
    for n in range(9):
        db.put("a", n)
    assert db.stats()["flushes"] == 1  # adaptive_threshold=False: every 10


def test_every_parameter_can_be_given_by_name():
    db = MicroTetherDB(
        filename="x.db",
        in_memory=True,
        ram_percentage=20,
        max_retries=0,
        retry_delay=0,
        lock_timeout=0.5,
        ttl_check_interval=5,
        btree_cachesize=8,
        btree_pagesize=512,
        adaptive_threshold=True,
        event_loop=None,
        cleanup_interval=60,
        use_compression=False,
        min_compress_size=100,
        flush_threshold=7,
        auto_flush_seconds=2.5,
        verbose=False,
        awaitable=None,
    )
    db.put("a", {"n": 1})
    assert db.get("a") == {"n": 1}


def test_what_stands_behind_the_star_is_by_name_only():
    raises(TypeError, MicroTetherDB, "microtether.db", True, 15, 3, 0.1, 5.0, 60, 32, 512, True, None, 3600)


def test_an_unknown_parameter_is_a_type_error():
    raises(TypeError, MicroTetherDB, no_such=1)
    raises(TypeError, MicroTetherDB, ram_percent=15)
    raises(TypeError, MicroTetherDB, "a.db", filename="b.db")


def test_a_value_out_of_range_is_a_value_error_naming_parameter_and_range():
    for name, values, range_said in (
        ("ram_percentage", (0, -1, 101, 1000, 10**30), ("1", "100")),
        ("btree_pagesize", (0, -512, 256, 500, 513, 768, 3000, 8192, 2**32 + 512), ("512", "4096")),
        ("btree_cachesize", (-1, -(10**20)), ()),
        ("max_retries", (-1,), ("0",)),
        ("retry_delay", (-1, -0.5, float("nan")), ("0",)),
        ("lock_timeout", (-1, -0.001, float("nan")), ("0",)),
        ("ttl_check_interval", (-1, -60), ()),
        ("cleanup_interval", (-1, -60), ()),
        ("min_compress_size", (-1,), ("0",)),
        ("flush_threshold", (0, -1), ("1",)),
        ("auto_flush_seconds", (-1, -0.5), ()),
    ):
        for value in values:
            raises(ValueError, MicroTetherDB, says=(name,) + range_said, **{name: value})


def test_a_value_of_the_wrong_type_is_a_type_error():
    for name in (
        "ram_percentage",
        "btree_pagesize",
        "btree_cachesize",
        "max_retries",
        "retry_delay",
        "lock_timeout",
        "ttl_check_interval",
        "cleanup_interval",
        "min_compress_size",
        "flush_threshold",
        "auto_flush_seconds",
    ):
        raises(TypeError, MicroTetherDB, **{name: "5"})
        raises(TypeError, MicroTetherDB, **{name: [5]})
    for bad in (2, -1, "yes", []):
        raises(TypeError, MicroTetherDB, in_memory=bad, says="in_memory must be True or False")
    raises(TypeError, MicroTetherDB, 5)
    raises(TypeError, MicroTetherDB, filename=b"x.db")


def test_the_percentage_is_of_the_heap_that_is_free():
    for percentage in (15, 30, 60):
        gc.collect()
        free = gc.mem_free()
        limit = MicroTetherDB(ram_percentage=percentage).stats()["bytes_limit"]
        wanted = max(1024, free * percentage // 100)
        assert abs(limit - wanted) <= wanted // 10 + 2048, (percentage, free, limit)


def test_the_default_is_15_percent():
    gc.collect()
    by_default = MicroTetherDB().stats()["bytes_limit"]
    gc.collect()
    asked_for = MicroTetherDB(ram_percentage=15).stats()["bytes_limit"]
    assert abs(by_default - asked_for) <= asked_for // 20 + 512, (by_default, asked_for)


def test_the_smallest_database_still_holds_something():
    hoard = []
    gc.collect()
    while gc.mem_free() > 40000:
        hoard.append(bytearray(500))
    db = MicroTetherDB(ram_percentage=1)
    assert db.stats()["bytes_limit"] >= 1024
    db.put("a", {"n": 1})
    assert db.get("a") == {"n": 1} and db.query({"n": 1}) == [{"n": 1}]
    assert hoard is not None


def test_memory_is_taken_as_data_grows():
    gc.collect()
    before = gc.mem_alloc()
    db = MicroTetherDB(ram_percentage=60)
    db.put("a", 1)
    gc.collect()
    taken = gc.mem_alloc() - before
    assert taken < 12000 and taken < db.stats()["bytes_limit"] // 3, taken
    db.put_batch([{"n": n, "text": "x" * 60} for n in range(150)])
    gc.collect()
    assert gc.mem_alloc() - before > 150 * 60


def test_memory_comes_back_when_data_goes():
    db = MicroTetherDB(ram_percentage=60)
    db.put("a", 1)
    gc.collect()
    before = gc.mem_alloc()
    for _ in range(3):
        db.put_batch([{"n": n, "text": "x" * 60} for n in range(200)])
        db.delete(purge=True)
    gc.collect()
    assert gc.mem_alloc() - before < 200 * 60, gc.mem_alloc() - before


def test_a_file_name_counts_only_without_in_memory():
    try:
        import os

        before = sorted(os.listdir())
    except ImportError:
        return
    with MicroTetherDB("no_such_folder/microtether.db") as db:
        db.put_batch(list(range(30)))
        db.flush()
    assert sorted(os.listdir()) == before


def test_redis_where_its_client_is_missing_says_what_it_takes():
    places = sys.path[:]
    sys.path[:] = ["/nowhere"]
    try:
        raises(ImportError, MicroTetherDB, "redis://localhost", says=("redis://", "network", "mtdb_redis"))
    finally:
        sys.path[:] = places
