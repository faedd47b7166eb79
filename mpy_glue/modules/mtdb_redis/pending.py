"""What a transaction has written and not yet sent: in layers, one for it and one for each savepoint in it."""

import time

from mtdb_redis.records import KEEP


class Pending:
    def __init__(self):
        self._layers = []
        # What the transaction has read of the server: {key: value or None}. It must still be so at the end.
        self.read = {}
        # Changes whenever the database is written through this object.
        self.version = 0

    @property
    def depth(self):
        return len(self._layers)

    def begin(self):
        self._layers.append({})

    def drop(self):
        self.version += 1
        self._layers.pop()
        if not self._layers:
            self.read = {}

    def merge(self):
        """Ends a savepoint: what it holds is the outer layer's."""
        self._layers[-2].update(self._layers[-1])
        self._layers.pop()

    def put(self, key, value, ttl, info):
        """`ttl` in milliseconds, KEEP, or None."""
        if ttl == KEEP:
            known = self.find(key)
            if known:
                ttl, begun = known[1], known[3]
                self._layers[-1][key] = value, ttl, info, begun
                return
        self._layers[-1][key] = value, ttl, info, time.ticks_ms()

    def find(self, key):
        """(value, ttl, info, when) as it was put, the value None for what was deleted or has expired; None for
        a key that the transaction has not written."""
        for layer in reversed(self._layers):
            if key in layer:
                entry = layer[key]
                return entry if _left(entry) != 0 else (None, None, None, entry[3])
        return None

    def __contains__(self, key):
        return any(key in layer for layer in self._layers)

    def written(self):
        """The set of all keys that were put or deleted."""
        return {key for layer in self._layers for key in layer}

    def keys(self):
        """Those of them that are there, in order."""
        return sorted(key for key in self.written() if self.find(key)[0] is not None)

    def changes(self):
        """For Records.write(): a TTL counts from when it was put."""
        entries = ((key, self.find(key)) for key in self.written())
        return [(key, entry[0], _left(entry), entry[2]) for key, entry in entries]


def _left(entry):
    """Milliseconds that are left of an entry's TTL, 0 when it is over; None or KEEP as they stand."""
    ttl = entry[1]
    if ttl is None or ttl == KEEP:
        return ttl
    return max(0, ttl - time.ticks_diff(time.ticks_ms(), entry[3]))
