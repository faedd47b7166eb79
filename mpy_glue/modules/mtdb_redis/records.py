"""Records on a Redis server: a value under a key, with tags and a time to live.

Everything of one set of records has names that begin with one prefix:
    PREFIX value:KEY   the value, a string that expires by itself
    PREFIX keys        sorted set of the keys, all of score 0: their order is that of their bytes
    PREFIX expires     sorted set of the keys that expire; score: when, in milliseconds since 1970
    PREFIX info        hash, KEY to JSON text: {"tags": [...]} and what else the writer keeps there
    PREFIX tag:TAG     set of the keys that have the tag
    PREFIX own         set of the keys whose info says "own"
    PREFIX next        how many keys were generated
    PREFIX part:N      a value on its way there in pieces; it expires after an hour
The value's expiry is Redis's own. What the others say of an expired key goes with forget_expired(), or when
the key is written again; until then readers see that there is no value."""

import errno
import json

# Keys looked at in one step of a long call.
PAGE = 64
# A write is tried so often when other programs change the same records meanwhile.
_ATTEMPTS = 50
# A TTL that says: the one that the record has.
KEEP = -1


class Changed(Exception):
    """A record has not the value that was expected; its argument is the key."""


class Part:
    """A value that was sent in pieces and waits under a name of its own. `size` in bytes."""

    def __init__(self, name, size):
        self.name, self.size = name, size


def _milliseconds(time):
    """Since 1970, of the reply to TIME."""
    return int(time[0]) * 1000 + int(time[1]) // 1000


def _sets(info):
    """The sets that a record is a member of."""
    info = json.loads(info) if info else {}
    return ["tag:" + tag for tag in info.get("tags", ())] + (["own"] if info.get("own") else [])


class Records:
    def __init__(self, client, prefix):
        """`client`: a resp.Client. `prefix`: str, begins the names of everything kept here."""
        self.client, self.prefix = client, prefix

    def name(self, rest):
        return self.prefix + rest

    def value_name(self, key):
        return self.prefix + "value:" + key

    # ---- reading

    def infos(self, keys):
        """What stands in `info` of keys, JSON text or None: of expired keys too."""
        return self.client.call("HMGET", self.name("info"), *keys) if keys else []

    def records(self, keys):
        """(values, infos, milliseconds until something expires or None), of one moment; a value None for what is
        not there."""
        if not keys:
            return [], [], None
        values, infos, time, first = self.client.transaction(
            [
                ["MGET"] + [self.value_name(key) for key in keys],
                ["HMGET", self.name("info")] + keys,
                ("TIME",),
                ("ZRANGE", self.name("expires"), 0, 0, "WITHSCORES"),
            ]
        )
        left = int(first[1]) - _milliseconds(time) if first else None
        if left is not None and left <= 0:
            self.forget_expired()  # so that the next call sees what expires next
            left = 0
        return values, infos, left

    def record(self, key):
        """(value, info) of one moment, the value None for what is not there."""
        return self.client.transaction([("GET", self.value_name(key)), ("HGET", self.name("info"), key)])

    def exist(self, keys):
        """For each key whether it has a value."""
        return [bool(n) for n in self.client.pipeline([("EXISTS", self.value_name(key)) for key in keys])]

    def keys_after(self, key, count=PAGE):
        """The next keys in order, after `key` or from the beginning (None): of expired records too."""
        begin = "-" if key is None else "(" + key
        found = self.client.call("ZRANGEBYLEX", self.name("keys"), begin, "+", "LIMIT", 0, count)
        return [name.decode() for name in found]

    def pages(self):
        """All keys in order, in lists of at most PAGE."""
        last = None
        while True:
            page = self.keys_after(last)
            if not page:
                return
            last = page[-1]
            yield page

    def members(self, command, sets):
        """The keys in the union (SUNION) or intersection (SINTER) of sets, in order: of expired records too."""
        return sorted(name.decode() for name in self.client.call(command, *[self.name(rest) for rest in sets]))

    def counts(self):
        """(records, those of them that expire); expired ones count until they are forgotten."""
        return self.client.pipeline((("ZCARD", self.name("keys")), ("ZCARD", self.name("expires"))))

    # ---- writing

    def generate(self, count):
        """Reserves `count` numbers for keys; returns the first."""
        return self.client.call("INCRBY", self.name("next"), count) - count

    def write(self, changes, expected=None):
        """Carries out changes, no two of one key, all or none: (key, value, TTL in milliseconds, info).

        A value is bytes, str, a Part, or None to delete. A TTL of None is for ever; with KEEP a record keeps the
        one it has, and one that is gone stays so. `info` is JSON text, None, or is called with the info there was
        (None where there was no record) and returns one. `expected`: {key: value, None for none}; Changed when one has
        another now, and nothing is done. Returns for each change whether the key was there."""
        if not changes:
            return []
        keys, expected = [change[0] for change in changes], expected or {}
        with self.client.watching:
            for _ in range(_ATTEMPTS):
                connection, there, old, now = self._watch(keys, expected)
                requests = _Requests(self)
                for change, was, was_info in zip(changes, there, old):
                    requests.change(change, was, was_info, now)
                if self.client.transaction(requests.all(), connection) is not None:
                    return there
        raise OSError(errno.EAGAIN, "other programs change these records without pause: %r" % keys[:3])

    def forget(self, keys):
        """Removes what is still said of keys that have no value any more; returns of how many."""
        with self.client.watching:
            connection, there, old, _ = self._watch(keys, {})
            requests, gone = _Requests(self), 0
            for key, was, info in zip(keys, there, old):
                if not was:
                    requests.delete(key, info)
                    gone += 1
            # When somebody writes one of them at this moment the next call forgets the others.
            return gone if self.client.transaction(requests.all(), connection) is not None else 0

    def forget_expired(self, most=None):
        """Forgets all that has expired, or about `most` of it; returns how many records that were."""
        now, gone = _milliseconds(self.client.call("TIME")), 0
        while True:
            due = self.client.call("ZRANGEBYSCORE", self.name("expires"), "-inf", now, "LIMIT", 0, PAGE)
            forgotten = self.forget([key.decode() for key in due]) if due else 0
            gone += forgotten
            if not forgotten or (most and gone >= most):
                return gone

    def forget_vanished(self):
        """Forgets what was removed by others, or by a server that evicts; looks at every key."""
        gone = 0
        for page in self.pages():
            missing = [key for key, there in zip(page, self.exist(page)) if not there]
            gone += self.forget(missing) if missing else 0
        return gone

    def send(self, reader, piece):
        """Sends what `reader` (with readinto) has, in pieces of at most `piece` bytes: a Part."""
        name = self.name("part:%d" % self.client.call("INCR", self.name("part")))
        buffer, size = bytearray(piece), 0
        view = memoryview(buffer)
        self.client.transaction([("SET", name, b""), ("EXPIRE", name, 3600)])
        while True:
            count = reader.readinto(buffer)
            if not count:
                return Part(name, size)
            self.client.call("APPEND", name, view[:count])
            size += count

    def _watch(self, keys, expected):
        """(number of the connection, whether each key is there, infos, the server's time in milliseconds)"""
        names = [self.value_name(key) for key in keys]
        requests = [["WATCH"] + names + [self.value_name(key) for key in expected]]
        requests += [["HMGET", self.name("info")] + keys, ("TIME",)]
        requests += [("EXISTS", name) for name in names]
        # Counted before, so that a connection made anew meanwhile does not pass for the one that watches.
        connection = self.client.connections
        replies = self.client.pipeline(requests)
        for key in expected:
            if self.client.call("GET", self.value_name(key)) != expected[key]:
                self.client.call("UNWATCH")
                raise Changed(key)
        return connection, [bool(n) for n in replies[3:]], replies[1], _milliseconds(replies[2])


