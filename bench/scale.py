"""Times put and get at two sizes of database in turns: micropython scale.py SMALL LARGE

Prints for each operation a line: operation, then median and lowest time of one call in ns, small and
large.
"""

import gc
import sys
import time

from documents import document, shuffled
from microtetherdb import MicroTetherDB

ROUNDS = 31
CALLS = 500  # a round long enough that the caches, cold after a collection, are not what is measured


def filled(count):
    db = MicroTetherDB(ram_percentage=40)
    for n in shuffled(range(count)):  # in no order, as the keys to come: pages as such a database has them
        db.put("k%07d" % n, document(n))
    return db


def put(db, pairs):
    put = db.put
    for key, value in pairs:
        put(key, value)


def get(db, keys):
    get = db.get
    for key in keys:
        get(key)


def timed(work, db, argument):
    gc.collect()
    gc.disable()
    began = time.ticks_us()
    work(db, argument)
    took = time.ticks_diff(time.ticks_us(), began)
    gc.enable()
    return took


def main(counts):
    databases = [filled(count) for count in counts]
    for name in ("put, new key", "put, replacing", "get"):
        times = [[], []]
        for round in range(ROUNDS):
            for db, count, taken in zip(databases, counts, times):
                numbers = (
                    shuffled(range(count), round + 1)[:CALLS]
                    if count < 5000
                    else [(n * 7919 + round * 104729) % count for n in range(CALLS)]
                )
                keys = ["k%07d" % n for n in numbers]
                if name == "get":
                    taken.append(timed(get, db, keys))
                    continue
                if name == "put, new key":
                    keys = [key + "x" for key in keys]
                taken.append(timed(put, db, [(key, document(n + 1)) for n, key in zip(numbers, keys)]))
                if name == "put, new key":
                    db.delete_batch(keys)
        line = [name]
        for taken in times:
            ordered = sorted(taken)
            line += [str(ordered[len(ordered) // 2] * 1000 // CALLS), str(ordered[0] * 1000 // CALLS)]
        print("\t".join(line))
    assert [len(db) for db in databases] == list(counts)


main([int(word) for word in sys.argv[1:3]])
