"""Counts what the database takes of the heap: micropython memory.py

Prints a line for each count: name, number. The counts are the same in each run, those of a TTL but for a chunk of
pages, as times stand in keys.
"""

import gc
import json

from documents import average_json, document, documents, shuffled
from microtetherdb import MicroTetherDB


def growth(make):
    """Bytes of heap that what `make` returns holds."""
    gc.collect()
    before = gc.mem_alloc()
    made = make()
    gc.collect()
    return gc.mem_alloc() - before, made


def taken(call):
    """Bytes that one call allocates, garbage included."""
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    call()
    took = gc.mem_alloc() - before
    gc.enable()
    return took


def filled(items, keys=None, ttl=None, tags=None):
    db = MicroTetherDB(ram_percentage=60)
    for n, item in enumerate(items):
        if keys is None:
            db.put(item, ttl=ttl, tags=tags)
        else:
            db.put(keys[n], item, ttl=ttl, tags=tags)
    return db


def dict_of_json(items):
    return dict(("k%07d" % n, json.dumps(item)) for n, item in enumerate(items))


def random_keys(count):
    state, keys = 1, []
    for _ in range(count):
        key = ""
        for _ in range(8):
            state = (state * 1103515245 + 12345) & 0x7FFFFFFF
            key += "abcdefghijklmnopqrstuvwxyz0123456789"[(state >> 12) % 36]
        keys.append(key)
    assert len(set(keys)) == count
    return keys


def show(name, number):
    print("%s\t%s" % (name, number))


def sizes():
    items = documents(1000)
    show("average JSON of a document, hundredths of a byte", average_json(items))
    ordered, keys = ["k%07d" % n for n in range(1000)], random_keys(1000)
    show("dict", growth(lambda: dict_of_json(items))[0])
    show("generated", growth(lambda: filled(items))[0])
    show("random", growth(lambda: filled(items, keys))[0])
    show("ordered", growth(lambda: filled(items, ordered))[0])
    show("shuffled", growth(lambda: filled(shuffled(items), shuffled(ordered)))[0])
    show("tagged", growth(lambda: filled(items, tags=["active", "user"]))[0])
    show("empty", growth(lambda: filled([]))[0])


def ttl():
    for name, keys in (("ordered", ["k%07d" % n for n in range(2000)]), ("random", random_keys(2000))):
        items = documents(2000)
        without = growth(lambda: filled(items, keys))[0]
        with_ttl = growth(lambda: filled(items, keys, ttl=10000))[0]
        # In tenths of a byte a record, the 8 bytes of the key taken off.
        show("ttl %s" % name, (with_ttl - without) * 10 // 2000 - 80)


def query():
    few, many = filled(documents(100)), filled(documents(3000))
    assert few.query({"age": {"$gt": 100}}) == many.query({"age": {"$gt": 100}}) == []
    in_few = taken(lambda: few.query({"age": {"$gt": 100}}))
    in_many = taken(lambda: many.query({"age": {"$gt": 100}}))
    show("query of 100", in_few)
    show("query of 3000", in_many)
    show("get", taken(lambda: many.get("missing")))


def full():
    """Fills a database to its limit, deletes half, fills again."""
    db = MicroTetherDB(ram_percentage=5)

    def fill(n):
        keys = []
        try:
            while True:
                keys.append(db.put(document(n + len(keys))))
        except MemoryError:
            return keys

    keys = fill(0)
    show("full holds", len(keys))
    show("full bytes_limit", db.stats()["bytes_limit"])
    show("full reads", sum(db.get(key) == document(n) for n, key in enumerate(keys)))
    show("full query", len(db.query({"age": {"$gt": 89}})) - sum(document(n)["age"] > 89 for n in range(len(keys))))
    gone = keys[::2]
    show("full half", len(gone))
    show("full deleted", sum(db.delete(key) for key in gone))
    show("full again", len(fill(0)))
    show("full emptied", db.delete_batch(list(db)) and len(db))


sizes()
ttl()
query()
full()
