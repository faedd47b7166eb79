# How the examples show what they find.
import gc
import time


class Problem(Exception):
    """What the user is told, without a traceback."""


def thousands(number):
    text = str(number)
    groups = []
    while len(text) > 3:
        text, group = text[:-3], text[-3:]
        groups.insert(0, group)
    return ",".join([text] + groups)


def timed(call):
    """What the call returns, and how many ms it took; the collector has had its turn before."""
    gc.collect()
    began = time.ticks_us()
    result = call()
    return result, time.ticks_diff(time.ticks_us(), began) / 1000


def show_statistics(db):
    stats = db.stats()
    print("\nStatistics")
    for name in sorted(stats):
        if stats[name] is not None:
            print("  %-16s %s" % (name, thousands(stats[name]) if isinstance(stats[name], int) else stats[name]))
