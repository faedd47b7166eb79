"""The random operations of test_model.py on a database in files, which is closed and opened again in between."""

import random

from devices import RamDevice
from microtetherdb import MicroTetherDB
from runner import ON_BOARD, fewer
from test_model import OPERATIONS, Run, pick

FOLDERS = True
HEAP = "16M"

FULL_CHECK = 250


class FileRun(Run):
    def __init__(self, name, page, cache, options):
        self.options = {"in_memory": False, "btree_pagesize": page, "btree_cachesize": cache, "retry_delay": 0}
        self.options.update(options)
        self.name = name
        super().__init__(MicroTetherDB(name, **self.options))

    def reopen(self):
        if not self.open:
            if random.getrandbits(1):
                self.db.close()
            else:
                self.db.__del__()
            self.db = MicroTetherDB(self.name, **self.options)

    def put_brief(self):
        super().put_brief()
        # Its time goes on from the last commit when the database is opened again.
        self.db.cleanup()

    def flush(self):
        self.db.flush()

    def share(self):
        """Goes on through another object for the same file."""
        if not self.open:
            other = MicroTetherDB(self.name, in_memory=False)
            self.db.close()
            self.db = other


FILE_OPERATIONS = [FileRun.put_brief if operation is Run.put_brief else operation for operation in OPERATIONS]
FILE_OPERATIONS += [FileRun.reopen] * 2 + [FileRun.flush] * 1 + [FileRun.share] * 1


def run(seed, count, name, page=512, cache=32, **options):
    random.seed(seed)
    state = FileRun(name, page, cache, options)
    operation = None
    try:
        for step in range(count):
            operation = pick(FILE_OPERATIONS)
            operation(state)
            if step % FULL_CHECK == FULL_CHECK - 1:
                state.check_everything()
        while state.open:
            state.end()
        state.reopen()
        state.check_everything()
        for key in list(state.model):
            assert state.db.delete(key) == 1
        state.reopen()
        assert len(state.db) == 0 and state.db.query({}) == []
    except BaseException:
        print("seed %d, pages of %d, cache of %d, operation %d, %r" % (seed, page, cache, step, operation))
        raise
    state.db.close()
    assert state.full == 0


def on_littlefs(seed, count, blocks=512, **more):
    if ON_BOARD:  # which has one of its own
        return run(seed, count, "%d.db" % seed, **more)
    device = RamDevice("lfs", blocks).format().mount()
    run(seed, count, device.path + "/my.db", **more)
    device.umount()


def test_random_operations_on_the_platforms_own_filesystem():
    # On POSIX each flush is a sync of the disk, in RAM it costs nothing.
    run(1, fewer(1000), "my.db")


def test_random_operations():
    on_littlefs(1, fewer(20000))


def test_random_operations_with_the_smallest_cache():
    on_littlefs(2, fewer(10000), cache=8)


def test_flushing_seldom_and_often():
    # Of the first two littlefs gave wrong bytes when it was asked to seek past the end of a block it had just read.
    on_littlefs(2236, fewer(3000), cache=16, flush_threshold=3)
    on_littlefs(2022, fewer(3000), cache=8, flush_threshold=1000, auto_flush_seconds=1000)
    on_littlefs(7, fewer(3000), flush_threshold=1)
    on_littlefs(8, fewer(3000), auto_flush_seconds=0.003)


def test_lives_with_every_page_size():
    for seed in range(100, 100 + fewer(32)):
        # Transactions of these lengths on pages of 4,096 bytes write more than 2 MB before they can be committed.
        page = 512 << seed % 4
        on_littlefs(seed, 500, 1024, page=page, cache=32 if page == 4096 else 8 << seed % 3)


def test_on_littlefs_and_fat_whose_device_fails_at_times():
    # Each failure is one that a retry gets over, so nothing is to be noticed.
    for seed, kind, blocks in ((3, "lfs", 256), (4, "fat", 2048)):
        device = RamDevice(kind, blocks).format().mount()
        writes = [0]

        def count():
            writes[0] += 1
            if writes[0] % 997 == 0:
                device.calls, device.fail_at = 0, 5

        device.fail_writes_only = True
        device.hook = count
        run(seed, 1500, device.path + "/my.db")
        device.hook, device.fail_at = None, None
        assert writes[0] > 5000, writes
        device.umount()

