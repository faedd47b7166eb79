"""Stands in for what the native module does not have yet, so that nadb's "fs" can be tried: databases in memory for
files, and the three calls for bytes. Only for test_nadb_fs.py; of no use once they are there."""

import binascii

from microtetherdb import MicroTetherDB
from storage_backends import fs

_opened = {}  # path to database


class Database:
    def __init__(self, path, in_memory, btree_pagesize, **_):
        assert not in_memory
        if path not in _opened:
            _opened[path] = MicroTetherDB(btree_pagesize=btree_pagesize, ram_percentage=90)
        self._db = _opened[path]

    def __getattr__(self, name):
        return getattr(self._db, name)

    def __contains__(self, key):
        return key in self._db

    def close(self):
        pass

    def _put_bytes(self, key, data, ttl=None):
        text = binascii.b2a_base64(data).decode()
        return self._db.put(text, ttl=ttl) if key is None else self._db.put(key, text, ttl=ttl)

    def _read_bytes(self, key, offset, buffer):
        text = self._db.get(key)
        if text is None:
            return 0
        part = binascii.a2b_base64(text)[offset : offset + len(buffer)]
        buffer[: len(part)] = part
        return len(part)


class Native:
    @staticmethod
    def _new_bytes(size, fill):
        buffer = bytearray(size)
        fill(buffer)
        return bytes(buffer)


def has_files():
    try:
        MicroTetherDB("probe.db", in_memory=False).close()
        return True
    except NotImplementedError:
        return False


def install():
    fs.MicroTetherDB = Database
    if hasattr(MicroTetherDB, "_put_bytes"):
        del Database._put_bytes, Database._read_bytes
    else:
        fs.microtetherdb, fs.PIECE = Native, 4096
