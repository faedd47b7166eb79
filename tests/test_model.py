"""Random operations against a plain dict: what the database says must be what the dict says.

A failure prints the seed and the operation's number: run(SEED, COUNT, …) repeats it.
"""

import gc
import json
import random
import time

from microtetherdb import MicroTetherDB
from runner import fewer, same

HEAP = "2M"


KEYS = ["k%02d" % n for n in range(50)] + ["long" * 25 + str(n) for n in range(6)] + ["ü%d" % n for n in range(4)]
TAGS = ["red", "green", "blue", "hot", "cold", "ä" * 20]
WORDS = ["", "a", "ab", "b", "ba", "some words", "ü", "Z"]
# Text of which compressing leaves some half.
NOISE = "".join("%x" % ((n * n * 2654435761 ^ n * 40503) >> 9 & 15) for n in range(4096))
FULL_CHECK = 250  # operations between two comparisons of everything


def pick(choices):
    return choices[random.getrandbits(16) % len(choices)]


def chance(percent):
    return random.getrandbits(16) % 100 < percent


def number():
    kind = random.getrandbits(4)
    if kind < 9:
        return random.getrandbits(5) - 10
    if kind < 13:
        return random.getrandbits(6) / 4 - 5
    return pick((2**31, -(2**40), 2**63, 10**25, True, False, 0))


def document():
    fields = {}
    kinds = random.getrandbits(10)
    if kinds & 3:
        fields["n"] = number()
    if kinds & 4:
        fields["s"] = pick(WORDS)
    if kinds & 8:
        fields["l"] = [number() if chance(60) else pick(WORDS) for _ in range(random.getrandbits(3))]
    if kinds & 16:
        fields["d"] = {"n": number(), "s": pick(WORDS)} if kinds & 32 else {"d": {"n": number()}}
    if kinds & 0xC0 == 0xC0:
        fields["b"] = pick((True, False, None))
    if kinds & 0x300 == 0x300:
        fields["text"] = NOISE[: random.getrandbits(10) if chance(70) else random.getrandbits(12)]
    return fields


def value():
    if chance(85):
        return document()
    return pick((None, True, 0, 5, 2.5, "text", "y" * 300, [], [1, [2, {"n": 3}]], "", {}))


def some_tags():
    if chance(50):
        return None
    first = random.getrandbits(8)
    return [TAGS[(first + n * 5) % len(TAGS)] for n in range(first >> 6)]


# ---- the model: {key: (value, list of tags, whether it has a TTL)}


def as_stored(value, tags, has_ttl):
    unique = tags or []
    if isinstance(value, dict) and unique:
        value = dict(value)
        value["_tags"] = unique
    return value, unique, has_ttl


MISSING = object()


def field_of(record, path):
    value, tags, _ = record
    if path == "tags":
        own = value.get("tags", MISSING) if isinstance(value, dict) else MISSING
        assert own is MISSING  # no document here has a field of that name
        return tags or MISSING
    for name in path.split("."):
        if not isinstance(value, dict) or name not in value:
            return MISSING
        value = value[name]
    return value


def comparable(a, b):
    return (isinstance(a, str) and isinstance(b, str)) or (
        isinstance(a, (int, float, bool)) and isinstance(b, (int, float, bool))
    )


def equal(a, b):
    """Of two plain values."""
    if isinstance(a, (str, list, dict)) or isinstance(b, (str, list, dict)):
        return type(a) is type(b) and a == b
    return a == b


def matches_equality(found, operand):
    if found is MISSING:
        return operand is None
    if equal(found, operand):
        return True
    return isinstance(found, list) and any(equal(member, operand) for member in found)


