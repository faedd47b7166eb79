// The flash chip beside an RP2040 (a 2 MB serial NOR flash): the commands that the boot ROM and pico-sdk send, how long
// the chip is busy with them, what was written, and where the power was cut.

export const SIZE = 2 * 1024 * 1024;
export const PAGE = 256;
export const SECTOR = 4096;
const BLOCK = 65536;

// Typical times of the chip on a Pico, in nanoseconds. Erasing 64 KB at once is quicker than its 16 sectors.
export const PAGE_PROGRAM = 400_000;
export const SECTOR_ERASE = 45_000_000;
const BLOCK_ERASE = 150_000_000;

const WRITE_ENABLE = 0x06;
const WRITE_DISABLE = 0x04;
const READ_STATUS_1 = 0x05;
const READ_STATUS_2 = 0x35;
const READ_DATA = 0x03;
const PROGRAM_PAGE = 0x02;
const ERASE_SECTOR = 0x20;
const ERASE_BLOCK = 0xd8;
const READ_JEDEC_ID = 0x9f;
const READ_UNIQUE_ID = 0x4b;

const JEDEC_ID = [0xef, 0x40, 0x15]; // a 2 MB chip
const STATUS_WRITE_ENABLED = 2;
const STATUS_2_QUAD_ENABLED = 2;

// Applies one operation ({ kind: 'program' | 'erase', address, data | length }) to `bytes`, or only the given part of it:
// the power went off meanwhile.
export function apply(bytes, operation, part = 1) {
  if (operation.kind === 'erase') {
    bytes.fill(0xff, operation.address, operation.address + Math.floor(operation.length * part));
    return;
  }
  const page = operation.address - (operation.address % PAGE);
  const count = Math.floor(operation.data.length * part);
  for (let i = 0; i < count; i++) {
    bytes[page + ((operation.address + i) % PAGE)] &= operation.data[i]; // programming makes zeros only, and stays in its page
  }
}

export class NorFlash {
  // `bytes` is the chip's content; now() tells nanoseconds; skip(nanos) lets that time pass: while the chip is busy the
  // processor can only ask whether it still is, with interrupts off.
  constructor(bytes, { now, skip }) {
    this.bytes = bytes;
    this.now = now;
    this.skip = skip;
    this.timed = true; // false: no operation takes time
    this.operations = []; // all operations, if `recording`
    this.recording = false;
    this.onOperation = null; // called with each operation before it is done
    this.programmedBytes = 0;
    this.programs = 0;
    this.erasedSectors = 0;
    this.selected = false;
    this.writeEnabled = false;
    this.busyUntil = 0;
    this.sent = [];
  }

  select() {
    if (!this.selected) this.sent = [];
    this.selected = true;
  }

  // The end of a command: what writes, writes now.
  deselect() {
    if (this.selected) this.#finish();
    this.selected = false;
    this.sent = [];
  }

  // One byte goes to the chip, one comes back. boot2 asks for the status without a selection that is seen here: then
  // forget() separates the commands.
  transfer(byte) {
    this.sent.push(byte);
    const [command] = this.sent;
    const index = this.sent.length - 2; // of the reply
    if (index < 0) return 0xff;
    switch (command) {
      case READ_STATUS_1:
        this.#waitWhileBusy();
        return this.writeEnabled ? STATUS_WRITE_ENABLED : 0;
      case READ_STATUS_2:
        return STATUS_2_QUAD_ENABLED;
      case READ_JEDEC_ID:
        return JEDEC_ID[index] ?? 0;
      case READ_UNIQUE_ID:
        return index >= 4 ? 0xe6 : 0;
      case READ_DATA:
        return index >= 3 ? this.bytes[(this.#address() + index - 3) % SIZE] : 0;
      default:
        return 0;
    }
  }

  forget() {
    if (!this.selected) this.sent = [];
  }

  // A chip that is asked says that it is busy until the operation is over; that time is skipped instead.
  #waitWhileBusy() {
    if (this.now() < this.busyUntil) this.skip(this.busyUntil - this.now());
  }

  #address() {
    return ((this.sent[1] << 16) | (this.sent[2] << 8) | this.sent[3]) % SIZE;
  }

  #finish() {
    const [command] = this.sent;
    if (command === WRITE_ENABLE) this.writeEnabled = true;
    if (command === WRITE_DISABLE) this.writeEnabled = false;
    if (!this.writeEnabled || this.sent.length < 4) return;
    if (command === PROGRAM_PAGE && this.sent.length > 4) {
      this.#operate({ kind: 'program', address: this.#address(), data: Uint8Array.from(this.sent.slice(4)) }, PAGE_PROGRAM);
    } else if (command === ERASE_SECTOR || command === ERASE_BLOCK) {
      const length = command === ERASE_SECTOR ? SECTOR : BLOCK;
      const address = this.#address() - (this.#address() % length);
      this.#operate({ kind: 'erase', address, length }, command === ERASE_SECTOR ? SECTOR_ERASE : BLOCK_ERASE);
    }
  }

  #operate(operation, nanos) {
    this.onOperation?.(operation);
    if (this.recording) this.operations.push(operation);
    apply(this.bytes, operation);
    this.writeEnabled = false;
    if (this.timed) this.busyUntil = this.now() + nanos;
    if (operation.kind === 'erase') this.erasedSectors += operation.length / SECTOR;
    else {
      this.programs += 1;
      this.programmedBytes += operation.data.length;
    }
  }
}
