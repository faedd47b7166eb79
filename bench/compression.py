"""What compression costs and saves: micropython compression.py [READINGS.csv]

Prints for each kind of values a line: what it is, values, bytes of JSON, bytes in memory plain and compressed, bytes in
a file after compact(), the same, µs of all puts, of all gets, of a query that looks at all, the same."""

import json
import os
import sys
import time

from microtetherdb import MicroTetherDB

DOCUMENTS = ("../README.md", "../docs/ARCHITECTURE.md", "../docs/NADB.md", "../docs/REDIS.md")


def texts(size):
    text = "".join(open(name).read() for name in DOCUMENTS)
    # In letters, so that MicroPython's strs are cut without looking for characters.
    text = "".join(letter for letter in text if ord(letter) < 128)
    return [text[at : at + size] for at in range(0, len(text) - size, size // 4)]


def readings(name, count):
    def value(field):
        try:
            return float(field) if "." in field else int(field)
        except ValueError:
            return field.strip('"')

    with open(name) as file:
        fields = [field.strip('"') for field in file.readline().strip().split(",")]
        rows = [file.readline().strip().split(",") for _ in range(count)]
    return [dict(zip(fields, [value(field) for field in row[-len(fields) :]])) for row in rows]


def lowest(call, rounds=5):
    best = None
    for _ in range(rounds):
        begun = time.ticks_us()
        call()
        took = time.ticks_diff(time.ticks_us(), begun)
        best = took if best is None else min(best, took)
    return best


def measure(values, **options):
    """(bytes in memory, bytes in a file, µs of the puts, of the gets, of a query)"""
    keys = ["%06d" % n for n in range(len(values))]
    db = MicroTetherDB(ram_percentage=60, **options)

    def puts():
        for key, value in zip(keys, values):
            db.put(key, value)

    def gets():
        for key in keys:
            db.get(key)

    times = lowest(puts), lowest(gets), lowest(lambda: db.query({"no such field": 1}))
    used = db.stats()["bytes_used"]
    db.close()
    with MicroTetherDB("compression.db", in_memory=False, flush_threshold=1000, auto_flush_seconds=1000, **options) as db:
        db.put_batch(values)
        db.compact()
    size = 0
    for name in os.listdir("."):
        if name.startswith("compression.db"):
            size += 0 if name.endswith(".spare") else os.stat(name)[6]
            os.remove(name)
    return (used, size) + times


def report(what, values, least=256, **options):
    plain = measure(values, use_compression=False, **options)
    small = measure(values, min_compress_size=least, **options)
    pairs = [figure for pair in zip(plain, small) for figure in pair]
    print("\t".join(str(x) for x in [what, len(values), sum(len(json.dumps(v)) for v in values)] + pairs))


for size in (1000, 7500):  # that is 1 and 8 KB of JSON
    report("text, %d letters" % size, texts(size))
    report("the same, pages of 1,024 bytes", texts(size), btree_pagesize=1024)
if len(sys.argv) > 1:
    single = readings(sys.argv[1], 2000)
    report("readings, each compressed that gets shorter", single, 0)
    report("lists of 16 readings", [single[n : n + 16] for n in range(0, 2000, 16)])
