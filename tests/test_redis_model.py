"""The model test on a Redis server: what the database says must be what the dict says."""

import test_model as model
from mtdb_redis.documents import Documents
from mtdb_redis.resp import Client
from redis_control import HOST, PORT

NEEDS = "unix"
REDIS = True


def run(seed, count):
    Client(HOST, PORT).call("FLUSHALL")
    db = Documents("redis://%s:%d/0" % (HOST, PORT), ram_percentage=40)
    model.run(seed, count, db=db)
    left = Client(HOST, PORT).call("KEYS", "*")
    assert left == [b"mtdb:next"], left


def test_5000_random_operations_of_seed_1():
    run(1, 5000)


def test_5000_random_operations_of_seed_2():
    run(2, 5000)


def test_5000_random_operations_of_seed_3():
    run(3, 5000)
