// What is acknowledged outlives a power cut at any flash operation.
import assert from 'node:assert';
import test from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { cutPower } from './power_cut.mjs';

const POINTS = 200;

test('littlefs keeps every closed file: the cuts themselves work', () => {
  const cuts = cutPower({
    prepare: 'open("log", "w").close()',
    workload: `
for n in range(30):
    with open("log", "a") as file:
        file.write("line %d\\n" % n)
    print("ack", n)
`,
    look: 'print(open("log").read(), end="")',
    check: (text, acknowledged) => {
      const lines = text.split('\n').slice(0, -1);
      assert.deepStrictEqual(lines, [...lines.keys()].map((n) => `line ${n}`));
      assert.ok(lines.length - 1 >= acknowledged, `${lines.length} lines, ${acknowledged} acknowledged`);
    },
    points: POINTS,
  });
  console.log(`${cuts} power cuts`);
  assert.ok(cuts >= POINTS);
});

test('a check that does not hold is seen', () => {
  const lost = {
    prepare: 'open("log", "w").close()',
    workload: 'with open("log", "w") as file:\n    file.write("x" * 600)\n    print("ack 1")\n', // acknowledged too early
    look: 'print(len(open("log").read()))',
    check: (length, acknowledged) => assert.ok(acknowledged < 1 || length === '600\n'),
    points: 1,
  };
  assert.throws(() => cutPower(lost), /cut in operation/);
});

// The workload's operations, here and on the board: [key, value] for a put, [key] for a delete.
const OPERATIONS = 120;
const operation = (n) => {
  const key = `k${String((n * 7) % 40).padStart(2, '0')}`;
  return n % 5 === 3 ? [key] : [key, { n, text: 'x'.repeat((n * 37) % 90), list: [n, n / 4] }];
};
const OPERATION = `
def operation(db, n):
    key = "k%02d" % (n * 7 % 40)
    if n % 5 == 3:
        db.delete(key)
    else:
        db.put(key, {"n": n, "text": "x" * (n * 37 % 90), "list": [n, n / 4]})
`;

// What the database holds after each number of operations.
const states = [new Map()];
for (let n = 0; n < OPERATIONS; n++) {
  const [key, value] = operation(n);
  const state = new Map(states[n]);
  if (value) state.set(key, value);
  else state.delete(key);
  states.push(state);
}

test('a database in a file holds its last flushed state or a later one, and goes on', () => {
  const cuts = cutPower({
    prepare: 'from microtetherdb import MicroTetherDB\nMicroTetherDB("cut.db", in_memory=False).close()',
    workload: `${OPERATION}
from microtetherdb import MicroTetherDB
db = MicroTetherDB("cut.db", in_memory=False)
for n in range(${OPERATIONS}):
    operation(db, n)
    if n % 4 == 3:
        db.flush()
        print("ack", n + 1)
`,
    look: `
import json
from microtetherdb import MicroTetherDB
db = MicroTetherDB("cut.db", in_memory=False)
print(json.dumps(list(db.items())))
size = len(db)
db.put("after", {"a": 1})
db.close()
db = MicroTetherDB("cut.db", in_memory=False)
assert db.get("after") == {"a": 1} and len(db) == size + 1
`,
    check: (text, acknowledged) => {
      const found = new Map(JSON.parse(text));
      const least = Math.max(0, acknowledged);
      const is = (state) => isDeepStrictEqual(new Map([...state].sort()), found);
      assert.ok(states.slice(least).some(is), `no state from ${least} on is ${text}`);
    },
    points: POINTS,
  });
  console.log(`${cuts} power cuts`);
  assert.ok(cuts >= POINTS);
});
