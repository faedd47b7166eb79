"""A full medium: the write is refused and undone, everything is readable, and deleting makes room again."""

from devices import ENOSPC, RamDevice
from microtetherdb import MicroTetherDB
from runner import raises

HEAP = "2M"

SIZES = {"lfs": 32, "fat": 256}  # blocks: 128 KB


def opened(device, **more):
    return MicroTetherDB(device.path + "/my.db", in_memory=False, **more)


def fill(db, model, text="x" * 200, first=0):
    """Puts until the medium is full. Returns how many."""
    n = first
    while True:
        key = "k%05d" % n
        try:
            db[key] = {"n": n, "text": text}
        except OSError as error:
            assert error.errno == ENOSPC, error
            assert key not in db
            return n - first
        model[key] = n
        n += 1
        assert n - first < 10000


def holds(db, model):
    found = {key: value["n"] for key, value in db.items()}
    assert found == model, (len(found), len(model), [k for k in model if k not in found][:5])
    assert len(db) == len(model)


def each_kind(test):
    for kind in SIZES:
        device = RamDevice(kind, SIZES[kind]).format().mount()
        test(device)
        device.umount()


def test_a_write_is_refused_and_undone_and_everything_is_readable():
    def on(device):
        db, model = opened(device), {}
        assert fill(db, model) > 100
        holds(db, model)
        for call in (
            lambda: db.put_batch([{"n": n, "text": "y" * 300} for n in range(50)]),
            lambda: db.put("more", "z" * 8000),
        ):
            assert raises(OSError, call).errno == ENOSPC
        holds(db, model)
        db.close()
        with opened(device) as db:
            holds(db, model)

    each_kind(on)


def test_deleting_makes_room_again():
    def on(device):
        db, model = opened(device), {}
        count = fill(db, model)
        for key in sorted(model)[::2]:
            assert db.delete(key) == 1
            del model[key]
        holds(db, model)
        db.compact()
        holds(db, model)
        again = fill(db, model, first=20000)
        assert again > count // 4, (device.kind, count, again)
        holds(db, model)
        db.close()
        with opened(device) as db:
            holds(db, model)

    each_kind(on)


def test_a_full_database_can_be_emptied_and_used_again():
    def on(device):
        db, model = opened(device), {}
        count = fill(db, model)
        assert db.delete(purge=True) == len(model)
        assert len(db) == 0
        model.clear()
        db.compact()
        assert fill(db, model) > count * 3 // 4
        holds(db, model)
        db.delete_batch(list(model))
        model.clear()
        db.compact()
        assert fill(db, model) > count * 3 // 4
        db.close()
        with opened(device) as db:
            holds(db, model)

    each_kind(on)


def test_expiry_makes_room_again():
    import time

    def on(device):
        db = opened(device)
        n = 0
        try:
            while True:
                db.put("k%05d" % n, {"n": n, "text": "x" * 200}, ttl=0.5)
                n += 1
        except OSError as error:
            assert error.errno == ENOSPC
        time.sleep(0.6)
        db.cleanup()
        assert len(db) == 0
        db.compact()
        assert fill(db, {}) > n // 2
        db.close()

    each_kind(on)


def test_opening_works_on_a_medium_that_others_have_filled():
    def on(device):
        with opened(device) as db:
            db["k0"] = {"n": 1}
        with open(device.path + "/other", "wb") as file:
            try:
                while True:
                    file.write(bytes(256))
                    file.flush()
            except OSError:
                pass
        with opened(device) as db:
            assert db["k0"] == {"n": 1}
        raises(OSError, MicroTetherDB, device.path + "/second.db", in_memory=False)
        with opened(device) as db:
            assert db.delete("k0") == 1
        with opened(device) as db:
            assert len(db) == 0

    each_kind(on)


def test_free_bytes_are_what_the_medium_says():
    def on(device):
        with opened(device) as db:
            before = db.stats()["free_bytes"]
            assert 0 < before < 128 * 1024
            model = {}
            fill(db, model)
            assert 0 <= db.stats()["free_bytes"] < before

    each_kind(on)
