"""Whatever a callback raises, and wherever: no lock stays held, and a call has done nothing or all of its writing."""

import gc
import micropython
import os
import time

import vfs
from devices import RamDevice
from microtetherdb import MicroTetherDB
from runner import contents
from test_interrupts import parent
from test_lock import Thread

NEEDS = "unix"
FOLDERS = True
HEAP = "8M"

BATCH = [{"n": n, "text": "some text"} for n in range(200)]


class Raised(Exception):
    pass


def is_free(db):
    """Another thread gets in at once, and the database is outside of transactions."""
    assert Thread(lambda: db.put("free", 1)).join() == "free"
    Thread(lambda: db.delete("free")).join()
    db.put("free", 1)
    db.delete("free")


# ---- block devices


CALLS = (
    lambda db: db.put("a", {"n": 1, "text": "x" * 3000}),
    lambda db: db.put({"new names": {"that": "have", "no": "number"}}),
    lambda db: db.put_batch(BATCH[:20], ttls=100),
    lambda db: db.get("k5"),
    lambda db: db["k5"].update({"n": 6}),
    lambda db: db.query({"n": {"$gt": 3}}),
    lambda db: list(db.items()),
    lambda db: db.delete("k7"),
    lambda db: db.delete_batch(["k1", "k2"]),
    lambda db: db.cleanup(),
    lambda db: db.compact(),
    lambda db: db.flush(),
    lambda db: db.backup("/flash/backup.db"),
    lambda db: db.stats(),
    lambda db: len(db),
    lambda db: transaction(db),
    lambda db: db.delete(purge=True),
)


def transaction(db):
    with db.transaction():
        db.put("a", 1)
        with db.transaction():
            db.delete("k3")


def filled(device, name):
    db = MicroTetherDB(name, False, lock_timeout=0, flush_threshold=1, retry_delay=0, max_retries=1, btree_cachesize=8)
    for n in range(12):
        db.put("k%d" % n, {"n": n, "text": "y" * 300}, ttl=1000)
    return db


def raise_during(device, call, at, error):
    """Calls, with the device raising at its call number `at`. False when there is no such call."""
    count = 0

    def hook():
        nonlocal count
        count += 1
        if count == at + 1:
            raise error

    device.hook = hook
    try:
        call()
    except BaseException as raised:
        assert raised is error or isinstance(raised, OSError), repr(raised)
    finally:
        device.hook = None
    return count > at


def test_an_exception_out_of_any_call_of_a_block_device():
    for kind in ("lfs", "fat"):
        for number, call in enumerate(CALLS):
            at = 0
            while True:
                device = RamDevice(kind, 64 if kind == "lfs" else 512)
                system = vfs.VfsLfs2 if kind == "lfs" else vfs.VfsFat
                system.mkfs(device)
                vfs.mount(system(device), "/flash")
                # After a read that failed littlefs takes what another block holds for that block's content.
                device.hook_writes_only = kind == "lfs"
                try:
                    db = filled(device, "/flash/a.db")
                    before = contents(db)[0]
                    error = (Raised, KeyboardInterrupt)[at % 2]()
                    more = raise_during(device, lambda: call(db), at, error)
                    is_free(db)
                    after = contents(db)[0]
                    assert len(after) in (0, len(before), len(before) + 1, len(before) + 20, len(before) - 1, len(before) - 2)
                    db.close()
                    db = MicroTetherDB("/flash/a.db", False)
                    assert contents(db)[0] == after, (kind, number, at)
                    db.close()
                finally:
                    vfs.umount("/flash")
                    gc.collect()
                if not more:
                    break
                at += 1 if at < 8 else at // 4  # all of the first, and then ever fewer


