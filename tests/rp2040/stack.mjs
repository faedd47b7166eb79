// node stack.mjs FIRMWARE.elf: the C stack that calls of the module take on an emulated Pico, to the byte, as the
// processor's stack pointer was at each instruction. Fails where engine and glue take more than their budget. Their share are
// the frames of their own functions and of Rust's core, in the deepest chain that there was; what MicroPython takes between
// two of them, and the filesystem below them, is not in it.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { Pico, STACK_TOP } from '../../tools/rp2040/pico.mjs';

const BUDGET = 2048;
const STACK = 8192; // that MicroPython gives a Pico
const FLASH = 0x10000000;
const SP = 13;
const LR = 14;

const WORK = `
import asyncio, gc
from microtetherdb import MicroTetherDB

LONG = "a long key " * 10
TAGS = ["tag %02d %s" % (n, "x" * 56) for n in range(32)]
NESTED = {"level": []}
for _ in range(14):
    NESTED = {"level": [NESTED, 1.5]}

def long_and_nested(db):
    for n in range(12):
        db.put(LONG + str(n), {"n": n, "big": 1 << 60 + n, "nested": NESTED, "text": "y" * 60 * n}, tags=TAGS, ttl=0.001 if n % 3 else 100)
    for n in range(12):
        db.put(LONG + str(n), "z" * 300 * n, tags=TAGS[n:n + 9])
        db.put({"_tags": TAGS[:n], "in": {"a": {"b": {"c": [n, {"d": n}]}}}})
    db.query({"in.a.b.c": {"$exists": True, "$ne": 3}, "in": {"$ne": {"a": [1, {"b": 2}]}}, "tags": {"$in": TAGS}, "big": {"$exists": False}}, keys=True)
    db.query({"_tags": TAGS[3], "tags": TAGS[4], "in.a.b": {"c": [7, {"d": 7}]}})
    db.query({"nested": NESTED, "in.a": {"$in": [1, "x", None, [2], {"b": 3}]}})
    for _ in db.find({"text": {"$contains": "yyy"}, "n": {"$gt": 1, "$lte": 8}}, keys=True): pass
    db[LONG + "live"] = {"a": {"b": {"c": [{"d": []}]}}}
    db[LONG + "live"]["a"]["b"]["c"][0]["d"].append({"e": "w" * 200})
    try:
        with db.transaction():
            for n in range(12):
                db[LONG + str(n)] = {"n": n, LONG: NESTED}
                del db[LONG + str(n)]
            db.delete_batch(list(db.keys()))
            db.put(LONG + "bad", {"a": [1, {"b": open}]})
    except TypeError:
        pass
    for call in (lambda: db.put("k" * 300, 1), lambda: db.query({"a": {"$no": 1}}), lambda: db.put("n", "x" * 9000)):
        try:
            call()
        except ValueError:
            pass

async def awaited(db):
    async with db:
        key = await db.put({"n": 1}, tags=["awaited"])
        assert (await db.get(key))["n"] == 1
        async with db.transaction():
            await db.put_batch([{"n": n} for n in range(20)])
        await asyncio.gather(db.query({"n": {"$gt": 5}}), db.cleanup(), db.compact())

def overwrite(db):
    for n in range(700):
        db.put("over %02d" % (n * 7 % 60), {"n": n, "text": "v" * (n % 150)}, tags=["o%d" % (n % 5)])
    db.flush()
    for n in range(60):
        if n % 4:
            db.delete("over %02d" % n)
    db.compact()

def work(db):
    usual(db)
    long_and_nested(db)
    if db.stats().get("file_bytes"):
        overwrite(db)
        db.backup("a/backup.db")
        db.close()
        db = MicroTetherDB("stack.db", in_memory=False, btree_cachesize=8)
        for _ in db.items(): pass
        db.put("after", 1)
    asyncio.run(awaited(db))

def usual(db):
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
    .filter(([, , type, name]) => 'tT'.includes(type) && name && (glue.has(name) || /^mtdb_|^_ZN|^_R/.test(name)))
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
  let last = 0; // where the stack pointer was in the last instruction of engine and glue
  const calls = []; // their functions that are being executed, the stack pointer each found, and the others' frames so far
  core.executeInstruction = () => {
    const pc = registers[15];
    const sp = registers[SP];
    const owner = pc >= FLASH && pc < FLASH + (1 << 21) ? owners[(pc - FLASH) >> 1] : 0;
    if (entered && (sp > entered.sp || (sp === entered.sp && pc === entered.back))) entered = null;
    if (owner && !entered) {
      const [, , name] = functions[owner - 1];
      if (!depths.has(name)) depths.set(name, { own: 0, all: 0, chain: [] });
      entered = { sp, back: registers[LR] & ~1, depth: depths.get(name) };
      calls.length = 0;
      last = sp;
    }
    if (owner && functions[owner - 1][0] === pc) {
      while (calls.length && calls.at(-1).sp <= sp) calls.pop();
      const before = calls.length ? calls.at(-1).others : 0;
      calls.push({ name: functions[owner - 1][2], sp, others: before + Math.max(0, last - sp) });
    }
    const cycles = execute();
    if (entered) {
      const deep = entered.sp - registers[SP];
      if (deep > entered.depth.all) entered.depth.all = deep;
      if (owner) {
        last = registers[SP];
        const own = deep - (calls.length ? calls.at(-1).others : 0);
        if (own > entered.depth.own) {
          entered.depth.own = own;
          entered.depth.chain = [...calls, { name: '', sp: registers[SP], others: calls.at(-1)?.others ?? 0 }];
        }
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

// Whether the budgets are kept.
function report(kind, open) {
  const pico = new Pico({ image: fs.readFileSync(elf.replace(/elf$/, 'bin')), timed: false }).boot();
  pico.stackEnd = 0; // an overflow is told below, with what caused it
  pico.execute(WORK);
  pico.lowestStack = STACK_TOP;
  const depths = measure(pico, () => pico.execute(`work(${open})`));
  const deepest = [...depths].sort((a, b) => b[1].own - a[1].own);
  const [[name, { own, chain }]] = deepest;
  const all = Math.max(...deepest.map(([, depth]) => depth.all));
  for (const [other, depth] of deepest.slice(0, 8)) console.log(`    ${depth.own} own, ${depth.all} in all: ${other}`);
  console.log(`  the frames of ${name}, in bytes:`);
  for (let i = 0; i + 1 < chain.length; i++) {
    const others = chain[i + 1].others - chain[i].others;
    const frame = chain[i].sp - chain[i + 1].sp - others;
    console.log(`    ${frame} ${plain(chain[i].name)}${others ? `, and ${others} of others below it` : ''}`);
  }
  const whole = STACK_TOP - pico.lowestStack;
  const keeps = (what, found, budget) => {
    console.log(`C stack ${kind}, ${what}, bytes: ${found}, the budget is ${budget}, ${found <= budget ? 'ok' : 'over'}`);
    return found <= budget;
  };
  console.log(`C stack ${kind}, engine and glue with all that they call, bytes: ${all}`);
  const kept = [keeps('engine and glue', own, BUDGET), keeps('of everything', whole, STACK)];
  return !kept.includes(false);
}

const inMemory = report('in memory', 'MicroTetherDB(ram_percentage=60)');
const onFile = report('on a file', 'MicroTetherDB("stack.db", in_memory=False)');
process.exitCode = inMemory && onFile ? 0 : 1;
