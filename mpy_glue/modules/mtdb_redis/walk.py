"""Walking over records in the order of their keys, a few of them in memory at a time.

Records are fetched ahead. Where this program writes meanwhile, or one expires, what was fetched is thrown away and
the walk goes on behind the record it gave last, so that it gives each as it is when it is reached; what other
programs write is seen from the next fetch on."""

import time

from mtdb_redis import forms
from mtdb_redis.records import PAGE

# As many documents are fetched at once as lately made about so many bytes of JSON.
_FETCH = 4096
_FEWEST = 4


class Walk:
    def __init__(self, records, pending, match, check, conditions):
        """`match(records, conditions)` gives what matches, `check()` raises when the database may not be read.

        `conditions`: a query without $limit, or None for everything."""
        self._records, self._pending, self._match, self._check = records, pending, match, check
        self._conditions, self._fresh_until = conditions, None
        self._sets = forms.tag_sets(conditions) if conditions else None

    def keys(self):
        """The keys of what is there."""
        return self._steadily(self._keys)

    def documents(self, limit=None):
        """(key, document) of what matches, at most `limit`."""
        if limit == 0:
            return
        for found in self._steadily(self._documents):
            yield found
            if limit:
                limit -= 1
                if not limit:
                    return

    def _steadily(self, lists):
        last, whole = None, False
        while not whole:
            version, whole = self._pending.version, True
            for page, end in lists(last):
                for last, found in page:
                    yield found
                    if self._is_stale(version):
                        whole = False
                        break
                if not whole:
                    break
                last = end

    def _is_stale(self, version):
        if self._fresh_until is not None and time.ticks_diff(self._fresh_until, time.ticks_ms()) <= 0:
            return True
        return self._pending.version != version

    def _keys(self, last):
        for page in self._pages(last):
            known = [key in self._pending for key in page]
            there = self._records.exist(page)
            yield [(key, key) for n, key in enumerate(page) if known[n] or there[n]], page[-1]

    def _documents(self, last):
        step = 16
        for page in self._pages(last):
            while page:
                self._check()
                keys, page = page[:step], page[step:]
                records = self._fetch(keys)
                size = sum(len(record[1]) for record in records)
                if size < _FETCH // 2:
                    step = min(PAGE, step * 2)
                elif size > _FETCH:
                    step = max(_FEWEST, step // 2)
                if self._conditions is None:
                    found = [(record[0], forms.shown(*record)) for record in records]
                else:
                    found = self._match(records, self._conditions)
                yield [(pair[0], pair) for pair in found], keys[-1]

    def _fetch(self, keys):
        """[(key, JSON text, info)] of what is there."""
        known = [self._pending.find(key) for key in keys]
        values, infos, left = self._records.records([key for key, entry in zip(keys, known) if not entry])
        self._fresh_until = None if left is None else time.ticks_add(time.ticks_ms(), min(left, 60000))
        fetched, records = zip(values, infos), []
        for key, entry in zip(keys, known):
            value, info = (entry[0], entry[2]) if entry else next(fetched)
            if value is not None:
                records.append((key, value, info))
        return records

    def _pages(self, last):
        """Lists of keys after `last` in order: those of expired records too, but what a transaction has written as it
        is now."""
        pending = [key for key in self._pending.keys() if last is None or key > last] if self._pending.depth else []
        for page in self._base_pages(last):
            if self._pending.depth:
                before = [key for key in pending if key <= page[-1]]
                pending = pending[len(before) :]
                page = sorted([key for key in page if key not in self._pending] + before)
            if page:
                yield page
        if pending:
            yield pending

    def _base_pages(self, last):
        if self._sets is None:
            while True:
                page = self._records.keys_after(last)
                if not page:
                    return
                yield page
                last = page[-1]
        keys = [key for key in self._records.members("SUNION", self._sets) if last is None or key > last]
        if keys:
            yield keys
