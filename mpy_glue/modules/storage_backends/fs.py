"""nadb on a file: one database of the engine for each db and namespace, FOLDER/DB/NAMESPACE.nadb.

A value is cut into pieces of PIECE bytes, and each is a record. In the database are
    =KEY    what is known of the value, and "id": the key of its first piece. Has the tags and the TTL
    ~KEY    there when the value was written with a TTL: cleanup() sees by it what has expired
    ID      the first piece, under a generated key: those are never given twice, so it names this writing
    #ID-N   the further pieces, N from 1 on, four hexadecimal digits
    !ID     its value pieces, at most, are being written or removed: opening removes what a crash left
Pieces have the TTL of their value and go by themselves."""

import microtetherdb
from microtetherdb import MicroTetherDB

PIECE = 8192
# So many further pieces are written under one `!ID`.
_RUN = 16
# The engine never flushes by count or time: the store does, by the size of its buffer and its interval.
_NEVER = {"flush_threshold": 1000000, "auto_flush_seconds": 2592000}


class FsStorage:
    """Databases under the folder `base_path`, which is made where it is missing."""

    def __init__(self, base_path="."):
        self._folder = base_path

    def open(self, db, namespace, compression):
        path = "%s/%s/%s.nadb" % (self._folder, _file_name(db), _file_name(namespace))
        return _Space(MicroTetherDB(path, in_memory=False, btree_pagesize=1024, use_compression=compression, **_NEVER))


def _file_name(name):
    """For any str: what could mean something in a path, and capitals, which FAT takes for small ones, as %XX."""
    plain = "abcdefghijklmnopqrstuvwxyz0123456789-_"
    return "".join(chr(byte) if chr(byte) in plain else "%%%02X" % byte for byte in name.encode())


def _piece_key(id, number):
    return "#%s-%04x" % (id, number) if number else id


class _Space:
    buffered = True

    def __init__(self, db):
        self._db = db
        for key in [key for key in db.keys() if key[0] == "!"]:
            self._remove_pieces(key[1:], db.get(key))
        self.cleanup()

    # ---- writing

    def write(self, key, value, tags, ttl, now):
        with self._db.lock():
            old = self._db.get("=" + key)
            id, count, size = self._write_pieces(value, ttl)
            known = {"id": id, "pieces": count, "size": size, "ttl": ttl, "last_updated": now}
            known["created_at"] = old["created_at"] if old else now
            try:
                with self._db.transaction():
                    self._db.put("=" + key, known, ttl=ttl, tags=tags)
                    self._db.delete("!" + id)
                    if ttl:
                        self._db.put("~" + key, 0)
                    else:
                        self._db.delete("~" + key)
                    self._begin_removing(old)
            except BaseException:
                self._remove_pieces(id, count)
                raise
            self._end_removing(old)
            return size

    def _write_pieces(self, value, ttl):
        id, count, size = None, 0, 0
        try:
            for piece in _read_in_pieces(value) if hasattr(value, "readinto") else _cut(value):
                if count % _RUN == 1:
                    self._db.put("!" + id, count + _RUN)
                key = self._db._put_bytes(_piece_key(id, count) if count else None, piece, ttl)
                id = id or key
                count += 1
                size += len(piece)
        except BaseException:
            if id:
                self._remove_pieces(id, count + 1)
            raise
        return id, count, size

    # A value's one piece is removed in the transaction at hand, several after it, one by one.
    def _begin_removing(self, known):
        if known and known["pieces"] > 1:
            self._db.put("!" + known["id"], known["pieces"])
        elif known:
            self._db.delete(known["id"])

    def _end_removing(self, known):
        if known and known["pieces"] > 1:
            self._remove_pieces(known["id"], known["pieces"])

    def _remove_pieces(self, id, count):
        for number in range(count):
            self._db.delete(_piece_key(id, number))
        self._db.delete("!" + id)

    def delete(self, key):
        with self._db.lock():
            known = self._db.get("=" + key)
            if known is None:
                self._db.delete("~" + key)
                return False
            with self._db.transaction():
                self._db.delete("=" + key)
                self._db.delete("~" + key)
                self._begin_removing(known)
            self._end_removing(known)
            return True

    # ---- reading

    def read(self, key):
        with self._db.lock():
            found = self.open_value(key)
            if found is None:
                return None
            metadata, token = found
            try:
                value = microtetherdb._new_bytes(metadata["size"], lambda whole: self.read_part(token, 0, whole))
            except KeyError:
                return None  # it has expired just now
            return value, metadata

    def open_value(self, key):
        known = self._db.get("=" + key)
        return known and (_metadata(key, known), (key, known["id"]))

    def read_part(self, token, offset, buffer):
        key, id = token
        view, done = memoryview(buffer), 0
        while done < len(view):
            number, inside = divmod(offset + done, PIECE)
            count = self._db._read_bytes(_piece_key(id, number), inside, view[done:])
            if not count:
                raise KeyError(key)
            done += count

    def all_metadata(self):
        return self._found({"id": {"$exists": True}})

    def tagged(self, tag):
        return self._found({"_tags": tag})

    def _found(self, query):
        for key, known in self._db.find(query, keys=True):
            yield _metadata(key[1:], known)

    # ---- upkeep

    def compact(self):
        before = self._size()
        self.cleanup()
        self._db.flush()
        self._db.compact()
        return before, self._size()

    def _size(self):
        stats = self._db.stats()
        return stats.get("file_bytes") or stats["bytes_used"]

    def cleanup(self):
        with self._db.lock():
            gone = [key for key in self._db.keys() if key[0] == "~" and "=" + key[1:] not in self._db]
            self._db.delete_batch(gone)
            self._db.cleanup()
            return len(gone)

    def flush(self):
        self._db.flush()

    def purge(self):
        self._db.delete(purge=True)

    def close(self):
        self._db.close()


def _cut(value):
    view = memoryview(value)
    for start in range(0, max(len(view), 1), PIECE):
        yield view[start : start + PIECE]


def _read_in_pieces(reader):
    buffer = memoryview(bytearray(PIECE))
    first = True
    while True:
        count = got = reader.readinto(buffer)
        while got and count < PIECE:
            got = reader.readinto(buffer[count:])
            count += got or 0
        if count or first:
            yield buffer[: count or 0]
        if not count or count < PIECE:
            return
        first = False


def _metadata(key, known):
    metadata = {name: known[name] for name in ("size", "ttl", "created_at", "last_updated")}
    metadata["key"] = key
    metadata["tags"] = known.get("_tags", [])
    return metadata
