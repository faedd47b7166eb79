// The emulator's package and the boot ROM, from the folder where tools/rp2040/install.sh puts them.
import fs from 'node:fs';
import { createRequire } from 'node:module';

const folder = new URL('../../build/rp2040/', import.meta.url);
const rp2040js = createRequire(folder)('rp2040js');

export const { RP2040, BasePeripheral, ConsoleLogger, LogLevel } = rp2040js;

export function bootRom() {
  const bytes = fs.readFileSync(new URL('bootrom.bin', folder));
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
}
