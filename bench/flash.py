"""Counts what a database in files does to flash: micropython flash.py PART BLOCKS

A littlefs as rp2 has it stands on a block device in RAM that counts. Prints lines of tab-separated cells:

    count    what, operations, bytes programmed, blocks erased
    size     what, bytes, blocks
    time     records, pages of cache, where, median and lowest us of 1,000 calls, device reads
    open     records, how it had ended, lowest us, device reads, bytes read, bytes programmed
    longest  what, which put, bytes and flash pages programmed, blocks erased, page frames, device reads
    spread   what, puts by bytes programmed: up to 4 KB, 8 KB …
    failed   what, the exception, records, blocks used, blocks there; the part ends with it
"""

import gc
import os
import sys
import time

import vfs

sys.path.append("../tests")

from devices import BLOCK, RamDevice, blank
from documents import document, shuffled
from microtetherdb import MicroTetherDB

BLOCKS = int(sys.argv[2])
PROGSIZE = 256  # ports/rp2/modules/_boot.py; all else is littlefs's default there and here
ERASED_BLOCK = bytes(blank(BLOCK["lfs"]))
NEVER = 24 * 3600  # no flush by the time: counts are exact
# A frame of the log: its first bytes, and its length where that is fixed (docs/FORMAT.md).
PAGE_HEADER, COMMIT, CHECKPOINT, CHECKPOINT_ENTRY = 12, 72, 48 + 4, 12
SEGMENT_HEADER = 32


class Flash(RamDevice):
    """Counts, and is quick."""

    def __init__(self, data=None):
        super().__init__("lfs", BLOCKS, data)
        self.reset()

    def reset(self):
        self.reads = self.read_bytes = self.programmed = self.erased = 0

    def readblocks(self, number, buf, offset=0):
        self.reads += 1
        self.read_bytes += len(buf)
        at = number * 4096 + offset
        buf[:] = memoryview(self.data)[at : at + len(buf)]

    def writeblocks(self, number, buf, offset=0):
        self.programmed += len(buf)
        at = number * 4096 + offset
        self.data[at : at + len(buf)] = buf

    def ioctl(self, operation, argument):
        if operation == 6:
            self.erased += 1
            self.data[argument * 4096 : argument * 4096 + 4096] = ERASED_BLOCK
            return 0
        return super().ioctl(operation, argument)

    def _sizes(self):
        return {"progsize": PROGSIZE}


def mounted(data=None):
    flash = Flash(data)
    if data is None:
        flash.format()
    flash.mount()
    flash.reset()
    return flash


def opened(flash, name="my.db", **more):
    return MicroTetherDB(flash.path + "/" + name, in_memory=False, auto_flush_seconds=NEVER, **more)


def random_key(n):
    return "%08x" % (n * 2654435761 & 0xFFFFFFFF)


def progress(what, done, of):
    if done % 500 == 0 and sys.argv[-1] == "progress":
        sys.stderr.write("\r\x1b[K%s: %d of %d\r" % (what, done, of))


def emit(*cells):
    print("\t".join(str(cell) for cell in cells))


def counted(flash, db, what, operations, work):
    """Counts from flushed to flushed."""
    db.flush()
    flash.reset()
    attempt(flash, db, what, work)
    db.flush()
    emit("count", what, operations, flash.programmed, flash.erased)


def attempt(flash, db, what, work):
    """Says how the work failed, and ends the part then."""
    try:
        work()
    except Exception as error:
        stat = os.statvfs(flash.path)
        emit("failed", what, repr(error), len(db), stat[2] - stat[3], stat[2])
        sys.exit(0)


def fill(put, first, count, what):
    for n in range(first, first + count):
        put(n)
        progress(what, n, first + count)


def growing(what, puts, **more):
    """The first 1,000 puts, and those from 9,000 to 10,000 records; `puts(db)` gives the function that puts."""
    flash = mounted()
    db = opened(flash, **more)
    put = puts(db)
    counted(flash, db, what + ", 0 to 1,000 records", 1000, lambda: fill(put, 0, 1000, what))
    size(flash, what + ", 1,000 records")
    counted(flash, db, what + ", 1,000 to 9,000 records", 8000, lambda: fill(put, 1000, 8000, what))
    counted(flash, db, what + ", 9,000 to 10,000 records", 1000, lambda: fill(put, 9000, 1000, what))
    assert len(db) == 10000
    return flash, db


