// What is acknowledged outlives a power cut at any flash operation.
import assert from 'node:assert';
import test from 'node:test';
import { hasFiles } from './firmware.mjs';
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
    verify: (acknowledged) => `
lines = open("log").read().split("\\n")
assert lines == ["line %d" % n for n in range(len(lines) - 1)] + [""], lines
assert len(lines) - 2 >= ${acknowledged}, (lines, ${acknowledged})
`,
    points: POINTS,
  });
  assert.ok(cuts >= POINTS, `${cuts} cuts`);
});

test('a check that does not hold is seen', () => {
  const lost = {
    prepare: 'open("log", "w").close()',
    workload: 'with open("log", "w") as file:\n    file.write("x" * 600)\n    print("ack 1")\n', // acknowledged too early
    verify: (acknowledged) => `assert ${acknowledged} < 1 or len(open("log").read()) == 600`,
    points: 1,
  };
  assert.throws(() => cutPower(lost), /cut in operation/);
});

// The operations of the workload, and what the database holds after the first `count` of them.
const MODEL = `
def operation(n):
    key = "k%02d" % (n * 7 % 40)
    if n % 5 == 3:
        return "delete", key, None
    return "put", key, {"n": n, "text": "x" * (n * 37 % 90), "list": [n, n / 4]}

def model(count):
    records = {}
    for n in range(count):
        kind, key, value = operation(n)
        if kind == "put":
            records[key] = value
        else:
            records.pop(key, None)
    return records
`;
const OPERATIONS = 120;

test('a database in a file holds its last flushed state or a later one, and goes on', { skip: !hasFiles() }, () => {
  const cuts = cutPower({
    prepare: 'from microtetherdb import MicroTetherDB\nMicroTetherDB("cut.db", in_memory=False).close()',
    workload: `${MODEL}
from microtetherdb import MicroTetherDB
db = MicroTetherDB("cut.db", in_memory=False)
for n in range(${OPERATIONS}):
    kind, key, value = operation(n)
    if kind == "put":
        db.put(key, value)
    else:
        db.delete(key)
    if n % 4 == 3:
        db.flush()
        print("ack", n + 1)
`,
    verify: (acknowledged) => `${MODEL}
from microtetherdb import MicroTetherDB
db = MicroTetherDB("cut.db", in_memory=False)
found = dict(db.items())
count = ${Math.max(0, acknowledged)}
while count <= ${OPERATIONS} and model(count) != found:
    count += 1
assert count <= ${OPERATIONS}, (${acknowledged}, found)
db.put("after", {"a": 1})
db.close()
db = MicroTetherDB("cut.db", in_memory=False)
assert db.get("after") == {"a": 1} and len(db) == len(found) + 1
`,
    points: POINTS,
  });
  assert.ok(cuts >= POINTS, `${cuts} cuts`);
});
