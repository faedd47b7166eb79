"""nadb on a Redis server. Values are strings under nadb:DB:NAMESPACE:value:KEY, so that other programs read them;
mtdb_redis/records.py tells what else is kept. Nothing is compressed there."""

import json

from mtdb_redis.records import Part, Records
from mtdb_redis.resp import Client

# What has no length to begin with is sent in pieces of this size.
PIECE = 4096


class RedisStorage:
    """A server; no connection is made before the first use.

    `base_path` is there for the sake of the interface and has no effect; `timeout` in seconds."""

    def __init__(self, base_path=None, host="localhost", port=6379, db=0, password=None, timeout=5):
        self.client = Client(host, port, db, password, timeout)

    def open(self, db, namespace, compression):
        space = _Space(self.client, "nadb:%s:%s:" % (_part(db), _part(namespace)))
        space.cleanup()
        return space


def _part(name):
    """A part of a name, without the character that ends it."""
    return name.replace("%", "%25").replace(":", "%3A")


class _Space:
    buffered = False

    def __init__(self, client, prefix):
        self._client, self._records = client, Records(client, prefix)

    def write(self, key, value, tags, ttl, now):
        if hasattr(value, "readinto"):
            value = self._records.send(value, PIECE)
        size = value.size if isinstance(value, Part) else len(value)

        def info(old):
            created = json.loads(old)["created_at"] if old else now
            return json.dumps({"size": size, "tags": tags, "ttl": ttl, "created_at": created, "last_updated": now})

        self._records.write([(key, value, ttl and max(1, int(ttl * 1000)), info)])
        return size

    def read(self, key):
        value, info = self._records.record(key)
        return None if value is None else (value, _metadata(key, info))

    def open_value(self, key):
        there, info = self._client.transaction(
            [("EXISTS", self._records.value_name(key)), ("HGET", self._records.name("info"), key)]
        )
        return (_metadata(key, info), (key, info)) if there else None

    def read_part(self, token, offset, buffer):
        key, expected = token
        part, info = self._client.transaction(
            [
                ("GETRANGE", self._records.value_name(key), offset, offset + len(buffer) - 1),
                ("HGET", self._records.name("info"), key),
            ]
        )
        if info != expected or (not part and len(buffer)):
            raise KeyError(key)
        buffer[: len(part)] = part

    def delete(self, key):
        return self._records.write([(key, None, None, None)])[0]

    def all_metadata(self):
        for page in self._records.pages():
            yield from self._present(page)

    def tagged(self, tag):
        keys = self._records.members("SINTER", ["tag:" + tag])
        for start in range(0, len(keys), 64):
            yield from self._present(keys[start : start + 64])

    def _present(self, keys):
        for key, there, info in zip(keys, self._records.exist(keys), self._records.infos(keys)):
            if there and info:
                yield _metadata(key, info)

    def compact(self):
        before = self._used()
        self._records.forget_expired()
        self._records.forget_vanished()
        return before, self._used()

    def _used(self):
        """Bytes that the whole server uses: Redis counts them for all together."""
        for line in self._client.call("INFO", "memory").split(b"\r\n"):
            if line.startswith(b"used_memory:"):
                return int(line[12:])

    def cleanup(self):
        return self._records.forget_expired()

    def flush(self):
        pass

    def purge(self):
        self._records.write([(key, None, None, None) for page in self._records.pages() for key in page])
        self._records.forget_vanished()

    def close(self):
        self._client.close()


def _metadata(key, info):
    metadata = json.loads(info)
    metadata["key"] = key
    return metadata
