"""Power cuts on littlefs and FAT in RAM: the device stops at a program or erase, and tears it; every one of a run, on
boards every fifth.

The run is made once, with every change of the medium noted; then the medium is made as each cut leaves it, mounted,
and the database opened. It must be as it was last flushed, or in a later state that it was in at the cut.
"""

from devices import RamDevice, apply
from microtetherdb import MicroTetherDB
from runner import ON_BOARD

HEAP = "32M"

OPERATIONS = 200
BLOCKS = {"lfs": 48, "fat": 400}


def operation(db, model, n):
    """The nth of a run of puts, batches, deletes and transactions; also done to `model`."""
    if n % 9 == 8:
        values = [{"batch": n, "i": i} for i in range(12)]
        model.update(zip(db.put_batch(values), values))
    elif n % 7 == 6:
        keys = sorted(model)[:: max(1, len(model) // 5)]
        db.delete_batch(keys)
        for key in keys:
            del model[key]
    elif n % 11 == 10:
        with db.transaction():
            db["t%d" % (n % 3)] = model["t%d" % (n % 3)] = {"t": n}
            db["u"] = model["u"] = n
    elif n % 5 == 4:
        key = sorted(model)[n % len(model)]
        db.delete(key)
        del model[key]
    elif n % 13 == 12:
        db["big"] = model["big"] = "x" * (1500 + n * 20)
    else:
        db.put("k%02d" % (n * 7 % 60), {"n": n}, tags=["a", "b"][: n % 3], ttl=1000 if n % 4 == 0 else None)
        model["k%02d" % (n * 7 % 60)] = {"n": n}


def flushes(db):
    return db.stats()["flushes"]


class Run:
    """A run and what it did: the medium before and every change, and after each operation what the database held,
    how many changes had been made then, and which operation is known to be durable by then."""

    def __init__(self, kind, extra=None):
        self.kind = kind
        device = RamDevice(kind, BLOCKS[kind]).format().mount()
        self.before = device.data[:]
        device.log = self.log = []
        model = {}
        db = MicroTetherDB(device.path + "/my.db", in_memory=False, use_compression=False)
        self.states, self.begun, self.durable = [{}], [0], [(len(self.log), 0)]
        for n in range(OPERATIONS):
            count = flushes(db)
            self.begun.append(len(self.log))
            operation(db, model, n)
            if extra:
                extra(db, n)
            self.states.append(values_of(model))
            if flushes(db) != count:
                self.durable.append((len(self.log), n + 1))
        self.begun.append(len(self.log))
        db.close()
        self.durable.append((len(self.log), OPERATIONS))
        device.log = None
        device.umount()

    def possible(self, cut):
        """First and last state that may be found when the change number `cut` is not whole."""
        first = max([0] + [state for changes, state in self.durable if changes <= cut])
        last = max([0] + [state for state, changes in enumerate(self.begun) if changes <= cut])
        return first, min(last, OPERATIONS)


def values_of(found):
    """A dict of the values without what tags put in."""
    return {
        key: {name: value[name] for name in value if name != "_tags"} if isinstance(value, dict) else value
        for key, value in dict(found).items()
    }


def check_cut(run, medium, cut):
    """Opens the database of a medium, and once more after a write to it."""
    first, last = run.possible(cut)
    device = RamDevice(run.kind, BLOCKS[run.kind], medium).mount()
    try:
        with MicroTetherDB(device.path + "/my.db", in_memory=False, use_compression=False) as db:
            found = values_of(db.items())
            states = [n for n in range(first, last + 1) if run.states[n] == found]
            assert states, "cut at change %d: found %r, last flushed was state %d: %r" % (
                cut, found, first, run.states[first],
            )
            db["after"] = cut
        with MicroTetherDB(device.path + "/my.db", in_memory=False, use_compression=False) as db:
            found["after"] = cut
            assert values_of(db.items()) == found
    finally:
        device.log = None
        device.umount()


def cut_everywhere(run, part, step=1):
    medium = run.before[:]
    step *= 5 if ON_BOARD else 1
    for cut in range(len(run.log)):
        if cut % step == 0:
            torn = medium[:]
            if part == 1:
                apply(torn, run.log[cut], 1)
            check_cut(run, torn, cut)
        apply(medium, run.log[cut])
    check_cut(run, medium, len(run.log))
    return len(run.log)


RUNS = {}


def run_of(kind):
    if kind not in RUNS:
        RUNS[kind] = Run(kind)
    return RUNS[kind]


def test_littlefs_torn_at_every_program_and_erase():
    assert cut_everywhere(run_of("lfs"), 1) > OPERATIONS


def test_littlefs_stopped_before_every_program_and_erase():
    assert cut_everywhere(run_of("lfs"), 0, 3) > OPERATIONS


def test_fat_torn_at_every_write():
    assert cut_everywhere(run_of("fat"), 1) > 300


def test_fat_stopped_before_every_write():
    assert cut_everywhere(run_of("fat"), 0, 3) > 300