def matches(record, query):
    for path in query:
        if path == "$limit":
            continue
        found, condition = field_of(record, path), query[path]
        if not isinstance(condition, dict):
            condition = {"$eq": condition}
        for operator in condition:
            operand = condition[operator]
            if operator == "$eq":
                holds = matches_equality(found, operand)
            elif operator == "$ne":
                holds = not matches_equality(found, operand)
            elif operator == "$exists":
                holds = (found is not MISSING) == operand
            elif operator == "$in":
                members = found if isinstance(found, list) else [found]
                holds = found is not MISSING and any(equal(a, b) for a in members for b in operand)
            elif operator == "$contains":
                if isinstance(found, str):
                    holds = isinstance(operand, str) and operand in found
                else:
                    holds = isinstance(found, list) and any(equal(member, operand) for member in found)
            else:
                holds = (
                    found is not MISSING
                    and comparable(found, operand)
                    and (
                        found > operand
                        if operator == "$gt"
                        else (
                            found >= operand
                            if operator == "$gte"
                            else found < operand if operator == "$lt" else found <= operand
                        )
                    )
                )
            if not holds:
                return False
    return True


def query():
    conditions = {}
    for _ in range(1 + random.getrandbits(1)):
        kind = random.getrandbits(4)
        path = pick(("n", "d.n", "d.d.n", "n"))
        if kind < 5:
            conditions[path] = {pick(("$gt", "$gte", "$lt", "$lte")): number() if chance(85) else pick(WORDS)}
        elif kind < 6:
            conditions[path] = {"$gt": number(), "$lte": number()}
        elif kind < 8:
            conditions[pick(("s", "d.s", "l", "b", "n"))] = pick(WORDS) if chance(60) else number()
        elif kind < 9:
            conditions[pick(("s", "l", "n"))] = {"$in": [pick(WORDS), number(), pick(WORDS)]}
        elif kind < 10:
            conditions[pick(("s", "l", "text"))] = {"$contains": pick(WORDS)}
        elif kind < 11:
            conditions[pick(("s", "b", "d.d", "never"))] = {"$exists": chance(50)}
        elif kind < 12:
            conditions[pick(("s", "n", "l", "b"))] = {"$ne": pick((None, 5, "a", True))}
        elif kind < 13:
            conditions[pick(("s", "b", "d.n"))] = None
        elif kind < 15:
            conditions["tags"] = pick(TAGS)
        else:
            conditions["tags"] = pick(
                ({"$in": ["red", "hot"]}, {"$contains": "blue"}, {"$exists": False}, {"$ne": "cold"})
            )
    if chance(15):
        conditions["$limit"] = random.getrandbits(3)
    return conditions