def files(flash):
    return {entry[0]: entry[3] for entry in os.ilistdir(flash.path)}


def size(flash, what):
    found = files(flash)
    stat = os.statvfs(flash.path)
    # The two blocks of the filesystem's own root are no database's.
    emit("size", what, sum(found.values()), stat[2] - stat[3] - 2)
    emit("size", what + ", without the spare", sum(found.values()) - found.get("my.db.spare", 0), "")


def floor():
    """The encoded records, with keys of 10 bytes and without, appended and synced every 10."""
    for what, key in (("bare append, keys and values", 10), ("bare append, values alone", 0)):
        flash = mounted()
        total = 0
        with open(flash.path + "/bare", "ab") as bare:
            for n in range(1000):
                item = document(n)
                # A dict of three pairs: each a byte for the name, strs with one for their length, an int of a byte.
                length = key + 1 + 3 + 1 + len(item["name"]) + 1 + len(item["city"]) + 1
                total += length
                bare.write(b"x" * length)
                if n % 10 == 9:
                    bare.flush()
        emit("count", what, 1000, flash.programmed, flash.erased)
        emit("size", what, total, "")


def generated():
    def puts(db):
        return lambda n: db.put(document(n))

    growing("generated keys", puts)


def tagged():
    def puts(db):
        return lambda n: db.put(document(n), ttl=3600, tags=["room", "kind"])

    growing("TTL and the same two tags", puts)


def tagged_from_17():
    """Each put goes to two of 17 places in the index of tags, which are more pages than the cache can spare."""

    def puts(db):
        return lambda n: db.put(document(n), ttl=3600, tags=["room%d" % (n % 7), "kind%d" % (n % 10)])

    growing("TTL and two of 17 tags", puts)


def scattered():
    def puts(db):
        return lambda n: db.put(random_key(n), document(n))

    flash, db = growing("random keys", puts)
    what = "updates of 10,000"
    order = shuffled(range(10000))

    def update(first, count):
        for n in order[first : first + count]:
            db.put(random_key(n), document(n + 1))
            progress(what, n, count)

    for first in (0, 1000, 2000):
        counted(flash, db, "%s, %d to %d" % (what, first, first + 1000), 1000, lambda: update(first, 1000))


def batches():
    flash = mounted()
    db = opened(flash)

    def put(first, count):
        for n in range(first, first + count, 100):
            db.put_batch([document(n + i) for i in range(100)])

    counted(flash, db, "put_batch of 100, 0 to 1,000 records", 1000, lambda: put(0, 1000))
    counted(flash, db, "put_batch of 100, 1,000 to 9,000 records", 8000, lambda: put(1000, 8000))
    counted(flash, db, "put_batch of 100, 9,000 to 10,000 records", 1000, lambda: put(9000, 1000))


