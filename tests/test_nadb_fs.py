"""nadb on a file: every operation, the same as on a Redis server (nadb_operations.py)."""

import microtetherdb
import nadb_operations
from nadb import KeyValueStore
from nadb_operations import *

NEEDS = "unix"
HEAP = "24M"

STANDS_IN = not hasattr(microtetherdb, "_new_bytes")


def make(db, namespace, **options):
    return KeyValueStore("./data", db, 1, namespace, storage_backend="fs", **options)


nadb_operations.make = make
if STANDS_IN:
    import nadb_stand_in

    print("NOT TESTED: nadb on real files, which the module does not have yet; memory stands in for them")
    nadb_stand_in.install()
    del test_1_mb_takes_64_kb_beyond_itself
