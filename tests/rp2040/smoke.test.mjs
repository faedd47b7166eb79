// The image starts, formats its flash, keeps records and forgets them with a soft reset: the quick look of `make test`.
import assert from 'node:assert';
import test from 'node:test';
import { Pico } from '../../tools/rp2040/pico.mjs';
import { boot, image } from './firmware.mjs';

const LOOK = `
import os
from microtetherdb import MicroTetherDB
db = MicroTetherDB()
for n in range(20):
    db.put("k%02d" % n, {"n": n, "half": n / 2, "big": 1 << 40}, tags=["even"] if n % 2 == 0 else None, ttl=1000)
del db["k03"]
db["k04"]["half"] = -0.5
print(len(db), db.query({"n": {"$gte": 3}, "tags": "even", "$limit": 1}), [k for k in db if k < "k03"], os.listdir("/"))
`;
const SEEN =
  "19 [{'n': 4, 'big': 1099511627776, 'half': -0.5, '_tags': ['even']}] ['k00', 'k01', 'k02'] []\n";

test('a new board formats its flash and answers queries, before and after a soft reset', () => {
  const pico = boot();
  assert.ok(pico.flash.erasedSectors > 0);
  assert.strictEqual(sorted(pico.execute(LOOK)), sorted(SEEN));
  pico.softReset();
  assert.strictEqual(sorted(pico.execute(LOOK)), sorted(SEEN));
});

// A dict's order differs from build to build.
const sorted = (text) => [...text].sort().join('');

test('a file outlives the power', () => {
  const pico = boot();
  pico.execute('with open("note", "w") as file: file.write("still here")');
  assert.strictEqual(boot(pico.flash.bytes).execute('print(open("note").read())'), 'still here\n');
});

test('the same run takes the same instructions and the same time', () => {
  const run = () => {
    const pico = new Pico({ image }).boot();
    pico.execute(LOOK);
    return [pico.instructions, pico.clock.nanos, pico.flash.programmedBytes];
  };
  assert.deepStrictEqual(run(), run());
});
