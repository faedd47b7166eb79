"""What the module prints: nothing, or with verbose=True two lines."""

import os
import sys

NEEDS = "unix"


def printed(program):
    """What a new interpreter prints while it runs `program`."""
    with open("output.py", "w") as file:
        file.write("from microtetherdb import MicroTetherDB\n" + program)
    assert os.system("'%s' output.py > output.txt 2>&1" % sys.executable) == 0
    with open("output.txt") as file:
        return file.read()


WORK = """
db.put_batch([{"n": n} for n in range(100)], ttls=0.001)
db.cleanup(), db.compact(), db.flush(), db.query({}), db.stats(), db.delete(purge=True)
try:
    db.put(object())
except TypeError:
    pass
del db
import gc
gc.collect()
"""


def test_nothing_is_ever_printed():
    assert printed("db = MicroTetherDB()" + WORK) == ""
    assert printed("db = MicroTetherDB(verbose=False)" + WORK) == ""


def test_verbose_prints_the_two_memory_lines():
    lines = printed("db = MicroTetherDB(verbose=True, ram_percentage=20)" + WORK).split("\n")
    assert len(lines) == 3 and lines[2] == "", lines
    total, free = lines[0].replace("Memory info - Total: ", "").split(", Free: ")
    assert 0 < int(free) < int(total), lines[0]
    words = lines[1].split(" ")
    assert (
        words[0] == "Using" and " ".join(words[2:]) == "blocks of %s bytes each (20%% of free memory)" % words[4]
    ), lines[1]
    assert abs(int(words[1]) * int(words[4]) - int(free) // 5) <= int(free) // 50, lines


def test_verbose_prints_nothing_for_a_database_refused():
    assert printed("try:\n    MicroTetherDB(verbose=True, ram_percentage=0)\nexcept ValueError:\n    pass\n") == ""
