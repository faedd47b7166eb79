"""NADB's interface: bytes of any size under keys, with tags and a time to live, in a file or on a Redis server."""

import sys
import time

try:
    import _thread
except ImportError:
    _thread = None

_KEY_BYTES, _TAGS, _TAG_BYTES = 240, 32, 64
_EPOCH = 946684800 if time.gmtime(0)[0] == 2000 else 0  # the port's time 0, in seconds since 1970


def _import_backends():
    # The package of this library: a folder of that name of the program's own comes first on sys.path.
    path = sys.path[:]
    sys.path[:] = [".frozen"]
    try:
        import storage_backends
    except ImportError:
        sys.path[:] = path
        import storage_backends
    finally:
        sys.path[:] = path
    return storage_backends


_backends = _import_backends()


def _storage_class(name):
    if not isinstance(name, str):
        raise TypeError("storage_backend must be a str, not %s" % type(name).__name__)
    home = _backends.__path__
    places = [home] + [folder + "/storage_backends" if folder else "storage_backends" for folder in sys.path]
    class_name = "".join(word[:1].upper() + word[1:] for word in name.split("_")) + "Storage"
    for place in places if name and "/" not in name and "." not in name else ():
        _backends.__path__ = place
        try:
            return getattr(__import__("storage_backends." + name, None, None, (class_name,)), class_name)
        except ImportError as error:
            if "storage_backends." + name not in str(error):
                raise  # something that the module itself imports
        except AttributeError:
            raise ValueError("the module storage_backends/%s.py has no class %s" % (name, class_name))
        finally:
            _backends.__path__ = home
    if name == "redis":
        raise ImportError("storage_backend 'redis' takes a network and the modules mtdb_redis")
    raise ValueError(
        "there is no storage_backend %r: there are 'fs', 'redis' and modules storage_backends/NAME.py on sys.path" % name
    )


class _Measured:
    """Counts and times one operation, and gives the synchronisation its turn after it."""

    def __init__(self, store, name):
        self._store, self._name = store, name

    def __enter__(self):
        self._began = time.ticks_us()

    def __exit__(self, *_):
        count = self._store._operations.setdefault(self._name, [0, 0])
        count[0] += 1
        count[1] += time.ticks_diff(time.ticks_us(), self._began)
        if self._store._sync:
            self._store._sync._between_operations()


