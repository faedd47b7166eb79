"""MicroTetherDB("redis://[:password@]host[:port][/db]"): the document interface, its records on a Redis server.

The engine stays the only judge of documents: a small database in memory checks and normalises what is put, and
answers queries about the documents that are fetched. Names on the server begin with "mtdb:"; see records.py."""

import json
import sys
import time

from microtetherdb import DBLock, MicroTetherDB
from mtdb_redis import text
from mtdb_redis.pending import Pending
from mtdb_redis.records import KEEP, Changed, Records
from mtdb_redis.resp import Client, _new_lock
from mtdb_redis.url import parse

try:
    import _thread
except ImportError:
    _thread = None

# Documents are fetched as many at once as lately made about so many bytes of JSON.
_FETCH = 4096
_MOST, _FEWEST = 64, 4
_DIGITS = "0123456789abcdefghijklmnopqrstuv"


def _generated_key(number):
    key = ""
    for _ in range(10):
        key = _DIGITS[number & 31] + key
        number >>= 5
    return key


class Documents:
    """A database on a Redis server. Everything that API.md says of MicroTetherDB holds, but for what raises
    NotImplementedError here: lock() and backup(). Parameters that concern memory or files have no effect."""

    def __init__(self, filename, *args, **named):
        given = dict(zip(("in_memory", "ram_percentage", "max_retries", "retry_delay", "lock_timeout"), args))
        given.update(named)
        host, port, db, password = parse(filename)
        named.pop("in_memory", None)
        # Checks the other parameters, too.
        self._engine = MicroTetherDB("in memory", True, *args[1:], **named)
        self._engine_lock = _new_lock()
        self._client = Client(host, port, db, password)
        self._records = Records(self._client, "mtdb:")
        self._lock_timeout = int(given.get("lock_timeout", 5) * 1000)
        self._pending, self._owner = Pending(), None
        self._operations = {"put": 0, "get": 0, "delete": 0, "query": 0, "batch": 0}
        self._closed = False

    # ---- who may

    def _enter(self, operation=None):
        """Before each operation: waits while a transaction of another thread is open."""
        if self._closed:
            raise ValueError("database is closed")
        if self._pending.depth and self._owner != _current():
            self._wait_for_owner()
        if operation:
            self._operations[operation] += 1

    def _wait_for_owner(self):
        began = time.ticks_ms()
        while self._pending.depth and self._owner != _current():
            if self._owner[0] == _current()[0]:
                raise DBLock("another task is in a transaction")
            if time.ticks_diff(time.ticks_ms(), began) > self._lock_timeout:
                raise DBLock("another thread has been in a transaction for %g s" % (self._lock_timeout / 1000))
            time.sleep_ms(2)

    def close(self):
        """Ends the connection; a transaction that is open is rolled back."""
        if not self._closed:
            self._closed = True
            while self._pending.depth:
                self._pending.drop()
            self._client.close()
            self._engine.close()

    def __enter__(self):
        self._enter()
        return self

    def __exit__(self, *_):
        self.close()

    async def __aenter__(self):
        return self.__enter__()

    async def __aexit__(self, *_):
        self.close()

    # ---- writing

    def put(self, *args, **named):
        """put(data, ttl=None, tags=None, _id=None) or put(key, data, ttl=None, tags=None): the key."""
        key, data, ttl, tags = _put_arguments(args, named)
        self._enter("put")
        change = self._checked(key, data, ttl, tags)
        if key is None:
            change = (self._generate(1)[0],) + change[1:]
        self._write([change])
        return change[0]

    def put_batch(self, items, ttls=None):
        """The generated keys of the items, all of which are stored or none."""
        self._enter("batch")
        with self._engine_lock:
            try:
                keys = self._engine.put_batch(items, ttls)
                listed = ttls if isinstance(ttls, (list, tuple)) else [ttls] * len(keys)
                changes = [self._change(key, ttl) for key, ttl in zip(keys, listed)]
            finally:
                self._engine.delete(purge=True)
        keys = self._generate(len(changes)) if changes else []
        self._write([(key,) + change[1:] for key, change in zip(keys, changes)])
        return keys

    def _checked(self, key, data, ttl, tags):
        """The change that puts it. The engine raises what is wrong with any of it."""
        with self._engine_lock:
            try:
                if key is None:
                    return self._change(self._engine.put(data, ttl=ttl, tags=tags), ttl)
                return self._change(self._engine.put(key, data, ttl=ttl, tags=tags), ttl)
            finally:
                self._engine.delete(purge=True)

    def _change(self, key, ttl):
        """The same of a record that is in the engine."""
        value, tags = self._engine.get(key), self._engine.tags(key)
        if tags and isinstance(value, dict):
            del value["_tags"]
        milliseconds = None
        if ttl:
            milliseconds = int(ttl * 1000)
            milliseconds += milliseconds < ttl * 1000
        return key, text.dumps(value).encode(), milliseconds, _info(value, tags)

    def _write(self, changes):
        """Returns for each that deletes whether the key was there."""
        if not self._pending.depth:
            return self._records.write(changes)
        there = [change[1] is None and self._fetch(change[0])[0] is not None for change in changes]
        for change in changes:
            self._pending.put(*change)
        return there

    def _generate(self, count):
        keys = []
        while len(keys) < count:
            first = self._records.generate(count - len(keys))
            new = [_generated_key(first + n) for n in range(count - len(keys))]
            keys += [key for key, there in zip(new, self._records.exist(new)) if not there and key not in self._pending]
        return keys

    def delete(self, key=None, purge=False):
        """1 or 0; with purge=True how many there were."""
        if (key is not None) == bool(purge):
            raise ValueError("delete takes a key, or purge=True to delete everything: one of the two")
        self._enter("delete")
        if not purge:
            self._engine.get(key)
            return int(self._write([(key, None, None, None)])[0])
        keys = list(self._keys())
        self._write([(key, None, None, None) for key in keys])
        if not self._pending.depth:
            self._records.forget_vanished()
        return len(keys)

    def delete_batch(self, keys):
        """How many of the keys there were."""
        self._enter("batch")
        keys = [keys] if isinstance(keys, str) else list(keys)
        for key in keys:
            self._engine.get(key)
        return sum(self._write([(key, None, None, None) for key in set(keys)]))

    # ---- reading

    def _fetch(self, key):
        """(JSON text or None, info). In a transaction the server's part of it has to stay so until the end."""
        known = self._pending.depth and self._pending.find(key)
        if known:
            return known[0], known[2]
        value, info = self._records.record(key)
        if self._pending.depth:
            if self._pending.read.setdefault(key, value) != value:
                raise DBLock("another program changed %r, which this transaction has read: run it again" % key)
        return value, info

    def get(self, key):
        """The value, or None."""
        self._enter("get")
        self._engine.get(key)  # raises what is wrong with the key
        value, info = self._fetch(key)
        return None if value is None else _shown(key, value, info)

    def tags(self, key):
        """The record's tags; none where there is no record."""
        self._enter()
        self._engine.get(key)
        value, info = self._fetch(key)
        return [] if value is None else _tags(info)

    def __getitem__(self, key):
        self._enter("get")
        self._engine.get(key)
        found, info = self._fetch(key)
        if found is None:
            raise KeyError(key)
        value = text.loads(key, found)
        if not isinstance(value, (dict, list)):
            return value
        saved = [found]

        def save(changed):
            self._enter("put")
            new = text.dumps(changed).encode()
            change = key, new, KEEP, _info(changed, _tags(info))
            try:
                if not self._pending.depth:
                    self._records.write([change], {key: saved[0]})
                elif self._fetch(key)[0] != saved[0]:
                    raise KeyError(key)
                else:
                    self._pending.put(*change)
            except Changed:
                raise KeyError(key)
            saved[0] = new

        return self._engine._live(value, _tags(info), save)

    def __setitem__(self, key, data):
        self._enter("put")
        self._write([self._checked(key, data, None, None)])

    def __delitem__(self, key):
        if not self.delete(key):
            raise KeyError(key)

    def __contains__(self, key):
        self._enter("get")
        return key in self._engine or self._fetch(key)[0] is not None

    def __len__(self):
        self._enter()
        self._records.forget_expired()
        count = self._records.counts()[0]
        if self._pending.depth:
            written = list(self._pending.written())
            count += len(self._pending.keys()) - sum(self._records.exist(written) if written else ())
        return count

    def __bool__(self):
        return True

    def __iter__(self):
        return self.keys()

    def keys(self):
        """The keys in order, one by one."""
        self._enter()
        return self._keys()

    def _keys(self):
        for page in self._pages(None):
            pending = [key in self._pending for key in page]
            there = self._records.exist(page)
            for n in range(len(page)):
                if pending[n] or there[n]:
                    yield page[n]

    def values(self):
        """The values in the order of their keys."""
        self._enter()
        return (_shown(*record) for page in self._documents(None) for record in page)

    def items(self):
        """(key, value) in order."""
        self._enter()
        return ((record[0], _shown(*record)) for page in self._documents(None) for record in page)

    # ---- queries

    def query(self, q, keys=False):
        """The matching documents in the order of their keys; (key, document) with keys=True."""
        return list(self.find(q, keys))

    def find(self, q, keys=False):
        """The same, one by one."""
        self._enter("query")
        with self._engine_lock:
            self._engine.query(q)  # raises what is wrong with it
        return self._found(dict(q), keys)

    def _found(self, conditions, with_keys):
        left = conditions.pop("$limit", None)
        if left == 0:
            return
        for page in self._documents(_tag_sets(conditions)):
            with self._engine_lock:
                try:
                    for key, value, info in page:
                        self._engine.put(key, text.loads(key, value), tags=_tags(info) or None)
                    found = self._engine.query(conditions, keys=True)
                finally:
                    self._engine.delete(purge=True)
            for key, document in found:
                yield (key, document) if with_keys else document
                if left is not None:
                    left -= 1
                    if not left:
                        return

    def _documents(self, sets):
        """Lists of (key, JSON text, info) of what is in the sets (None: of all), in order."""
        step = 16
        for page in self._pages(sets):
            while page:
                keys, page = page[:step], page[step:]
                found = [self._pending.find(key) for key in keys]
                fetch = [key for key, known in zip(keys, found) if not known]
                fetched = zip(*self._records.records(fetch))
                records = []
                for key, known in zip(keys, found):
                    value, info = (known[0], known[2]) if known else next(fetched)
                    if value is not None:
                        records.append((key, value, info))
                size = sum(len(record[1]) for record in records)
                step = min(_MOST, step * 2) if size < _FETCH // 2 else max(_FEWEST, step // 2) if size > _FETCH else step
                if records:
                    yield records

    def _pages(self, sets):
        """Keys in order, in lists: those of expired records too, but what a transaction has written as it is now."""
        pending = self._pending.keys() if self._pending.depth else []
        for page in self._records.pages() if sets is None else [self._records.members("SUNION", sets)]:
            if self._pending.depth and page:
                before = [key for key in pending if key <= page[-1]]
                pending = pending[len(before) :]
                page = sorted([key for key in page if key not in self._pending] + before)
            if page:
                yield page
        if pending:
            yield pending

    # ---- the rest

    def transaction(self):
        """A context: what is written in it goes to the server when it ends, all or none, by MULTI and EXEC."""
        return _Transaction(self)

    def lock(self):
        raise NotImplementedError("a Redis server has no lock for all its programs: use transaction()")

    def backup(self, path):
        raise NotImplementedError("records on a Redis server are backed up there, by its command BGSAVE")

    def cleanup(self):
        """Forgets what has expired; returns how many records that were."""
        self._enter()
        return self._records.forget_expired()

    def compact(self):
        """Forgets what was removed by others, too."""
        self._enter()
        self._records.forget_expired()
        self._records.forget_vanished()

    def flush(self):
        """Nothing to do: what was written is on the server."""
        self._enter()

    def stats(self):
        """As MicroTetherDB's; bytes_used and bytes_limit are the whole server's, what only a file has is 0."""
        self._enter()
        self._records.forget_expired()
        records, expiring, _ = self._records.counts()
        lines = dict(line.split(b":", 1) for line in self._client.call("INFO", "memory").split(b"\r\n") if b":" in line)
        used = int(lines[b"used_memory"])
        limit = int(lines[b"maxmemory"]) or int(lines[b"total_system_memory"])
        stats = dict.fromkeys(("flushes", "page_size", "format_version", "file_bytes", "cache_hits", "cache_misses"), 0)
        stats.update(records=records, ttl_records=expiring, operations=dict(self._operations))
        stats.update(bytes_used=used, bytes_limit=limit, free_bytes=max(0, limit - used))
        return stats


