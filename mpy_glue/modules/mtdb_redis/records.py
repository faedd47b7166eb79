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


class Part:
    """A value that was sent in pieces and waits under a name of its own. `size` in bytes."""

    def __init__(self, name, size):
        self.name, self.size = name, size


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

    def values(self, keys):
        """The values of keys, None for what is not there."""
        return self.client.call("MGET", *[self.value_name(key) for key in keys]) if keys else []

    def infos(self, keys):
        """What stands in `info` of keys, JSON text or None: of expired keys too."""
        return self.client.call("HMGET", self.name("info"), *keys) if keys else []

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
        """(records, those of them that expire, keys generated); expired ones count until they are forgotten."""
        records, expiring, generated = self.client.pipeline(
            (("ZCARD", self.name("keys")), ("ZCARD", self.name("expires")), ("GET", self.name("next")))
        )
        return records, expiring, int(generated or 0)

    # ---- writing

    def generate(self, count):
        """Reserves `count` numbers for keys; returns the first."""
        return self.client.call("INCRBY", self.name("next"), count) - count

    def write(self, changes):
        """Carries out changes, no two of one key, all or none: (key, value, TTL in milliseconds or None, info).

        A value is bytes, str, a Part, or None to delete. `info` is JSON text, None, or is called with the info
        there was (None where there was no record) and returns one. Returns for each whether the key was there."""
        if not changes:
            return []
        keys = [change[0] for change in changes]
        timed = any(change[2] for change in changes)
        with self.client.watching:
            for _ in range(_ATTEMPTS):
                replies = self._watch(keys, timed)
                connection, old = self.client.connections, replies[1]
                there = [bool(n) for n in replies[2 : 2 + len(keys)]]
                now = int(replies[-1][0]) * 1000 + int(replies[-1][1]) // 1000 if timed else 0
                requests = []
                for change, was, was_info in zip(changes, there, old):
                    self._change(requests, change, was, was_info, now)
                if self.client.transaction(requests, connection) is not None:
                    return there
        raise OSError(errno.EAGAIN, "other programs change these records without pause: %r" % keys[:3])

    def replace(self, key, expected, value, info):
        """Gives `key` another value and info where it still has the value `expected`; the TTL stays. False where not."""
        with self.client.watching:
            replies = self._watch([key], False)
            connection, old = self.client.connections, replies[1][0]
            if self.client.call("GET", self.value_name(key)) != expected:
                return False
            requests = [("SET", self.value_name(key), value, "KEEPTTL")]
            self._index(requests, key, old, info)
            return self.client.transaction(requests, connection) is not None

    def forget(self, keys):
        """Removes what is still said of keys that have no value any more; returns of how many."""
        with self.client.watching:
            replies = self._watch(keys, False)
            connection, requests, gone = self.client.connections, [], 0
            for key, info, there in zip(keys, replies[1], replies[2:]):
                if not there:
                    self._delete(requests, key, info)
                    gone += 1
            # When somebody writes one of them at this moment the next call forgets the others.
            return gone if self.client.transaction(requests, connection) is not None else 0

    def forget_expired(self):
        """Forgets all that has expired; returns how many records that were."""
        seconds, micros = self.client.call("TIME")
        now, gone = int(seconds) * 1000 + int(micros) // 1000, 0
        while True:
            due = self.client.call("ZRANGEBYSCORE", self.name("expires"), "-inf", now, "LIMIT", 0, PAGE)
            forgotten = self.forget([key.decode() for key in due]) if due else 0
            gone += forgotten
            if not forgotten:
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

    # ---- requests

    def _watch(self, keys, timed):
        names = [self.value_name(key) for key in keys]
        requests = [["WATCH"] + names, ["HMGET", self.name("info")] + keys]
        requests += [("EXISTS", name) for name in names]
        return self.client.pipeline(requests + [("TIME",)] if timed else requests)

    def _change(self, requests, change, there, old, now):
        key, value, ttl, info = change
        if value is None:
            if there or old:
                self._delete(requests, key, old)
            return
        name = self.value_name(key)
        requests.append(("RENAME", value.name, name) if isinstance(value, Part) else ("SET", name, value))
        requests.append(("ZADD", self.name("keys"), 0, key))
        if ttl:
            requests.append(("PEXPIREAT", name, now + ttl))
            requests.append(("ZADD", self.name("expires"), now + ttl, key))
        else:
            if isinstance(value, Part):
                requests.append(("PERSIST", name))
            requests.append(("ZREM", self.name("expires"), key))
        self._index(requests, key, old, info(old if there else None) if callable(info) else info)

    def _index(self, requests, key, old, new):
        before, after = _sets(old), _sets(new)
        requests.extend(("SREM", self.name(rest), key) for rest in before if rest not in after)
        requests.extend(("SADD", self.name(rest), key) for rest in after if rest not in before)
        if new:
            requests.append(("HSET", self.name("info"), key, new))
        elif old:
            requests.append(("HDEL", self.name("info"), key))

    def _delete(self, requests, key, old):
        requests.append(("DEL", self.value_name(key)))
        requests.append(("ZREM", self.name("keys"), key))
        requests.append(("ZREM", self.name("expires"), key))
        self._index(requests, key, old, None)
