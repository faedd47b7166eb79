"""Files that fail: retries, the OSError when they do not help, and that nothing is half done."""

import os
import time
from errno import ETIMEDOUT

from devices import EIO, ENOSPC, RamDevice
from microtetherdb import MicroTetherDB
from runner import ON_BOARD, raises, same

FOLDERS = True
HEAP = "2M"


def opened(device, **more):
    more.setdefault("retry_delay", 0)
    return MicroTetherDB(device.path + "/my.db", in_memory=False, **more)


class Mounted:
    """A formatted device, mounted; how it fails afterwards is asked of its fields."""

    def __enter__(self):
        self.device = RamDevice("lfs", 64).format().mount()
        return self.device

    def __exit__(self, *_):
        self.device.fail_at = None
        self.device.hook = None
        self.device.umount()


def fail_next(device, times, number=EIO, writes_only=True):
    device.fail_errno, device.fail_times, device.fail_writes_only = number, times, writes_only
    device.calls, device.fail_at = 0, 0


def test_passing_errors_are_tried_again():
    for number in (11, EIO, ETIMEDOUT, 16, 4):  # EAGAIN, EBUSY, EINTR
        with Mounted() as device:
            db = opened(device, flush_threshold=1)
            db["a"] = 1
            fail_next(device, 1, number)
            db["b"] = 2
            assert device.calls > 1
            fail_next(device, 2, number)
            db["c"] = 3
            db.close()
            with opened(device) as db:
                assert dict(db.items()) == {"a": 1, "b": 2, "c": 3}, number


def test_other_errors_are_raised_at_once():
    long = "x" * 2000
    for number in (13, ENOSPC, 30):  # EACCES, EROFS
        with Mounted() as device:
            db = opened(device, flush_threshold=1, retry_delay=5, use_compression=False)
            # Not in the folder's own blocks: what littlefs cannot write to one it writes to the other.
            db["a"] = long
            fail_next(device, 1, number)
            began = time.ticks_ms()
            error = raises(OSError, db.put, "b", 2)
            assert error.errno == number, (error, number)
            assert time.ticks_diff(time.ticks_ms(), began) < 4000
            assert dict(db.items()) == {"a": long}
            db["c"] = 3
            db.close()
            with opened(device) as db:
                assert dict(db.items()) == {"a": long, "c": 3}


def test_max_retries_and_retry_delay_are_kept():
    with Mounted() as device:
        db = opened(device, flush_threshold=1, max_retries=2, retry_delay=0.05)
        db["a"] = 1
        fail_next(device, 10**6)
        began = time.ticks_ms()
        raises(OSError, db.put, "b", 2)
        waited = time.ticks_diff(time.ticks_ms(), began)
        assert waited >= 95, waited
        device.fail_at = None
        db.close()
    with Mounted() as device:
        db = opened(device, flush_threshold=1, max_retries=0, retry_delay=5)
        fail_next(device, 1)
        raises(OSError, db.put, "b", 2)
        device.fail_at = None
        db.close()


def test_max_retries_are_those_of_an_operation_as_a_whole():
    """A batch in a small cache writes in many of its steps, and some of these fail once each."""
    for retries in (1, 50):
        with Mounted() as device:
            db = opened(device, flush_threshold=1, max_retries=retries, btree_cachesize=8)
            db["a"] = 1

            def fail_now_and_then():
                if device.calls > device.fail_at:
                    device.fail_at += 30

            fail_next(device, 1)
            device.hook = fail_now_and_then
            if retries == 1:
                raises(OSError, db.put_batch, ["x" * 200] * 60)
            else:
                assert len(db.put_batch(["x" * 200] * 60)) == 60
            assert device.fail_at > 30, "it failed twice"
            device.hook = device.fail_at = None
            assert len(db) == (1 if retries == 1 else 61)
            db.close()


def test_what_failed_is_undone_and_what_was_before_goes_out_later():
    with Mounted() as device:
        db = opened(device, flush_threshold=5, max_retries=1)
        for n in range(4):
            db["k%d" % n] = n
        fail_next(device, 10**6)
        raises(OSError, db.put, "k4", 4)
        assert dict(db.items()) == {"k%d" % n: n for n in range(4)}
        raises(OSError, db.flush)
        raises(OSError, db.put_batch, [1, 2, 3, 4, 5])
        # Reads never raise an error of writing.
        assert db["k3"] == 3 and len(db.query({})) == 4 and len(db) == 4
        device.fail_at = None
        db["k5"] = 5
        db.close()
        with opened(device) as db:
            assert dict(db.items()) == {"k0": 0, "k1": 1, "k2": 2, "k3": 3, "k5": 5}


def test_a_transaction_that_cannot_be_flushed_is_rolled_back():
    with Mounted() as device:
        db = opened(device, max_retries=1)
        db["a"] = 1
        transaction = db.transaction()
        transaction.__enter__()
        db["b"] = 2
        fail_next(device, 10**6)
        raises(OSError, transaction.__exit__, None, None, None)
        device.fail_at = None
        assert dict(db.items()) == {"a": 1}
        with db.transaction():
            db["c"] = 3
        db.close()
        with opened(device) as db:
            assert dict(db.items()) == {"a": 1, "c": 3}


def test_a_close_that_cannot_flush_leaves_the_database_open():
    with Mounted() as device:
        db = opened(device, max_retries=1)
        db["a"] = 1
        fail_next(device, 10**6)
        raises(OSError, db.close)
        assert db["a"] == 1
        device.fail_at = None
        db["b"] = 2
        db.close()
        with opened(device) as db:
            assert dict(db.items()) == {"a": 1, "b": 2}


