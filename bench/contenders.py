"""The two that are measured. Every method of measured work of one has its twin in the other."""

import json
import time

from documents import document
from microtetherdb import MicroTetherDB


class Dict:
    """A dict of JSON strings, queried by a loop."""

    def __init__(self, count, tagged):
        self.d = {}
        for n in range(count):
            self.d[key_of(n)] = json.dumps(tagged_document(n) if tagged else document(n))

    def put(self, pairs):
        d, dumps = self.d, json.dumps
        for key, value in pairs:
            d[key] = dumps(value)

    def get(self, keys):
        d, loads = self.d, json.loads
        for key in keys:
            loads(d[key])

    def delete(self, keys):
        pop = self.d.pop
        for key in keys:
            pop(key)

    def query_gt(self, times=1):
        loads = json.loads
        for _ in range(times):
            found = []
            append = found.append
            for text in self.d.values():
                value = loads(text)
                if value["age"] > 89:
                    append(value)
        return found

    def query_tag(self, times=1):
        loads = json.loads
        for _ in range(times):
            found = []
            append = found.append
            for text in self.d.values():
                value = loads(text)
                if "tag3" in value["_tags"]:
                    append(value)
        return found

    def put_brief(self, pairs):
        for key, value in pairs:
            value = dict(value)
            value["expires"] = 1
            self.d[key] = json.dumps(value)

    def cleanup(self, _):
        now, loads = time.time(), json.loads
        gone = []
        for key, text in self.d.items():
            if loads(text).get("expires", now) < now:
                gone.append(key)
        for key in gone:
            del self.d[key]
        return len(gone)


class Database:
    def __init__(self, count, tagged):
        self.db = MicroTetherDB(ram_percentage=70)
        for n in range(count):
            self.db.put(key_of(n), document(n), tags=["tag%d" % (n % 10)] if tagged else None)

    def put(self, pairs):
        put = self.db.put
        for key, value in pairs:
            put(key, value)

    def put_generated(self, values):
        put = self.db.put
        for _, value in values:
            put(value)

    def get(self, keys):
        get = self.db.get
        for key in keys:
            get(key)

    def delete(self, keys):
        delete = self.db.delete
        for key in keys:
            delete(key)

    def put_batch(self, pairs):
        self.keys = self.db.put_batch(pairs)

    def delete_batch(self, keys):
        self.db.delete_batch(keys)

    def query_gt(self, times=1):
        query = self.db.query
        for _ in range(times):
            found = query({"age": {"$gt": 89}})
        return found

    def query_tag(self, times=1):
        query = self.db.query
        for _ in range(times):
            found = query({"tags": "tag3"})
        return found

    def put_brief(self, pairs):
        for key, value in pairs:
            self.db.put(key, value, ttl=0.001)
        time.sleep_ms(5)

    def cleanup(self, _):
        return self.db.cleanup()


def key_of(n):
    return "k%07d" % n


def tagged_document(n):
    value = document(n)
    value["_tags"] = ["tag%d" % (n % 10)]
    return value
