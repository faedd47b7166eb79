"""The mapping document's import path: from MicroTetherDB import MicroTetherDB."""

from microtetherdb import MicroTetherDB as _Database


class MicroTetherDB(_Database):
    """microtetherdb.MicroTetherDB, but `filename` has to be given and in_memory is False by default: a file."""

    def __new__(cls, filename, in_memory=False, *args, **named):
        if isinstance(filename, str) and filename.startswith("redis://"):
            return _Database(filename, in_memory, *args, **named)
        return object.__new__(cls)

    def __init__(self, filename, in_memory=False, *args, **named):
        super().__init__(filename, in_memory, *args, **named)

    # The base type's give the base object.

    def __enter__(self):
        super().__enter__()
        return self

    async def __aenter__(self):
        await super().__aenter__()
        return self
