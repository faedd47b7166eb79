"""A database on a Redis server answers as one in memory: the tests of the latter, run on it."""

import sys

from mtdb_redis.documents import Documents
from mtdb_redis.resp import Client
from redis_control import HOST, PORT

NEEDS = "unix"
REDIS = True

FILES = "batches errors find live_documents mapping put_get query_errors query_operators tags transactions ttl values"
# What these tell of is memory, or is not there on a server.
LEFT_OUT = (
    "test_a_full_database_is_a_memory_error",
    "test_a_transaction_flushes_once_when_it_is_committed",
    "test_two_databases_have_transactions_of_their_own",
)


class Database(Documents):
    """Without what the server uses for itself, which is never the same twice."""

    def stats(self):
        stats = super().stats()
        del stats["bytes_used"], stats["free_bytes"]
        stats["bytes_used"] = stats["records"]
        return stats


def empty_database(**options):
    Client(HOST, PORT).call("FLUSHALL")
    return Database("redis://%s:%d/0" % (HOST, PORT), **options)


def adopt(file):
    module = __import__("test_" + file)
    module.MicroTetherDB = empty_database
    for name in dir(module):
        if name.startswith("test_") and name not in LEFT_OUT:
            setattr(sys.modules[__name__], "test_%s_%s" % (file, name[5:]), getattr(module, name))


for file in FILES.split():
    adopt(file)
