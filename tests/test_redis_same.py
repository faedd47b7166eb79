"""tmp"""
import sys
from mtdb_redis.documents import Documents
from mtdb_redis.resp import Client
from redis_control import HOST, PORT
NEEDS = "unix"
REDIS = True
def fresh(**options):
    Client(HOST, PORT).call("FLUSHALL")
    return Documents("redis://%s:%d/0" % (HOST, PORT), **options)
def adopt(name):
    m = __import__(name)
    m.MicroTetherDB = fresh
    for t in dir(m):
        if t.startswith("test_"):
            setattr(sys.modules[__name__], "test_%s__%s" % (name[5:], t[5:]), getattr(m, t))
for name in ("test_query_operators","test_query_errors","test_put_get","test_tags","test_ttl","test_values","test_batches","test_find","test_mapping","test_transactions","test_errors", "test_live_documents"):
    adopt(name)