class Run:
    def __init__(self, db):
        self.db = db
        self.model = {}
        self.open = []  # (transaction, the model when it began)
        self.keys = list(KEYS)
        self.full = 0  # how often memory ran out

    def a_key(self):
        return pick(self.keys)

    def writing(self, change):
        """Runs change(), which returns the new records; the model takes them if memory held out."""
        try:
            change()
        except MemoryError:
            self.full += 1
            return False
        return True

    # -- operations

    def put(self):
        key, data, tags = self.a_key(), value(), some_tags()
        ttl = pick((None, 0, 10000, 2.5e4))
        if self.writing(lambda: self.db.put(key, data, ttl=ttl, tags=tags)):
            self.model[key] = as_stored(data, tags, bool(ttl))

    def put_generated(self):
        data, tags = value(), some_tags()
        keys = []
        if self.writing(lambda: keys.append(self.db.put(data, tags=tags))):
            assert keys[0] not in self.model and (not self.last or keys[0] > self.last), keys
            self.last = keys[0]
            self.model[keys[0]] = as_stored(data, tags, False)
            if len(self.keys) > 80:
                key = self.keys[60]
                if self.deleting(lambda: self.db.delete(key)):
                    self.model.pop(key, None)
                    self.keys.remove(key)
            self.keys.append(keys[0])

    last = None

    def put_brief(self):
        key = self.a_key()
        if self.writing(lambda: self.db.put(key, value(), ttl=0.001, tags=some_tags())):
            time.sleep_ms(4)
            self.model.pop(key, None)
            assert self.db.get(key) is None

    def set_item(self):
        key, data = self.a_key(), value()

        def change():
            self.db[key] = data

        if self.writing(change):
            self.model[key] = as_stored(data, None, False)

    def get(self):
        key = self.a_key()
        expected = self.model[key][0] if key in self.model else None
        found = self.db.get(key)
        assert found == expected, (key, found, expected)
        assert (key in self.db) == (key in self.model)

    def get_item(self):
        key = self.a_key()
        try:
            found = self.db[key]
        except KeyError:
            assert key not in self.model
            return
        assert found == self.model[key][0] and self.db.tags(key) == self.model[key][1], key

    def delete(self):
        key = self.a_key()
        count = []
        if self.deleting(lambda: count.append(self.db.delete(key))):
            assert count == [1 if key in self.model else 0], (key, count)
            self.model.pop(key, None)

    def deleting(self, change):
        # Without a transaction deleting always works.
        try:
            change()
        except MemoryError:
            assert self.open, "a full database must let delete work"
            return False
        return True

    def put_batch(self):
        items = [value() for _ in range(random.getrandbits(3))]
        ttls = pick((None, 10000, [10000 if chance(50) else None for _ in items]))
        keys = []
        if self.writing(lambda: keys.extend(self.db.put_batch(items, ttls))):
            assert len(keys) == len(items) and not any(key in self.model for key in keys)
            for n, key in enumerate(keys):
                ttl = ttls[n] if isinstance(ttls, list) else ttls
                self.model[key] = as_stored(items[n], None, bool(ttl))
            if keys:
                self.last = keys[-1]
            # Half of them stay for a while.
            gone = keys[1::2] + [key for key in self.keys[60:] if chance(30)]
            if self.deleting(lambda: self.db.delete_batch(gone)):
                for key in gone:
                    self.model.pop(key, None)
            self.keys = [key for key in self.keys + keys if key not in gone][:90]
            for key in list(self.model):
                if key not in self.keys:
                    self.keys.append(key)

    def put_batch_with_a_bad_item(self):
        items = [value() for _ in range(5)] + [object()]
        try:
            self.db.put_batch(items)
            assert False, "a bad item must raise"
        except (TypeError, MemoryError):
            pass

    def delete_batch(self):
        keys = list(set(self.a_key() for _ in range(6)))
        count = []
        if self.deleting(lambda: count.append(self.db.delete_batch(keys))):
            assert count == [sum(1 for key in keys if key in self.model)], (keys, count)
            for key in keys:
                self.model.pop(key, None)

    def change_document(self):
        key = self.a_key()
        if key not in self.model or not isinstance(self.model[key][0], dict):
            return
        stored, tags, has_ttl = self.model[key]
        live, name, new = self.db[key], pick(("n", "s", "new", "d")), value()

        def change():
            if chance(20) and name in stored:
                del changed[name]
                del live[name]
            elif isinstance(stored.get("d"), dict) and chance(40):
                changed["d"] = dict(stored["d"])
                changed["d"]["x"] = new
                live["d"]["x"] = new
            elif isinstance(stored.get("l"), list) and chance(50):
                changed["l"] = stored["l"] + [7]
                live["l"].append(7)
            else:
                changed[name] = new
                live[name] = new

        changed = dict(stored)
        try:
            if self.writing(change):
                self.model[key] = changed, tags, has_ttl
        except ValueError:
            changed.pop("_tags", None)
            assert len(json.dumps(changed).encode()) > 8192, changed
        assert live == self.model[key][0], (key, live, self.model[key][0])

    def search(self):
        conditions = query()
        expected = [key for key in sorted(self.model) if matches(self.model[key], conditions)]
        if "$limit" in conditions:
            expected = expected[: conditions["$limit"]]
        search = self.db.query if chance(70) else self.db.find
        found = list(search(conditions, keys=True))
        assert [key for key, _ in found] == expected, (conditions, [key for key, _ in found], expected)
        for key, data in found:
            assert data == self.model[key][0], (conditions, key, data)

    def iterate(self):
        assert list(self.db) == sorted(self.model)

    def length(self):
        assert len(self.db) == len(self.model), (len(self.db), len(self.model))

    def cleanup(self):
        self.db.cleanup()
        if not self.open:
            assert self.db.stats()["records"] == len(self.model)

    def compact(self):
        self.db.compact()

    def purge(self):
        if chance(20):
            count = []
            if self.deleting(lambda: count.append(self.db.delete(purge=True))):
                assert count == [len(self.model)], (count, len(self.model))
                self.model.clear()

    def begin(self):
        if len(self.open) < 4:
            transaction = self.db.transaction()
            try:
                transaction.__enter__()
            except MemoryError:
                self.full += 1
                return
            self.open.append((transaction, dict(self.model)))

    def end(self):
        if self.open:
            transaction, before = self.open.pop()
            if chance(50):
                transaction.__exit__(None, None, None)
            else:
                assert not transaction.__exit__(ValueError, ValueError(), None)
                self.model = before

    def check_everything(self):
        length = len(self.db)
        stats = self.db.stats()
        assert length == len(self.model), (length, len(self.model))
        if not self.open:
            assert stats["records"] == length, stats
            assert stats["ttl_records"] == sum(1 for record in self.model.values() if record[2]), stats
            # A transaction may take more, to be able to undo its deletes.
            assert stats["bytes_used"] <= stats["bytes_limit"], stats
        found = list(self.db.items())
        assert [key for key, _ in found] == sorted(self.model)
        for key, data in found:
            assert same(data, self.model[key][0]), (key, data, self.model[key][0])
            assert self.db.tags(key) == self.model[key][1], key


