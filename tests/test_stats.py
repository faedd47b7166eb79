"""stats(), and the flush rule that can only be seen there."""

from microtetherdb import MicroTetherDB


def flushes(db):
    return db.stats()["flushes"]


def test_stats_holds_every_figure_that_memory_has():
    stats = MicroTetherDB().stats()
    for name in (
        "records",
        "ttl_records",
        "flushes",
        "bytes_used",
        "bytes_limit",
        "free_bytes",
        "page_size",
        "format_version",
    ):
        assert isinstance(stats[name], int), name
    for name in ("file_bytes", "cache_hits", "cache_misses"):
        assert name in stats, name
    assert stats["page_size"] == 512 and stats["format_version"] == 2
    assert 0 <= stats["bytes_used"] <= stats["bytes_limit"]


def test_stats_counts_records():
    db = MicroTetherDB()
    assert db.stats()["records"] == db.stats()["ttl_records"] == 0
    db.put_batch(list(range(10)))
    db.put("a", 1, ttl=1000)
    db.put("b", 1, ttl=1000)
    assert db.stats()["records"] == 12 and db.stats()["ttl_records"] == 2
    db.put("a", 1)
    db.delete("b")
    assert db.stats()["records"] == 11 and db.stats()["ttl_records"] == 0


def test_stats_counts_bytes():
    db = MicroTetherDB()
    empty = db.stats()["bytes_used"]
    keys = db.put_batch([{"n": n, "text": "x" * 40} for n in range(60)])
    stats = db.stats()
    assert stats["bytes_used"] >= empty + 60 * 40
    assert stats["bytes_used"] + stats["free_bytes"] <= stats["bytes_limit"] + stats["page_size"]
    db.delete_batch(keys)
    assert db.stats()["bytes_used"] < empty + 60 * 40 // 2


def test_the_page_size_asked_for_is_the_one_used():
    for size in (512, 1024, 2048, 4096):
        db = MicroTetherDB(btree_pagesize=size, ram_percentage=50)
        db.put_batch([{"n": n} for n in range(50)])
        assert db.stats()["page_size"] == size and len(db.query({"n": {"$gte": 25}})) == 25


def test_in_memory_every_5_writes_are_a_flush():
    db = MicroTetherDB()
    assert flushes(db) == 0
    seen = []
    for n in range(12):
        db.put("k", n)
        seen.append(flushes(db))
    assert seen == [0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2], seen


def test_without_the_adaptive_threshold_it_is_every_10():
    db = MicroTetherDB(adaptive_threshold=False)
    for n in range(25):
        db.put("k", n)
    assert flushes(db) == 2


def test_a_threshold_given_is_the_one_that_counts():
    for threshold, expected in ((1, 12), (3, 4), (7, 1), (100, 0)):
        db = MicroTetherDB(flush_threshold=threshold)
        for n in range(12):
            db.put("k", n)
        assert flushes(db) == expected, (threshold, flushes(db))


def test_every_kind_of_writing_counts_and_no_reading_does():
    db = MicroTetherDB(flush_threshold=1)
    for n, write in enumerate(
        (
            lambda: db.put("a", {"n": 1}),
            lambda: db.put({"n": 2}),
            lambda: db.put_batch([1, 2, 3]),
            lambda: db.delete("a"),
            lambda: db.put("b", {"n": 3}),
            lambda: db["b"].update({"n": 4}),
            lambda: db.delete_batch(["b"]),
        )
    ):
        write()
        assert flushes(db) == n + 1, n
    before = flushes(db)
    db.get("a"), db.query({}), list(db), len(db), "a" in db, db.tags("a"), db.stats(), list(db.find({"n": 1}))
    assert flushes(db) == before


def test_flush_forces_a_flush_and_starts_the_count_again():
    db = MicroTetherDB()
    for n in range(4):
        db.put("k", n)
    db.flush()
    assert flushes(db) == 1
    for n in range(4):
        db.put("k", n)
    assert flushes(db) == 1
    db.put("k", 5)
    assert flushes(db) == 2


def test_a_failed_write_does_not_count():
    db = MicroTetherDB(flush_threshold=1)
    for bad in (object(), float("nan")):
        try:
            db.put("k", bad)
        except (TypeError, ValueError):
            pass
    assert flushes(db) == 0


def test_operations_are_counted_by_kind():
    db = MicroTetherDB()
    before = db.stats()["operations"]
    assert set(before) == {"put", "get", "delete", "query", "batch"}
    db.put("a", {"n": 1})
    db["b"] = 2
    db.get("a"), db.get("missing"), db["b"]
    db.delete("b")
    db.query({"n": 1}), db.query({})
    db.delete_batch(db.put_batch([1, 2, 3]))
    after = db.stats()["operations"]
    grown = dict((kind, after[kind] - before[kind]) for kind in after)
    assert grown["put"] == 5 and grown["delete"] == 4 and grown["batch"] == 2, grown
    assert grown["get"] == 3 and grown["query"] == 2, grown


def test_stats_returns_a_dict_of_its_own_each_time():
    db = MicroTetherDB()
    first = db.stats()
    db.put("a", 1)
    assert first["records"] == 0 and db.stats()["records"] == 1
    first["records"] = 99
    assert db.stats()["records"] == 1
