// node stack.mjs FIRMWARE.elf: the C stack that calls of the module take on an emulated Pico, to the byte, as the
// processor's stack pointer was at each instruction. Fails where engine and glue take more than their budget.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { Pico, STACK_TOP } from '../../tools/rp2040/pico.mjs';

const BUDGET = 2048;
const FLASH = 0x10000000;
const SP = 13;

const WORK = `
import gc
from microtetherdb import MicroTetherDB

def work(db):
    for n in range(250):
        db.put("key %04d" % (n * 7919 % 10000), {"n": n, "name": "some text", "list": [n, {"deep": n / 3}]}, ttl=1000, tags=["a", "b%d" % (n % 9)])
    for n in range(0, 250, 3):
        db.put("key %04d" % (n * 7919 % 10000), {"n": n, "longer": "x" * (n % 200)}, tags=["c"])
    db.put("large", ["x" * 3000])
    db.put({"generated": 1})
    db.get("large")
    db["live"] = {"a": {"b": [1, 2]}}
    db["live"]["a"]["b"].append(3)
    db.query({"n": {"$gte": 10, "$lt": 90}, "name": {"$contains": "text"}, "list": {"$exists": True}, "$limit": 5})
    db.query({"tags": "a", "n": {"$in": [1, 5, 9]}, "longer": {"$ne": None}})
    for _ in db.find({}): pass
    for _ in db.items(): pass
    db.put_batch([{"n": n, "text": "some text"} for n in range(50)], ttls=5)
    try:
        with db.transaction():
            with db.transaction():
                db.put_batch([{"n": n, "new field %d" % n: n} for n in range(60)])
                db.delete("key 0000")
            raise ValueError
    except ValueError:
        pass
    db.tags("key 0000")
    len(db)
    db.stats()
    db.cleanup()
    db.flush()
    db.delete_batch(["key %04d" % n for n in range(0, 10000, 3)])
    db.compact()
    db.delete(purge=True)
`;

const elf = process.argv[2];
const folder = path.dirname(elf);

const nm = (...options) =>
  execFileSync('arm-none-eabi-nm', options, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 26 });

// [start, size, name] of the functions of engine and glue in the image.
function moduleFunctions() {
  const objects = fs
    .readdirSync(path.join(folder, 'tree'), { recursive: true })
    .filter((name) => /mpy_glue\/[^/]+\.o(bj)?$/.test(name))
    .map((name) => path.join(folder, 'tree', name));
  const glue = new Set(
    nm('--defined-only', ...objects)
      .split('\n')
      .map((line) => line.split(' ').at(-1)),
  );
  return nm('-S', '--defined-only', elf)
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, , type, name]) => 'tT'.includes(type) && name && (glue.has(name) || /^mtdb_|mtdb_engine/.test(name)))
    .map(([start, size, , name]) => [parseInt(start, 16) & ~1, parseInt(size, 16), name]);
}

// For each halfword of the flash 1 + the index of its function in `functions`, 0 outside.
function ownersOf(functions) {
  const owners = new Uint16Array(1 << 20);
  functions.forEach(([start, size], index) => owners.fill(index + 1, (start - FLASH) >> 1, (start + size - FLASH) >> 1));
  return owners;
}

// Measures what runs in run(pico): for each function by which the module was entered, the deepest that engine and
// glue themselves got (`own`, by way of the functions in `chain`) and with all that they called (`all`), in bytes.
function measure(pico, run) {
  const functions = moduleFunctions();
  const owners = ownersOf(functions);
  const depths = new Map();
  const { core } = pico.mcu;
  const { registers } = core;
  const execute = core.executeInstruction.bind(core);
  let entered = null;
  const calls = []; // the functions of engine and glue that are being executed, and the stack pointer each found
  core.executeInstruction = () => {
    const pc = registers[15];
    const owner = pc >= FLASH && pc < FLASH + (1 << 21) ? owners[(pc - FLASH) >> 1] : 0;
    if (entered && registers[SP] > entered.sp) entered = null;
    if (owner && !entered) {
      const [, , name] = functions[owner - 1];
      if (!depths.has(name)) depths.set(name, { own: 0, all: 0, chain: [] });
      entered = { sp: registers[SP], depth: depths.get(name) };
      calls.length = 0;
    }
    if (owner && functions[owner - 1][0] === pc) {
      while (calls.length && calls.at(-1).sp <= registers[SP]) calls.pop();
      calls.push({ name: functions[owner - 1][2], sp: registers[SP] });
    }
    const cycles = execute();
    if (entered) {
      const deep = entered.sp - registers[SP];
      if (deep > entered.depth.all) entered.depth.all = deep;
      if (owner && deep > entered.depth.own) {
        entered.depth.own = deep;
        entered.depth.chain = [...calls, { name: '', sp: registers[SP] }];
      }
    }
    return cycles;
  };
  run(pico);
  core.executeInstruction = execute;
  return depths;
}

// A mangled Rust name as a path, near enough to be found.
const plain = (name) => name.replace(/^_ZN|17h[0-9a-f]{16}E.*$/g, '').replace(/\d+(?=[a-z_])/g, '::').replace(/^::/, '');

function report(kind, open) {
  const pico = new Pico({ image: fs.readFileSync(elf.replace(/elf$/, 'bin')), timed: false }).boot();
  pico.stackEnd = 0; // an overflow is told below, with what caused it
  pico.execute(WORK);
  pico.lowestStack = STACK_TOP;
  const depths = measure(pico, () => pico.execute(`work(${open})`));
  const deepest = [...depths].sort((a, b) => b[1].own - a[1].own);
  const [[name, { own, chain }]] = deepest;
  const all = Math.max(...deepest.map(([, depth]) => depth.all));
  console.log(`stack, ${kind}: engine and glue ${own} bytes (${name}), the budget is ${BUDGET};`);
  console.log(`    with all that they call ${all}; the whole C stack ${STACK_TOP - pico.lowestStack} of 8192`);
  for (const [other, depth] of deepest.slice(0, 8)) console.log(`    ${depth.own} own, ${depth.all} in all: ${other}`);
  console.log(`  the frames of ${name}, in bytes:`);
  for (let i = 0; i + 1 < chain.length; i++) console.log(`    ${chain[i].sp - chain[i + 1].sp} ${plain(chain[i].name)}`);
  return own <= BUDGET;
}

let kept = report('in memory', 'MicroTetherDB(ram_percentage=60)');
try {
  kept = report('on a file', 'MicroTetherDB("stack.db", in_memory=False)') && kept;
} catch (error) {
  if (!error.message.includes('NotImplementedError')) throw error;
  console.log('stack, on a file: SKIPPED, this image keeps no databases in files yet');
}
process.exitCode = kept ? 0 : 1;