def test_an_exception_of_the_devices_own_code_goes_on_as_it_is():
    for error in (KeyError("mine"), KeyboardInterrupt(), ValueError("x")):
        with Mounted() as device:
            db = opened(device, flush_threshold=1)
            db["a"] = 1

            def fail():
                raise error

            device.hook = fail
            assert raises(type(error), db.put, "b", 2) is error
            device.hook = None
            db["c"] = 3
            assert dict(db.items()) == {"a": 1, "c": 3}
            db.close()
            with opened(device) as db:
                assert dict(db.items()) == {"a": 1, "c": 3}


def test_a_call_from_inside_a_file_access_is_a_runtime_error():
    with Mounted() as device:
        db = opened(device, flush_threshold=1)
        other = MicroTetherDB()
        db["a"] = 1
        got = []

        def callback():
            for call in (lambda: db.get("a"), lambda: db.put("x", 1), lambda: len(db), db.close, db.flush):
                got.append(raises(RuntimeError, call, says="in the middle of a call"))
            other["calls"] = other.get("calls") or 0  # another database is free

        device.hook = callback
        db["b"] = 2
        device.hook = None
        assert len(got) >= 5 and "calls" in other
        assert dict(db.items()) == {"a": 1, "b": 2}
        db.close()
        with opened(device) as db:
            assert len(db) == 2


def test_scheduled_callbacks_wait_until_a_file_access_is_over():
    import micropython

    with Mounted() as device:
        db = opened(device, flush_threshold=1)
        db["a"] = 1
        inside, ran = [False], []

        def scheduled(_):
            ran.append(inside[0])

        def hook():
            inside[0] = True
            micropython.schedule(scheduled, 0)
            for _ in range(50):
                pass
            inside[0] = False
            device.hook = None

        device.hook = hook
        db["b"] = 2
        for _ in range(50):
            pass
        assert ran == [False], ran
        db.close()


def test_opening_is_tried_again_too():
    with Mounted() as device:
        with opened(device) as db:
            db["a"] = 1
        fail_next(device, 2, writes_only=False)
        with opened(device) as db:
            assert db["a"] == 1
        fail_next(device, 10**6, writes_only=False)
        raises(OSError, opened, device, max_retries=1)
        device.fail_at = None
        with opened(device) as db:
            assert db["a"] == 1


# ---- every call in turn ------------------------------------------------------------------------------------
#
# On boards every fifth. On littlefs every program, erase and sync. When a read fails littlefs itself takes what was in its cache for what it
# read (lfs2_bd_read), and from then on may write one file's bytes to another: nobody above it can mend that.


def work(db, model, refused):
    """Some of everything; what raises OSError must have changed nothing."""

    def attempt(call, change):
        try:
            call()
        except OSError as error:
            refused.append(error)
            found = dict(db.items())
            assert same(found, model), (found, model)
        else:
            change(model)

    for n in range(6):
        attempt(lambda: db.put("k%d" % n, {"n": n}), lambda m: m.update({"k%d" % n: {"n": n}}))
    attempt(lambda: db.put("big", "x" * 700), lambda m: m.update({"big": "x" * 700}))
    attempt(lambda: db.delete("k1"), lambda m: m.pop("k1", None))

    def transaction():
        with db.transaction():
            db["t"] = [1, 2]
            db["k2"] = "replaced"

    attempt(transaction, lambda m: m.update({"t": [1, 2], "k2": "replaced"}))
    attempt(lambda: db.delete_batch(["k3", "k4"]), lambda m: (m.pop("k3", None), m.pop("k4", None)))
    attempt(db.flush, lambda m: None)


def run_failing(kind, at, number, writes_only, retries, raises_it):
    """Whether the run had a call of that number; in it one call fails."""
    device = RamDevice(kind, 24 if kind == "lfs" else 320, IMAGES[kind][:]).mount()
    refused, model = [], {}
    # FAT counts its free clusters once, and when a read fails in the middle of that it takes itself for full.
    os.statvfs(device.path)
    try:
        device.fail_errno, device.fail_writes_only, device.fail_raises = number, writes_only, raises_it
        device.calls, device.fail_at = 0, at
        try:
            db = opened(device, flush_threshold=3, max_retries=retries, btree_cachesize=8)
        except OSError as error:
            refused.append(error)
            db = opened(device, flush_threshold=3, max_retries=retries, btree_cachesize=8)
        work(db, model, refused)
        reached = device.calls > at
        try:
            db.close()
        except OSError as error:
            refused.append(error)
            db.close()
        assert all(error.errno == number for error in refused), refused
        if retries:
            assert refused == [], refused
        with opened(device) as db:
            found = dict(db.items())
            assert same(found, model), (found, model)
    except Exception:
        print("kind", kind, "call", at, "errno", number, "refused", refused)
        raise
    finally:
        device.fail_at = None
        device.umount()
    return reached


IMAGES = {
    "lfs": RamDevice("lfs", 24).format().data,
    "fat": RamDevice("fat", 320).format().data,
}


def each_call(kind, number, writes_only, retries=0, raises_it=False):
    at = 0
    while run_failing(kind, at, number, writes_only, retries, raises_it):
        at += 5 if ON_BOARD else 1
    assert at > 50, at


def test_an_error_at_every_call_on_littlefs():
    each_call("lfs", EIO, True)


def test_an_error_at_every_call_on_fat():
    each_call("fat", EIO, False)


def test_an_error_at_every_call_that_a_retry_gets_over():
    each_call("lfs", EIO, True, retries=3)
    each_call("fat", EIO, False, retries=3)


def test_a_device_that_raises_at_every_call():
    each_call("lfs", EIO, True, raises_it=True)
    each_call("fat", EIO, False, raises_it=True)


def test_enospc_at_every_write():
    each_call("lfs", ENOSPC, True)
