// What a program that runs for long, or is interrupted, relies on: the heap does not fill, and a soft reset loses nothing.
import assert from 'node:assert';
import test from 'node:test';
import { boot } from './firmware.mjs';

// Puts, gets, queries and deletes on 20 keys, so that the number of records stays.
const WORK = `
import gc
from microtetherdb import MicroTetherDB

def work(db, start, end):
    for n in range(start, end, 4):
        key = "k%02d" % (n // 4 * 7 % 20)
        db.put(key, {"n": n, "text": "some text"}, tags=["t"], ttl=1000)
        db.get(key)
        db.query({"n": n, "$limit": 1})
        db.delete("k%02d" % (n // 4 * 3 % 20))

def held():
    gc.collect()
    return gc.mem_alloc()
`;

// Heap held after 100 and after 10,000 operations: the least of ten looks, for between two checkpoints the cache of a file
// has a slot more or less.
function heapHeld(open) {
  const pico = boot();
  pico.execute(`${WORK}\ndb = ${open}\nwork(db, 0, 100)`);
  const early = Number(pico.execute('print(held())'));
  pico.execute('work(db, 100, 9000)');
  let late = Infinity;
  for (let from = 9000; from < 10000; from += 100) {
    late = Math.min(late, Number(pico.execute(`work(db, ${from}, ${from + 100})\nprint(held())`)));
  }
  return [early, late];
}

// A page more or less is a matter of where records stand; a leak of one block an operation would be 160,000 bytes.
const SLACK = 1024;

test('the heap after 10,000 operations in memory is as after 100', () => {
  const [early, late] = heapHeld('MicroTetherDB()');
  assert.ok(Math.abs(late - early) <= SLACK, `${early} bytes, then ${late}`);
});

test('the heap after 10,000 operations on a file is as after 100', () => {
  const [early, late] = heapHeld('MicroTetherDB("long.db", in_memory=False)');
  assert.ok(Math.abs(late - early) <= SLACK, `${early} bytes, then ${late}`);
});

test('a soft reset with an open database in memory does no harm', () => {
  const pico = boot();
  for (let turn = 0; turn < 5; turn++) {
    assert.strictEqual(
      pico.execute(
        'from microtetherdb import MicroTetherDB\ndb = MicroTetherDB()\nfor n in range(100): db.put({"n": n})\nprint(len(db))',
      ),
      '100\n',
    );
    pico.softReset();
  }
});

test('a soft reset with an open database on a file loses nothing that was flushed', () => {
  const pico = boot();
  for (let turn = 0; turn < 5; turn++) {
    const seen = pico.execute(`
from microtetherdb import MicroTetherDB
db = MicroTetherDB("soft.db", in_memory=False)
before = len(db)
for n in range(10): db.put("turn ${turn} %d" % n, {"n": n})
db.flush()
print(before, len(db), db.get("turn 0 7"))
db.put("not flushed", ${turn})
`);
    const [before, now] = seen.split(' ').map(Number);
    assert.ok(before >= turn * 10 && now >= before + 10, seen);
    assert.match(seen, /\{'n': 7\}/);
    pico.softReset();
  }
});

test('an open database on a file leaves 200 KB of the heap free', () => {
  const free = boot().execute(`
import gc
from microtetherdb import MicroTetherDB
db = MicroTetherDB("heap.db", in_memory=False)
for n in range(100): db.put({"n": n, "text": "some text"})
db.query({"n": {"$gt": 50}})
gc.collect()
print(gc.mem_free())
`);
  assert.ok(Number(free) >= 200 * 1024, `${free} bytes`);
});