def test_an_exception_out_of_any_call_of_a_block_device_while_a_database_opens_or_closes():
    at = 0
    more = True
    while more:
        device = RamDevice("lfs", 64)
        vfs.VfsLfs2.mkfs(device)
        vfs.mount(vfs.VfsLfs2(device), "/flash")
        device.hook_writes_only = True
        try:
            filled(device, "/flash/a.db").close()
            opened = []
            more = raise_during(device, lambda: opened.append(MicroTetherDB("/flash/a.db", False)), at, Raised())
            db = opened[0] if opened else MicroTetherDB("/flash/a.db", False)
            is_free(db)
            assert len(db) == 12
            db.put("last", 1)
            more |= raise_during(device, db.close, at, Raised())
            db.close()
            with MicroTetherDB("/flash/a.db", False) as db:
                assert len(db) == 13
        finally:
            vfs.umount("/flash")
            gc.collect()
        at += 1


# ---- Ctrl-C between the steps of long calls


def interrupt_at(call, step, process):
    """Calls with Ctrl-C at its step number `step`. Whether there was such a step."""
    count, on = 0, True

    def callback(_):
        nonlocal count
        if on:
            count += 1
            if count == step + 1:
                os.system("kill -INT %d" % process)
            micropython.schedule(callback, None)

    micropython.kbd_intr(3)
    try:
        micropython.schedule(callback, None)
        before = count
        call()
        return False
    except KeyboardInterrupt:
        return True
    finally:
        on = False
        micropython.kbd_intr(-1)


def test_ctrl_c_at_any_step_of_a_long_call():
    process = parent()
    for in_memory in (True, False):
        for call in (
            lambda db: db.query({"never": 1}),
            lambda db: db.query({}),
            lambda db: next(db.find({"n": 199})),
            lambda db: db.put_batch(BATCH),
            lambda db: db.delete_batch([key for key in db]),
            lambda db: db.cleanup(),
            lambda db: db.compact(),
            len,
        ):
            for step in (0, 1, 2, 3, 5):
                db = MicroTetherDB("b.db", in_memory, lock_timeout=0, ttl_check_interval=1000, flush_threshold=100)
                db.delete(purge=True)
                db.put_batch(BATCH)
                db.put_batch(BATCH, ttls=0.01)
                time.sleep_ms(15)
                interrupted = interrupt_at(lambda: call(db), step, process)
                is_free(db)
                assert len(db) in ((200,) if interrupted else (0, 200, 400)), (len(db), interrupted)
                db.close()
                if not interrupted:
                    break


# ---- finalisers: of files that were not closed, which write to their block device


class Finaliser:
    """A FAT device that runs `hook` in its writes once it is armed, where the heap is locked, and writes nothing then."""

    def __init__(self):
        self.device, self.hook, self.armed = RamDevice("fat", 512), None, False

    def readblocks(self, number, buf):
        if not self.armed:
            self.device.readblocks(number, buf)

    def writeblocks(self, number, buf):
        if self.armed:
            self.hook()
        else:
            self.device.writeblocks(number, buf)

    def ioctl(self, op, arg):
        return 0 if self.armed else self.device.ioctl(op, arg)


def drop(deep):
    """Drops a file that is not closed, from so deep that no stale pointer to it stays on the stack."""
    if deep:
        return drop(deep - 1)
    open("/fat/f", "w").write("dropped")


def test_a_finaliser_that_uses_the_database_is_refused_and_leaves_nothing_locked():
    flash = RamDevice("lfs", 64)
    vfs.VfsLfs2.mkfs(flash)
    vfs.mount(vfs.VfsLfs2(flash), "/flash")
    db = filled(flash, "/flash/a.db")
    refused = bytearray(2)

    def hook():
        try:
            db.get("k1")
            db.put("final", 1)
            db.transaction().__enter__()
        except RuntimeError:
            refused[0] = 1  # in the middle of a call
        except MemoryError:
            refused[1] = 1

    for inside in (False, True):
        device = Finaliser()
        device.hook = hook
        vfs.VfsFat.mkfs(device)
        vfs.mount(vfs.VfsFat(device), "/fat")
        drop(20)
        device.armed = True
        # A device's own code runs in the middle of a call, and so may the collector.
        flash.hook = gc.collect if inside else None
        if not inside:
            gc.collect()
        db.put("k1", {"n": 1, "text": "x"})
        flash.hook = None
        vfs.umount("/fat")
        assert refused[inside is False] == 1, (inside, refused)
        is_free(db)
    contents(db)
    db.close()
    vfs.umount("/flash")
