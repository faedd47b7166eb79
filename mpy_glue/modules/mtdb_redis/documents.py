"""MicroTetherDB("redis://[:password@]host[:port][/db]"): the document interface, its records on a Redis server.

The engine stays the only judge of documents: a small database in memory checks and normalises what is put, and
answers queries about the documents that are fetched. Names on the server begin with "mtdb:"; see records.py."""

import json
import sys
import time

from microtetherdb import DBLock, MicroTetherDB
from mtdb_redis import forms, text
from mtdb_redis.pending import Pending
from mtdb_redis.records import KEEP, PAGE, Changed, Records
from mtdb_redis.resp import Client, new_lock
from mtdb_redis.url import parse
from mtdb_redis.walk import Walk

try:
    import _thread
except ImportError:
    _thread = None


# Writes between two looks at what has expired.
_WRITES = 16


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
        self._engine_lock = new_lock()
        self._client = Client(host, port, db, password)
        self._records = Records(self._client, "mtdb:")
        self._lock_timeout = int(given.get("lock_timeout", 5) * 1000)
        self._pending, self._owner, self._writes = Pending(), None, 0
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
            thread, task = self._owner
            if thread == _current()[0]:
                if task and (task.done() or not _current()[1]):  # the owner, or its loop, is gone
                    self._roll_back()
                    return
                raise DBLock("another task is in a transaction")
            if time.ticks_diff(time.ticks_ms(), began) > self._lock_timeout:
                raise DBLock("another thread has been in a transaction for %g s" % (self._lock_timeout / 1000))
            time.sleep_ms(2)

    def _roll_back(self):
        while self._pending.depth:
            self._pending.drop()

    def close(self):
        """Ends the connection; a transaction that is open is rolled back."""
        if not self._closed:
            self._closed = True
            self._pending.version += 1
            self._roll_back()
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
        key, data, ttl, tags = forms.put_arguments(args, named)
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
                return self._change(self._engine.put(data=data, ttl=ttl, tags=tags, _id=key), ttl)
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
        return key, text.dumps(value).encode(), milliseconds, forms.info_of(value, tags)

    def _write(self, changes):
        """Returns for each that deletes whether the key was there."""
        if not self._pending.depth:
            self._writes += 1
            if self._writes % _WRITES == 0:
                self._records.forget_expired(PAGE)
            self._pending.version += 1
            return self._records.write(changes)
        there = [change[1] is None and self._fetch(change[0])[0] is not None for change in changes]
        self._put_pending(changes)
        return there

    def _put_pending(self, changes):
        self._pending.version += 1
        for change in changes:
            self._pending.put(*change)

    def _generate(self, count):
        keys = []
        while len(keys) < count:
            first = self._records.generate(count - len(keys))
            new = [forms.generated_key(first + n) for n in range(count - len(keys))]
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
        keys = list(self.keys())
        changes = [(key, None, None, None) for key in keys]
        if self._pending.depth:
            self._put_pending(changes)
        else:
            self._write(changes)
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
        return None if value is None else forms.shown(key, value, info)

    def tags(self, key):
        """The record's tags; none where there is no record."""
        self._enter()
        self._engine.get(key)
        value, info = self._fetch(key)
        return [] if value is None else forms.tags_of(info)

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
            if isinstance(changed, dict):
                changed.pop("_tags", None)
            new = text.dumps(changed).encode()
            self._pending.version += 1
            change = key, new, KEEP, forms.info_of(changed, forms.tags_of(info))
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

        return self._engine._live(value, forms.tags_of(info) or None, save)

    def __setitem__(self, key, data):
        self._enter("put")
        self._engine.get(key)
        self._write([self._checked(key, data, None, None)])

    def __delitem__(self, key):
        self._engine.get(key)
        if not self.delete(key):
            raise KeyError(key)

    def __contains__(self, key):
        self._enter("get")
        key in self._engine  # raises for what is no str
        return self._fetch(key)[0] is not None

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
        return self._walk().keys()

    def values(self):
        """The values in the order of their keys."""
        return (value for _, value in self.items())

    def items(self):
        """(key, value) in order."""
        return self._walk().documents()

    def _walk(self, conditions=None):
        self._enter()
        return Walk(self._records, self._pending, self._matching, self._enter, conditions)

    # ---- queries

    def query(self, q, keys=False):
        """The matching documents in the order of their keys; (key, document) with keys=True."""
        return list(self.find(q, keys))

    def find(self, q, keys=False):
        """The same, one by one."""
        self._enter("query")
        with self._engine_lock:
            self._engine.query(q)  # raises what is wrong with it
        conditions = dict(q)
        limit = conditions.pop("$limit", None)
        found = self._walk(conditions).documents(limit)
        return found if keys else (document for _, document in found)

    def _matching(self, records, conditions):
        """[(key, document)] of those of (key, JSON text, info) that match."""
        with self._engine_lock:
            try:
                for key, value, info in records:
                    self._engine.put(data=text.loads(key, value), tags=forms.tags_of(info) or None, _id=key)
                return self._engine.query(conditions, keys=True)
            finally:
                self._engine.delete(purge=True)

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
        records, expiring = self._records.counts()
        lines = dict(line.split(b":", 1) for line in self._client.call("INFO", "memory").split(b"\r\n") if b":" in line)
        used = int(lines[b"used_memory"])
        limit = int(lines[b"maxmemory"]) or int(lines.get(b"total_system_memory", 0))
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
        db, pending = self._db, self._db._pending
        if not pending.depth:
            return False  # it was rolled back: the database was closed
        db._enter()
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