class ValueReader:
    """A value as a file that is read: what KeyValueStore.open_value() returns.

    A read raises KeyError when the value was deleted or replaced, or has expired, since it was opened."""

    def __init__(self, space, metadata, token):
        self.metadata, self._space, self._token, self._at = metadata, space, token, 0

    def readinto(self, buffer):
        """Fills the buffer as far as there is something left; returns how many bytes that were."""
        if self._space is None:
            raise ValueError("the reader is closed")
        count = min(len(buffer), max(0, self.metadata["size"] - self._at))
        if count:
            self._space.read_part(self._token, self._at, memoryview(buffer)[:count])
            self._at += count
        return count

    def read(self, size=-1):
        """The next `size` bytes, fewer at the end; all that is left without a size."""
        left = max(0, self.metadata["size"] - self._at)
        buffer = bytearray(left if size is None or size < 0 else min(size, left))
        self.readinto(buffer)
        return bytes(buffer)

    def seek(self, offset, whence=0):
        """As a file's."""
        at = offset + (0, self._at, self.metadata["size"])[whence]
        if at < 0:
            raise ValueError("cannot seek before the beginning")
        self._at = at
        return at

    def tell(self):
        return self._at

    def close(self):
        self._space = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class KeyValueStore:
    """The values of one database and namespace of a folder, or of a server.

    Keys are str of 1 to 240 bytes of UTF-8; values bytes, of any size that fits the medium; tags at most 32 str of 1
    to 64 bytes. Errors: TypeError, ValueError, KeyError for what is not there, OSError of the medium."""

    def __init__(
        self,
        data_folder_path,
        db,
        buffer_size_mb=1,
        namespace="default",
        sync=None,
        compression_enabled=True,
        storage_backend="fs",
    ):
        """`buffer_size_mb`: so much may be written before it is flushed; int or float. `sync`: a KeyValueSync."""
        for name, value in (("data_folder_path", data_folder_path), ("db", db), ("namespace", namespace)):
            if not isinstance(value, str):
                raise TypeError("%s must be a str, not %s" % (name, type(value).__name__))
        if not isinstance(buffer_size_mb, (int, float)):
            raise TypeError("buffer_size_mb must be an int or float, not %s" % type(buffer_size_mb).__name__)
        if not buffer_size_mb > 0:
            raise ValueError("buffer_size_mb must be more than 0")
        if sync is not None and not isinstance(sync, KeyValueSync):
            raise TypeError("sync must be a KeyValueSync or None, not %s" % type(sync).__name__)
        self.storage = _storage_class(storage_backend)(data_folder_path)
        self._folder, self._db, self._namespace = data_folder_path, db, namespace
        self._compression = bool(compression_enabled)
        self._buffer_size, self._buffered = buffer_size_mb * 1048576, 0
        self._operations, self._opened, self._opened_of, self._closed = {}, None, None, False
        self._sync = sync
        if sync:
            sync.register_store(self)

    def _space(self):
        if self._closed:
            raise ValueError("the store is closed")
        if self._opened_of is not self.storage:  # not opened yet, or given another storage
            self._opened = self.storage.open(self._db, self._namespace, self._compression)
            self._opened_of = self.storage
        return self._opened

    def _known(self, metadata):
        metadata["db"], metadata["namespace"] = self._db, self._namespace
        return metadata

    # ---- values

    def set(self, key, value, tags=None):
        """Stores `value`, bytes or something with readinto() that is read to its end; replaces what was there."""
        with _Measured(self, "set"):
            self._write(key, value, None, tags)

    def set_with_ttl(self, key, value, ttl_seconds, tags=None):
        """The same for ttl_seconds, an int or float; None or 0 is for ever."""
        with _Measured(self, "set_with_ttl"):
            if ttl_seconds is not None and not isinstance(ttl_seconds, (int, float)):
                raise TypeError("ttl_seconds must be an int, a float or None, not %s" % type(ttl_seconds).__name__)
            if ttl_seconds and not 0 < ttl_seconds <= 10000000000:
                raise ValueError("ttl_seconds must be 0 (for ever) to 10000000000")
            self._write(key, value, ttl_seconds or None, tags)

    def _write(self, key, value, ttl, tags):
        _check_key(key)
        if not isinstance(value, (bytes, bytearray, memoryview)) and not hasattr(value, "readinto"):
            raise TypeError("a value must be bytes, not %s: encode() makes bytes of a str" % type(value).__name__)
        space = self._space()
        size = space.write(key, value, _check_tags(tags), ttl, int(time.time()) + _EPOCH)
        if space.buffered:
            self._buffered += size
            if self._buffered >= self._buffer_size:
                self._flush()

    def get(self, key):
        """The value, bytes. KeyError when there is none or it has expired."""
        with _Measured(self, "get"):
            return self._read(key)[0]

    def get_with_metadata(self, key):
        """{"value": bytes, "metadata": dict of key, db, namespace, size, tags, ttl, created_at, last_updated}.

        `size` in bytes, `ttl` in seconds or None, the times in seconds since 1970."""
        with _Measured(self, "get_with_metadata"):
            value, metadata = self._read(key)
            return {"value": value, "metadata": self._known(metadata)}

    def _read(self, key):
        _check_key(key)
        found = self._space().read(key)
        if found is None:
            raise KeyError(key)
        return found

    def open_value(self, key):
        """A ValueReader: for what should not be in memory at once."""
        with _Measured(self, "open_value"):
            _check_key(key)
            found = self._space().open_value(key)
            if found is None:
                raise KeyError(key)
            return ValueReader(self._opened, self._known(found[0]), found[1])

    def delete(self, key):
        """Removes the value; returns whether there was one."""
        with _Measured(self, "delete"):
            _check_key(key)
            return self._space().delete(key)

    # ---- tags

    def query_by_tags(self, tags):
        """{key: metadata} of the values that have all of the tags."""
        with _Measured(self, "query_by_tags"):
            tags, space = _check_tags(tags), self._space()
            found = space.tagged(tags[0]) if tags else space.all_metadata()
            return {m["key"]: self._known(m) for m in found if all(tag in m["tags"] for tag in tags)}

    def list_all_tags(self):
        """{tag: how many values have it}."""
        with _Measured(self, "list_all_tags"):
            counts = {}
            for metadata in self._space().all_metadata():
                for tag in metadata["tags"]:
                    counts[tag] = counts.get(tag, 0) + 1
            return counts

    # ---- upkeep

    def get_stats(self):
        """Dict of db, namespace, count (values), size_bytes (of all values), buffer_utilization_percent, and
        performance: {"operations": {name: {"count", "avg_ms"}}}. Looks at every value's metadata."""
        count = size = 0
        for metadata in self._space().all_metadata():
            count += 1
            size += metadata["size"]
        operations = {n: {"count": c, "avg_ms": us / c / 1000} for n, (c, us) in self._operations.items()}
        return {
            "db": self._db,
            "namespace": self._namespace,
            "count": count,
            "size_bytes": size,
            "buffer_utilization_percent": min(100.0, self._buffered * 100 / self._buffer_size),
            "performance": {"operations": operations},
        }

    def compact_storage(self):
        """Gives space back to the medium; returns {"bytes_before", "bytes_after"}, of a Redis server all its memory."""
        with _Measured(self, "compact_storage"):
            before, after = self._space().compact()
            return {"bytes_before": before, "bytes_after": after}

    def cleanup_expired(self):
        """Removes what has expired; returns how many values that were."""
        with _Measured(self, "cleanup_expired"):
            return self._space().cleanup()

    def flush(self):
        """Makes everything written so far durable."""
        with _Measured(self, "flush"):
            self._flush()

    def _flush(self):
        # Taken first: another thread may write while this one flushes.
        buffered, self._buffered = self._buffered, 0
        try:
            self._space().flush()
        except BaseException:
            self._buffered += buffered
            raise

    def flushdb(self):
        """Removes every value of this database and namespace."""
        with _Measured(self, "flushdb"):
            self._space().purge()
            self._buffered = 0

    def close(self):
        """Flushes and ends the store; a second time does nothing. Any other call afterwards is a ValueError."""
        if not self._closed:
            if self._sync:
                self._sync._stores.remove(self)
            space = self._opened
            self._closed, self._opened = True, None
            if space:
                space.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _check_key(key):
    if not isinstance(key, str):
        raise TypeError("a key must be a str, not %s" % type(key).__name__)
    if not 0 < len(key.encode()) <= _KEY_BYTES:
        raise ValueError("a key must have 1 to %d bytes of UTF-8" % _KEY_BYTES)


