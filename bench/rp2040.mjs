// node rp2040.mjs FIRMWARE.bin: what operations take on a Pico, by the emulator's clock at 125 MHz and its flash chip
// (0.4 ms to program a page, 45 ms to erase 4 KB). Two runs print the same. Beside it stand the figures that the
// pure-Python original reports, on a board of the ESP32's class.
import fs from 'node:fs';
import { Pico } from '../tools/rp2040/pico.mjs';

const image = fs.readFileSync(process.argv[2]);

const PREPARE = `
import gc, time
from microtetherdb import MicroTetherDB
CITIES = ("Berlin", "Madrid", "Lisbon", "Vienna", "Athens", "Prague", "Dublin", "Warsaw", "Zagreb", "Sofia")
def document(n):
    return {"name": "John", "age": n % 100, "city": CITIES[n % 10], "id": n}
def measured(count, call):
    gc.collect()
    start = time.ticks_us()
    for n in range(count):
        call(n)
    return time.ticks_diff(time.ticks_us(), start) / count / 1000
documents = [document(n) for n in range(100)]
keys = ["key%03d" % n for n in range(100)]
lists = [[document(10 * n + m) for m in range(10)] for n in range(10)]
`;

// [what, how often, code of one call (n counts), the original's ms in memory and on a file]
const ROWS = [
  ['put', 100, 'db.put(keys[n], documents[n])', 9.46, 8.31],
  ['get', 100, 'db.get(keys[n])', 5.75, 6.0],
  ['query, 10 of 100 match', 20, 'db.query({"age": {"$gte": 90}})', 46.25, 61.45],
  ['delete', 100, 'db.delete(keys[n])', 6.0, null],
  ['put_batch of 10', 10, 'batches.append(db.put_batch(lists[n]))', 36.75, 924.25],
  ['delete_batch of 10', 10, 'db.delete_batch(batches[n])', 9.0, 1506],
];

// For each row { ms, programmed, erased } of one call.
function run(open) {
  const pico = new Pico({ image }).boot();
  pico.execute(PREPARE);
  pico.execute(`db = ${open}\nbatches = []`);
  const { flash } = pico;
  return ROWS.map(([, count, code]) => {
    const [programmed, erased] = [flash.programmedBytes, flash.erasedSectors];
    const ms = Number(pico.execute(`print(measured(${count}, lambda n: ${code}))`));
    return {
      ms,
      programmed: (flash.programmedBytes - programmed) / count,
      erased: (flash.erasedSectors - erased) / count,
    };
  });
}

const number = (value, digits) => (value === null ? '' : value.toFixed(digits));
const times = (original, ours) => (original === null ? '' : `${(original / ours).toFixed(1)} times`);

const memory = run('MicroTetherDB()');
const file = run('MicroTetherDB("bench.db", in_memory=False)');

console.log('| ms a call | in memory | original | | on flash | original | | bytes programmed | blocks erased |');
console.log('|---|---|---|---|---|---|---|---|---|');
ROWS.forEach(([what, , , originalMemory, originalFile], i) => {
  const m = memory[i];
  const f = file[i];
  const cells = [what, number(m.ms, 2), number(originalMemory, 2), times(originalMemory, m.ms)];
  cells.push(number(f.ms, 2), number(originalFile, 2), times(originalFile, f.ms), number(f.programmed, 0), number(f.erased, 2));
  console.log(`| ${cells.join(' | ')} |`);
});
