"""Random changes of live documents, deep inside and through references that are kept, against the
same changes of plain ones. A failure prints the seed: run(SEED, COUNT) repeats it."""

import json
import random

from microtetherdb import MicroTetherDB
from runner import fewer, same


def pick(choices):
    return choices[random.getrandbits(16) % len(choices)]


def value(depth=0):
    kind = random.getrandbits(4)
    if kind < 4 and depth < 3:
        return dict((pick("abcdef"), value(depth + 1)) for _ in range(random.getrandbits(2)))
    if kind < 8 and depth < 3:
        return [value(depth + 1) for _ in range(random.getrandbits(2))]
    return pick((None, True, 1, 2, 3, -5, 2.5, "text", "x" * 40, 2**70))


BAD = (object(), float("nan"), b"bytes", {"a": {5: 1}}, [[{1}]])


def index():
    return random.getrandbits(3) - 3


# ---- changes: functions of the container and what they change it with


def dict_set(d, name, new, _):
    d[name] = new


def dict_delete(d, name, new, _):
    del d[name]


def dict_merge(d, name, new, _):
    d |= {name: new, "z": 1}


def list_set(items, name, new, at):
    items[at] = new


def list_delete(items, name, new, at):
    del items[at]


def list_set_slice(items, name, new, at):
    items[1:3] = [new, at]


def list_delete_slice(items, name, new, at):
    del items[1:3]


def list_add(items, name, new, at):
    items += [new, at]


OF_DICT = (
    dict_set,
    dict_set,
    dict_set,
    dict_delete,
    dict_merge,
    lambda d, name, new, _: d.update({name: new, "y": copy(new)}),
    lambda d, name, new, _: d.setdefault(name, new),
    lambda d, name, new, _: d.pop(name),
    lambda d, name, new, _: d.pop(name, 5),
    lambda d, name, new, _: d.update(b=new),
    lambda d, name, new, _: d.clear() if len(d) > 5 else None,
)
OF_LIST = (
    list_set,
    list_set,
    list_delete,
    list_set_slice,
    list_delete_slice,
    list_add,
    lambda l, name, new, at: l.append(new),
    lambda l, name, new, at: l.append(new),
    lambda l, name, new, at: l.extend([at, new]),
    lambda l, name, new, at: l.insert(at, new),
    lambda l, name, new, at: l.pop(),
    lambda l, name, new, at: l.pop(at),
    lambda l, name, new, at: l.remove(at),
    lambda l, name, new, at: l.reverse(),
    lambda l, name, new, at: l.sort(),
    lambda l, name, new, at: l.clear() if len(l) > 5 else None,
)


def raised(change, *arguments):
    try:
        change(*arguments)
    except Exception as error:
        return type(error)


def place(live, plain):
    """The same container deep in both."""
    while random.getrandbits(3):
        names = list(plain) if isinstance(plain, dict) else range(len(plain))
        inner = [name for name in names if isinstance(plain[name], (dict, list))]
        if not inner:
            break
        name = pick(inner)
        live, plain = live[name], plain[name]
    return live, plain


def copy(plain):
    return eval(repr(plain))


def one_change(db, live, plain):
    inner, plain_inner = place(live, plain)
    change = pick(OF_DICT if isinstance(plain_inner, dict) else OF_LIST)
    name, new, at = pick("abcdefgh"), value(), index()
    if random.getrandbits(4) == 0:
        # Refused whole, wherever it comes from; deleting takes no value and is left out.
        before = copy(plain)
        error = raised(dict_set if isinstance(inner, dict) else list_add, inner, name, pick(BAD), at)
        assert error in (TypeError, ValueError), error
        assert live == before == db.get("k")
        return
    wanted = raised(change, plain_inner, name, copy(new), at)
    got = raised(change, inner, name, new, at)
    assert got == wanted, (change, got, wanted, name, new, at)
    if wanted and change is OF_LIST[-2]:
        # A sort that fails has moved something around in a plain list.
        plain_inner[:] = copy(inner)


def run(seed, count):
    random.seed(seed)
    db = MicroTetherDB(ram_percentage=20)
    step = 0
    try:
        while step < count:
            plain = {"d": value(), "l": [value() for _ in range(3)], "n": {}}
            db.put("k", copy(plain), ttl=1000)
            live = db["k"]
            for _ in range(40):
                step += 1
                one_change(db, live, plain)
                stored = db.get("k")
                assert same(stored, plain), (stored, plain)
                assert live == plain and len(repr(live)) == len(repr(plain)), (live, plain)
                if random.getrandbits(3) == 0:
                    live = db["k"]
                if len(json.dumps(plain)) > 4000:
                    break
        assert db.stats()["ttl_records"] == 1
    except BaseException:
        print("seed", seed, "change", step)
        raise


def test_random_changes_of_seed_1():
    run(1, fewer(10000))


def test_random_changes_of_seed_2():
    run(2, fewer(10000))


def test_random_changes_of_seed_3():
    run(3, fewer(10000))
