"""Times microtetherdb against a dict of JSON strings: micropython speed.py COUNT on|off [OPERATION…]

Prints for each operation a line: operation, calls in a round, then median and lowest time of a round
in µs for the dict and for the database. The two take turns in many short rounds;
before each round the heap is collected, during it the collector is on or off, as asked for.
"""

import gc
import sys
import time

from contenders import Database, Dict, key_of
from documents import average_json, document, documents, shuffled

ROUNDS = 21
CALLS = 100  # of a single operation in a round


# ---- the rounds of an operation: each yields contender, work, argument for the clock, does the rest itself


def with_keys(name, count, contenders):
    pick = shuffled(range(count))[:CALLS]
    old = [(key_of(n), document(n + 1)) for n in pick]
    new = [(key_of(n) + "x", document(n + 5)) for n in pick]  # between the old ones, in no order
    old_keys, new_keys = [key for key, _ in old], [key for key, _ in new]
    for _ in range(ROUNDS):
        for contender in contenders:
            if name == "put, new key":
                yield contender, contender.put, new
                contender.delete(new_keys)
            elif name == "put, replacing":
                yield contender, contender.put, old
            elif name == "get":
                yield contender, contender.get, old_keys
            else:
                contender.put(new)
                yield contender, contender.delete, new_keys


def with_generated_keys(name, count, contenders):
    pairs = [(key_of(count + n), document(n)) for n in range(CALLS)]
    keys, values = [key for key, _ in pairs], [value for _, value in pairs]
    plain, database = contenders
    for _ in range(ROUNDS):
        if name == "put, generated key":
            yield plain, plain.put, pairs
            plain.delete(keys)
            yield database, database.put_generated, pairs
            database.db.delete_batch([key for key in database.db if len(key) != len(keys[0])])
        elif name == "put_batch 100":
            yield plain, plain.put, pairs
            plain.delete(keys)
            yield database, database.put_batch, values
            database.delete_batch(database.keys)
        else:
            plain.put(pairs)
            yield plain, plain.delete, keys
            database.put_batch(values)
            yield database, database.delete_batch, database.keys


def queries(name, count, contenders):
    times = query_times(count)
    for _ in range(ROUNDS):
        for contender in contenders:
            yield contender, contender.query_gt if name == "query $gt, 10 %" else contender.query_tag, times


def query_times(count):
    """So many that a round can be measured in µs."""
    return max(1, 2000 // count)


def cleanups(name, count, contenders):
    brief = [(key_of(count + n), document(n)) for n in range(100)]
    for _ in range(ROUNDS):
        for contender in contenders:
            contender.put_brief(brief)
            yield contender, contender.cleanup, None


OPERATIONS = (  # name, rounds, calls in one (0: query_times)
    ("put, new key", with_keys, CALLS),
    ("put, replacing", with_keys, CALLS),
    ("put, generated key", with_generated_keys, CALLS),
    ("get", with_keys, CALLS),
    ("delete", with_keys, CALLS),
    ("put_batch 100", with_generated_keys, 1),
    ("delete_batch 100", with_generated_keys, 1),
    ("query $gt, 10 %", queries, 0),
    ("query tag, 10 %", queries, 0),
    ("cleanup of 100", cleanups, 1),
)


def timed(work, argument, collector):
    gc.collect()
    if collector == "off":
        gc.disable()
    began = time.ticks_us()
    work(argument)
    took = time.ticks_diff(time.ticks_us(), began)
    gc.enable()
    return took


def measure(count, collector, only):
    print("average\t%d" % average_json(documents(count)))
    for name, rounds, calls in OPERATIONS:
        if only and name not in only:
            continue
        tagged = name.startswith("query tag")
        contenders = Dict(count, tagged), Database(count, tagged)
        times = {contenders[0]: [], contenders[1]: []}
        for contender, work, argument in rounds(name, count, contenders):
            times[contender].append(timed(work, argument, collector))
        check(name, count, *contenders)
        line = [name, str(calls or query_times(count))]
        for contender in contenders:
            ordered = sorted(times[contender])
            line += [str(ordered[len(ordered) // 2]), str(ordered[0])]
        print("\t".join(line))


def check(name, count, plain, database):
    """Both hold as much as in the beginning, and find the same."""
    assert len(plain.d) == len(database.db) == count, (name, len(plain.d), len(database.db))
    found = [len(contender.query_gt()) for contender in (plain, database)]
    assert found[0] == found[1], (name, found)
    if name == "query tag, 10 %":
        assert len(plain.query_tag()) == len(database.query_tag()) == count // 10


measure(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