class _Transaction:
    def __init__(self, db):
        self._db, self._entered = db, False

    def __enter__(self):
        if self._entered:
            raise RuntimeError("this context is entered already: each 'with' needs its own")
        self._db._enter()
        self._entered, self._db._owner = True, _current()
        self._db._pending.begin()
        return self

    def __exit__(self, error, *_):
        self._entered = False
        db = self._db
        db._enter()
        pending = db._pending
        if error is None and pending.depth > 1:
            pending.merge()
            return False
        try:
            if error is None:
                db._records.write(pending.changes(), pending.read)
        except Changed as changed:
            raise DBLock("another program changed %r, which this transaction has read: run it again" % changed.args[0])
        finally:
            pending.drop()
        return False


def _current():
    """(thread, task): who is calling."""
    asyncio = sys.modules.get("asyncio")
    task = getattr(asyncio.core, "cur_task", None) if asyncio else None
    return _thread.get_ident() if _thread else 0, task


def _put_arguments(args, named):
    """(key or None, data, ttl, tags)"""
    key_first = args and isinstance(args[0], str) and (len(args) > 1 or "data" in named)
    names = ("key", "data", "ttl", "tags") if key_first else ("data", "ttl", "tags", "_id")
    if len(args) > 4:
        raise TypeError("put takes (data, ttl, tags, _id) or (key, data, ttl, tags)")
    given = dict(zip(names, args))
    for name in named:
        if name not in ("key", "data", "ttl", "tags") and (name != "_id" or key_first):
            raise TypeError("put has no argument '%s' here" % name)
        if name in given or (name in ("key", "_id") and ("key" in given or "_id" in given)):
            raise TypeError("put got '%s' twice" % name)
        given[name] = named[name]
    if "data" not in given:
        raise TypeError("put needs data")
    if "key" in given and not isinstance(given["key"], str):
        raise TypeError("a key must be a str, not %s" % type(given["key"]).__name__)
    return given.get("key", given.get("_id")), given["data"], given.get("ttl"), given.get("tags")


def _info(value, tags):
    """What the records keep beside the value, JSON text or None. "own": the document has a field named tags."""
    info = {"tags": tags} if tags else {}
    if isinstance(value, dict) and "tags" in value:
        info["own"] = True
    return json.dumps(info) if info else None


def _tags(info):
    return json.loads(info).get("tags", []) if info else []


def _shown(key, value, info):
    """The value as get() returns it, its tags in a dict as `_tags`."""
    value, tags = text.loads(key, value), _tags(info)
    if tags and isinstance(value, dict):
        value["_tags"] = tags
    return value


def _tag_sets(conditions):
    """The sets on the server that hold all that can match, where a condition asks for one tag; else None."""
    for field in ("_tags", "tags"):
        condition = conditions.get(field)
        if isinstance(condition, dict):
            condition = condition.get("$contains", condition.get("$eq"))
        if isinstance(condition, str):
            return ["tag:" + condition] + (["own"] if field == "tags" else [])
    return None