def _check_tags(tags):
    if tags is None:
        return []
    if not isinstance(tags, (list, tuple)):
        raise TypeError("tags must be a list or tuple of str, not %s" % type(tags).__name__)
    unique = []
    for tag in tags:
        if not isinstance(tag, str):
            raise TypeError("a tag must be a str, not %s" % type(tag).__name__)
        if not 0 < len(tag.encode()) <= _TAG_BYTES:
            raise ValueError("a tag must have 1 to %d bytes of UTF-8" % _TAG_BYTES)
        if tag not in unique:
            unique.append(tag)
    if len(unique) > _TAGS:
        raise ValueError("a value can have %d tags, not %d" % (_TAGS, len(unique)))
    return unique


class KeyValueSync:
    """Flushes its stores every so many seconds: on a thread where the port has cheap ones, on the event loop
    where one runs, else between operations of the stores."""

    def __init__(self, flush_interval_seconds=60):
        if not isinstance(flush_interval_seconds, (int, float)):
            raise TypeError(
                "flush_interval_seconds must be an int or float, not %s" % type(flush_interval_seconds).__name__
            )
        if not 0 < flush_interval_seconds <= 86400:
            raise ValueError("flush_interval_seconds must be more than 0 and at most 86400")
        self._interval = int(flush_interval_seconds * 1000) or 1
        self._stores, self._mode, self._task = [], "stopped", None
        self._last, self._flushes, self._error = time.ticks_ms(), 0, None

    def register_store(self, store):
        """A store registers itself with the `sync` it is given, and leaves when it is closed."""
        if store not in self._stores:
            self._stores.append(store)

    def start(self):
        """Begins; a second time does nothing."""
        if self._mode != "stopped":
            return
        self._last = time.ticks_ms()
        asyncio = sys.modules.get("asyncio")
        # rp2's threads are its second core: the program's.
        if _thread and sys.platform in ("linux", "darwin", "esp32"):
            self._mode, self._task = "thread", True
            _thread.start_new_thread(self._run_thread, ())
        elif asyncio and getattr(asyncio.core, "cur_task", None):
            self._mode = "loop"
            self._task = asyncio.create_task(self._run_loop(asyncio))
        else:
            self._mode = "operations"

    def status(self):
        """Dict of running, mode ("thread", "loop", "operations" or "stopped"), stores, flush_interval_seconds,
        flushes (rounds of flushing done) and error (the last one's text, or None)."""
        return {
            "running": self._mode != "stopped",
            "mode": self._mode,
            "stores": len(self._stores),
            "flush_interval_seconds": self._interval / 1000,
            "flushes": self._flushes,
            "error": self._error,
        }

    def sync_exit(self):
        """Flushes once more and ends; the stores work on. Raises the error of a store that cannot be flushed."""
        mode, self._mode = self._mode, "stopped"
        if mode == "thread":
            while self._task:
                time.sleep_ms(5)
        elif mode == "loop":
            self._task.cancel()
            self._task = None
        self._flush_all()
        if self._error:
            raise OSError(self._error)

    def _flush_all(self):
        self._last, self._error = time.ticks_ms(), None
        for store in list(self._stores):
            try:
                if store._buffered:
                    store._flush()
            except Exception as error:  # the others are flushed all the same, this one again next time
                self._error = "%s: %s" % (type(error).__name__, error)
        self._flushes += 1

    def _due(self):
        return time.ticks_diff(time.ticks_ms(), self._last) >= self._interval

    def _between_operations(self):
        if self._mode == "operations" and self._due():
            self._flush_all()

    def _run_thread(self):
        try:
            while self._mode == "thread":
                if self._due():
                    self._flush_all()
                time.sleep_ms(min(50, self._interval))
        finally:
            self._task = None

    async def _run_loop(self, asyncio):
        while self._mode == "loop":
            await asyncio.sleep_ms(self._interval)
            self._flush_all()
