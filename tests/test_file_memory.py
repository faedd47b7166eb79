"""What a database in files takes of the heap: its cache and 2 KB, however large it is."""

import gc
import os

from microtetherdb import MicroTetherDB
from runner import ON_BOARD

FOLDERS = True
HEAP = "4M"

CACHE = 32 * 512


def held():
    """Bytes of the heap in use; what the C stack may still hold of earlier calls is overwritten first."""

    def deeper(n):
        return [0] * 5 if n == 0 else deeper(n - 1)

    deeper(12 if ON_BOARD else 40)
    gc.collect()
    gc.collect()
    return gc.mem_alloc()


def besides(files):
    """What a database with so many files open, at most three, may take beside its cache. On a board these are 2 KB, the
    scratch (a page and 192 bytes), and what the filesystem takes of the heap for each open file: littlefs has a buffer of
    1 KB for each. On POSIX, which has none, pointers of 8 bytes and blocks of the heap of 32 take all together to less
    than 4 KB."""
    if not ON_BOARD:
        return 4096
    gc.disable()
    before = gc.mem_alloc()
    file = open("file", "w")
    taken = gc.mem_alloc() - before
    gc.enable()
    file.close()
    return 2048 + 512 + 192 + files * taken


def fill(db):
    for n in range(0, 100000, 500):
        db.put_batch([{"name": "John", "age": n + i, "city": "Berlin"} for i in range(500)])


def test_100_000_records_take_the_cache_and_2_kb():
    before = held()
    db = MicroTetherDB("my.db", in_memory=False)
    fill(db)
    assert len(db) == 100000
    most = held() - before
    for n in range(0, 100000, 997):
        key = "%010d" % 0
        assert db.get(key)["age"] == 0
    assert len(db.query({"age": {"$gte": 99990}})) == 10
    most = max(most, held() - before)
    assert most <= CACHE + besides(files=3), most
    db.close()
    db = MicroTetherDB("my.db", in_memory=False)
    assert len(db) == 100000
    for age in (0, 5000, 99999):
        assert len(db.query({"age": age})) == 1
    most = held() - before
    assert most <= CACHE + besides(files=2), most
    db.close()
    for name in os.listdir("."):  # a board's flash is small
        os.remove(name)


def test_a_smaller_cache_takes_less():
    taken, most_besides = {}, besides(files=3)
    for pages in (8, 32, 128):
        gc.collect()
        before = gc.mem_alloc()
        db = MicroTetherDB("c%d.db" % pages, in_memory=False, btree_cachesize=pages)
        db.put_batch([{"n": n, "text": "x" * 100} for n in range(2000)])
        assert len(db.query({"n": {"$gte": 0}})) == 2000
        taken[pages] = held() - before
        # What is known of the pages of a cache is taken from it.
        assert taken[pages] <= pages * 512 + most_besides, taken
        db.close()
    assert taken[8] < taken[32] < taken[128], taken


def test_an_open_database_takes_pages_as_they_are_needed():
    gc.collect()
    before = gc.mem_alloc()
    db = MicroTetherDB("my.db", in_memory=False, btree_cachesize=200)
    db["a"] = 1
    assert held() - before < 200 * 512 // 4
    db.close()


def fill_heap(leave):
    """Takes the heap but for about `leave` bytes; returns what holds it."""
    hoard = []
    size = 65536
    while size >= 32:
        try:
            hoard.append(bytearray(size))
        except MemoryError:
            size //= 2
    while hoard and leave > 0:
        leave -= len(hoard.pop())
    return hoard


def test_a_short_heap_is_a_memory_error_and_nothing_is_lost():
    db = MicroTetherDB("my.db", in_memory=False, btree_cachesize=64)
    db.put_batch([{"n": n, "text": "x" * 100} for n in range(500)])
    keys = list(db)
    refused = 0
    for leave in range(0, 6000, 600 if ON_BOARD else 200):
        hoard = fill_heap(leave)
        try:
            db.put("new", {"n": leave, "text": "y" * 300})
        except MemoryError:
            refused += 1
        finally:
            hoard.clear()
            hoard = None
            gc.collect()
        assert len(db.query({"text": {"$contains": "xx"}})) == 500
    assert refused > 0
    db["new"] = 1
    db.close()
    with MicroTetherDB("my.db", in_memory=False) as db:
        assert [key for key in db if key != "new"] == keys and db["new"] == 1