OPERATIONS = (
    [Run.put] * 24
    + [Run.put_generated] * 6
    + [Run.put_brief] * 1
    + [Run.set_item] * 6
    + [Run.get] * 16
    + [Run.get_item] * 5
    + [Run.delete] * 12
    + [Run.put_batch] * 2
    + [Run.put_batch_with_a_bad_item] * 1
    + [Run.delete_batch] * 3
    + [Run.change_document] * 10
    + [Run.search] * 5
    + [Run.iterate] * 1
    + [Run.length] * 2
    + [Run.cleanup] * 1
    + [Run.compact] * 1
    + [Run.purge] * 1
    + [Run.begin] * 4
    + [Run.end] * 5
)


def run(seed, count, percent=40, page=512, db=None):
    """`count` operations of `seed` on a database of `percent` of the heap, or on `db`, which is empty."""
    random.seed(seed)
    state = Run(db or MicroTetherDB(ram_percentage=percent, btree_pagesize=page))
    operation = None
    try:
        for step in range(count):
            operation = pick(OPERATIONS)
            operation(state)
            if step % FULL_CHECK == FULL_CHECK - 1:
                state.check_everything()
        while state.open:
            state.end()
        state.check_everything()
        for key in list(state.model):
            assert state.db.delete(key) == 1
        assert len(state.db) == 0 and state.db.query({}) == []
    except BaseException:
        print("seed %d, %d %% of the heap, pages of %d, operation %d, %r" % (seed, percent, page, step, operation))
        raise
    finally:
        gc.collect()
    return state


def test_random_operations_of_seed_1():
    run(1, fewer(20000))


def test_random_operations_of_seed_2():
    run(2, fewer(20000))


def test_random_operations_of_seed_3():
    run(3, fewer(20000))


def test_random_operations_of_seed_4_with_memory_running_out():
    assert run(4, fewer(20000), percent=1).full > fewer(50)


def test_random_operations_of_seed_5_with_memory_running_out():
    assert run(5, fewer(20000), percent=2).full > fewer(50)


def test_short_lives_of_500_operations():
    for seed in range(100, 100 + fewer(40)):
        run(seed, 500, 1 + seed % 5, 512 << seed % 4)
