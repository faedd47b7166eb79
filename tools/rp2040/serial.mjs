// node serial.mjs FIRMWARE.bin: an emulated Pico whose serial line is this program's stdin and stdout. Flash operations
// take no time. At a terminal Ctrl-] ends it.
import fs from 'node:fs';
import { Pico } from './pico.mjs';

const SLICES = 2000; // between two looks at stdin
const CTRL_CLOSING_BRACKET = 0x1d;

const pico = new Pico({ image: fs.readFileSync(process.argv[2]), timed: false });
let out = [];
pico.onByte = (byte) => out.push(byte);

function flush() {
  if (out.length) process.stdout.write(Buffer.from(out));
  out = [];
}

let wake = () => {};
process.stdin.setRawMode?.(true);
process.stdin.on('data', (data) => {
  if (process.stdin.isTTY && data.includes(CTRL_CLOSING_BRACKET)) process.exit();
  pico.send(...data);
  wake();
});
process.stdin.on('end', () => process.exit());

for (;;) {
  for (let i = 0; i < SLICES && !pico.idle; i++) pico.slice();
  flush();
  if (pico.idle) await new Promise((resolve) => (wake = resolve));
  else await new Promise(setImmediate);
}