def deleting():
    for count in (1000, 10000):
        for order in ("oldest first", "random"):
            flash = mounted()
            db = opened(flash)
            keys = []
            for n in range(0, count, 100):
                keys += db.put_batch([document(n + i) for i in range(100)])
            if order == "random":
                keys = shuffled(keys)
            some = keys[: min(1000, count // 2)]

            def work():
                for key in some:
                    assert db.delete(key) == 1

            counted(flash, db, "delete, %s, of %d records" % (order, count), len(some), work)
            db.close()


def page_frames(flash, before, after):
    """Page frames between what was synced before and after a call."""
    frames = 0
    for name, end in after.items():
        at = before.get(name, 0)
        if name == "my.db" or name.endswith("spare") or end == at:
            continue
        with open(flash.path + "/" + name, "rb") as segment:
            data = segment.read()
        at = at if 0 < at < end else SEGMENT_HEADER
        while at < end:
            kind = data[at : at + 1]
            if kind == b"\0":
                at += 1
            elif kind in b"df":
                length, at, shift = 0, at + 1, 0
                while True:
                    length |= (data[at] & 0x7F) << shift
                    shift += 7
                    at += 1
                    if data[at - 1] < 0x80:
                        break
                at += length
            elif kind == b"P":
                frames += 1
                # A page of 512 bytes, but for its gap.
                gap = data[at + 3] * 2 if data[at + 2] else 0
                at += PAGE_HEADER + 512 - gap
            elif data[at : at + 3] == b"Cmt":
                at += COMMIT
            else:
                assert data[at : at + 3] == b"Ckp", (name, at, end, data[at : at + 8])
                at += CHECKPOINT + CHECKPOINT_ENTRY * data[at + 5]
    return frames


def longest():
    for what, key in (("generated keys", None), ("random keys", random_key)):
        flash = mounted()
        db = opened(flash)
        # The figures of the longest so far; how many puts programmed up to 4 KB, 8 KB ….
        worst, buckets = [0] * 6, [0] * 8

        def put_all():
            before = files(flash)
            for n in range(20000):
                flash.reset()
                if key:
                    db.put(key(n), document(n))
                else:
                    db.put(document(n))
                programmed, erased, reads = flash.programmed, flash.erased, flash.reads
                at = 0
                while at < 7 and programmed > 4096 << at:
                    at += 1
                buckets[at] += 1
                if programmed:
                    after = files(flash)
                    if programmed > worst[1]:
                        frames = page_frames(flash, before, after)
                        worst[:] = n, programmed, -(-programmed // PROGSIZE), erased, frames, reads
                    before = after
                progress("longest put, " + what, n, 20000)

        attempt(flash, db, "longest put, " + what, put_all)
        emit("longest", what, *worst)
        emit("spread", what, *buckets)


def get_times():
    for count, cache in ((100, 32), (1000, 256)):
        flash = mounted()
        in_file, in_memory = opened(flash, btree_cachesize=cache), MicroTetherDB()
        keys = ["k%05d" % n for n in range(count)]
        for n, key in enumerate(keys):
            in_file.put(key, document(n))
            in_memory.put(key, document(n))
        in_file.close()
        in_file = opened(flash, btree_cachesize=cache)
        times = [[], []]
        flash_reads = 0
        for round in range(32):
            order = shuffled(keys, round + 1)[:100] * 10
            for db, taken in ((in_file, times[0]), (in_memory, times[1])):
                gc.collect()
                flash.reset()
                get = db.get
                began = time.ticks_us()
                for key in order:
                    get(key)
                taken.append(time.ticks_diff(time.ticks_us(), began))
                if db is in_file and round > 0:
                    flash_reads += flash.reads
        times = [sorted(taken[1:]) for taken in times]
        for where, taken in zip(("file", "memory"), times):
            emit("time", count, cache, where, taken[len(taken) // 2], taken[0], flash_reads)


def filled(count):
    """What a device holds when a database of so many records is open, and once it is closed."""
    flash = mounted()
    db = opened(flash)
    for n in range(count):
        db.put(document(n))
        progress("filling for open", n, count)
    cut = bytearray(flash.data)
    db.close()
    flash.umount()
    return cut, flash.data


def opening():
    counts = (100, 1000, 10000)
    images = [filled(count) for count in counts]
    for how in ("cut", "closed"):
        devices = [mounted(image[how == "closed"]) for image in images]
        times = [[] for _ in counts]
        figures = [None for _ in counts]
        for _ in range(31):  # in turns: who else uses the machine slows all of them
            for at, flash in enumerate(devices):
                flash.reset()
                began = time.ticks_us()
                db = opened(flash)
                times[at].append(time.ticks_diff(time.ticks_us(), began))
                figures[at] = (flash.reads, flash.read_bytes, flash.programmed)
                db.close()
                assert flash.programmed == 0, "opening and closing write nothing"
        for count, taken, figure in zip(counts, times, figures):
            # The lowest: on a busy machine a long call is interrupted far more often than a short one.
            emit("open", count, how, min(taken), *figure)


PARTS = {
    "floor": floor,
    "generated": generated,
    "tagged": tagged,
    "tagged_from_17": tagged_from_17,
    "scattered": scattered,
    "batches": batches,
    "deleting": deleting,
    "longest": longest,
    "get": get_times,
    "opening": opening,
}

PARTS[sys.argv[1]]()