class _Requests:
    """What is asked of the server for a number of changes: one request for all of them where it takes many keys."""

    def __init__(self, records):
        self._records, self._each = records, []
        self._listed = ["ZADD", records.name("keys")]
        self._unlisted = ["ZREM", records.name("keys")]
        self._lasting = ["ZREM", records.name("expires")]
        self._deleted = ["DEL"]
        self._joined = {}  # ("SADD" or "SREM", set) to keys

    def all(self):
        sets = [[command, self._records.name(rest)] + keys for (command, rest), keys in self._joined.items()]
        lists = (self._listed, self._unlisted, self._lasting)
        deleted = [self._deleted] if len(self._deleted) > 1 else []
        return self._each + sets + [request for request in lists if len(request) > 2] + deleted

    def change(self, change, there, old, now):
        """One change as for Records.write(); `old`: its info, `now` in milliseconds since 1970."""
        key, value, ttl, info = change
        if value is None:
            if there or old:
                self.delete(key, old)
        elif ttl == KEEP:
            if there:
                self._each.append(("SET", self._records.value_name(key), value, "KEEPTTL"))
                self._index(key, old, info)
        else:
            self._put(key, value, ttl and now + ttl)
            self._index(key, old, info(old if there else None) if callable(info) else info)

    def delete(self, key, old):
        self._deleted.append(self._records.value_name(key))
        self._unlisted.append(key)
        self._lasting.append(key)
        self._index(key, old, None)

    def _put(self, key, value, expires):
        name = self._records.value_name(key)
        if isinstance(value, Part):
            self._each.append(("RENAME", value.name, name))
            self._each.append(("PERSIST", name))
        else:
            self._each.append(("SET", name, value))
        self._listed += (0, key)
        if expires:
            self._each.append(("PEXPIREAT", name, expires))
            self._each.append(("ZADD", self._records.name("expires"), expires, key))
        else:
            self._lasting.append(key)

    def _index(self, key, old, new):
        before, after = _sets(old), _sets(new)
        for rest in before:
            if rest not in after:
                self._joined.setdefault(("SREM", rest), []).append(key)
        for rest in after:
            if rest not in before:
                self._joined.setdefault(("SADD", rest), []).append(key)
        if new:
            self._each.append(("HSET", self._records.name("info"), key, new))
        elif old:
            self._each.append(("HDEL", self._records.name("info"), key))
