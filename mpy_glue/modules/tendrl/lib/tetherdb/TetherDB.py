"""TetherDB's import path: from tendrl.lib.tetherdb.TetherDB import DB. The same as microtetherdb.DB."""

from microtetherdb import MicroTetherDB


class DB(MicroTetherDB):
    """microtetherdb.MicroTetherDB on a file, with TetherDB's parameters. A value takes at most 1,024 bytes of JSON."""

    def __init__(
        self,
        filename,
        flush_threshold=20,
        auto_flush_seconds=5,
        btree_cachesize=128,
        btree_pagesize=1024,
        use_compression=True,
        compress_min_size=256,
        adaptive_threshold=True,
    ):
        """`flush_threshold`: writes between two flushes, more where most are batches and adaptive_threshold says so.
        `auto_flush_seconds`: at most so long between two. Expired records are removed here, and every 60 s."""
        if isinstance(filename, str) and filename.startswith("redis://"):
            raise ValueError("DB keeps a file: microtetherdb.MicroTetherDB takes redis://")
        try:
            super().__init__(
                filename,
                False,
                flush_threshold=flush_threshold,
                auto_flush_seconds=auto_flush_seconds,
                btree_cachesize=btree_cachesize,
                btree_pagesize=btree_pagesize,
                use_compression=use_compression,
                min_compress_size=compress_min_size,
                adaptive_threshold=adaptive_threshold,
                _max_value=1024,
                _batch_rule=True,
            )
        except (TypeError, ValueError) as error:
            raise type(error)(str(error).replace("min_compress_size", "compress_min_size"))
        self.cleanup()

    def put(self, data, ttl=0, tags=None, _id=None):
        """Stores `data` under the key _id, which has to be new, or a generated one; returns the key."""
        if _id is None:
            return super().put(data=data, ttl=ttl, tags=tags)
        with self.lock():
            if _id in self:
                raise ValueError("there is a record with the _id %r already" % _id)
            return super().put(data=data, ttl=ttl, tags=tags, _id=_id)

    # The base type's give the base object.

    def __enter__(self):
        super().__enter__()
        return self

    async def __aenter__(self):
        await super().__aenter__()
        return self
