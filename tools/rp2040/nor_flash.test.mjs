// The model of the flash chip: what it does with each command, and what it counts.
import assert from 'node:assert';
import test from 'node:test';
import { apply, NorFlash, PAGE, PAGE_PROGRAM, SECTOR, SECTOR_ERASE, SIZE } from './nor_flash.mjs';

// A chip whose bytes are all 0, its clock in `time`, and a way to send it a command.
function chip() {
  const time = { nanos: 0 };
  const bytes = new Uint8Array(SIZE);
  const flash = new NorFlash(bytes, { now: () => time.nanos, skip: (nanos) => (time.nanos += nanos) });
  const command = (...sent) => {
    flash.select();
    const replies = sent.map((byte) => flash.transfer(byte));
    flash.deselect();
    return replies;
  };
  const write = (...sent) => {
    command(0x06);
    command(...sent);
    command(0x05, 0);
  };
  return { flash, bytes, time, command, write };
}

const at = (address) => [address >> 16, (address >> 8) & 0xff, address & 0xff];
const erase = (address) => [0x20, ...at(address)];
const program = (address, ...data) => [0x02, ...at(address), ...data];

test('erasing makes the sector around the address ones, and no byte beside it', () => {
  const { bytes, write } = chip();
  write(...erase(SECTOR + 5));
  assert.deepStrictEqual(bytes.subarray(SECTOR, 2 * SECTOR), new Uint8Array(SECTOR).fill(0xff));
  assert.strictEqual(bytes[SECTOR - 1], 0);
  assert.strictEqual(bytes[2 * SECTOR], 0);
});

test('erasing a block of 64 KB counts its sectors', () => {
  const { flash, bytes, write } = chip();
  write(0xd8, ...at(65536 + 7));
  assert.ok(bytes.subarray(65536, 131072).every((byte) => byte === 0xff));
  assert.strictEqual(bytes[131072], 0);
  assert.strictEqual(flash.erasedSectors, 16);
});

test('programming makes ones zeros and never zeros ones', () => {
  const { bytes, write } = chip();
  write(...erase(0));
  write(...program(0, 0b11110000));
  write(...program(0, 0b10101010));
  assert.strictEqual(bytes[0], 0b10100000);
});

test('programming past the end of a page goes on at its start', () => {
  const { bytes, write } = chip();
  write(...erase(0));
  write(...program(PAGE - 1, 1, 2, 3));
  assert.deepStrictEqual([bytes[PAGE - 1], bytes[0], bytes[1], bytes[PAGE]], [1, 2, 3, 0xff]);
});

test('nothing is written that was not enabled, and one enabling is for one command', () => {
  const { flash, bytes, command, write } = chip();
  command(...erase(0));
  assert.strictEqual(bytes[0], 0);
  write(...erase(0));
  command(...program(0, 1));
  assert.strictEqual(bytes[0], 0xff);
  command(0x06);
  command(0x04);
  command(...program(0, 1));
  assert.strictEqual(bytes[0], 0xff);
  assert.strictEqual(flash.programs, 0);
});

test('what is read is what was written', () => {
  const { command, write } = chip();
  write(...erase(0x12000));
  write(...program(0x12345, 7, 8, 9));
  assert.deepStrictEqual(command(0x03, ...at(0x12345), 0, 0, 0).slice(4), [7, 8, 9]);
});

test('a write takes the time of the chip, waited for when its status is asked', () => {
  const { time, write } = chip();
  write(...erase(0));
  assert.strictEqual(time.nanos, SECTOR_ERASE);
  write(...program(0, 1));
  assert.strictEqual(time.nanos, SECTOR_ERASE + PAGE_PROGRAM);
});

test('without times nothing waits', () => {
  const { flash, time, write } = chip();
  flash.timed = false;
  write(...erase(0));
  assert.strictEqual(time.nanos, 0);
});

test('programmed bytes and erased sectors are counted', () => {
  const { flash, write } = chip();
  write(...erase(0));
  write(...erase(SECTOR));
  write(...program(0, 1, 2, 3));
  write(...program(PAGE, 4));
  assert.deepStrictEqual([flash.erasedSectors, flash.programs, flash.programmedBytes], [2, 2, 4]);
});

test('recorded operations, applied to what was there, give what is there', () => {
  const { flash, bytes, write } = chip();
  const before = bytes.slice();
  flash.recording = true;
  write(...erase(SECTOR));
  write(...program(SECTOR + 250, 1, 2, 3, 4, 5, 6, 7, 8));
  write(...program(SECTOR + 250, 0, 0xff));
  for (const operation of flash.operations) apply(before, operation);
  assert.deepStrictEqual(before, bytes);
});

test('an operation that the power left half done has done its first half', () => {
  const { bytes } = chip();
  apply(bytes, { kind: 'erase', address: 0, length: SECTOR }, 0.5);
  assert.deepStrictEqual([bytes[0], bytes[SECTOR / 2 - 1], bytes[SECTOR / 2]], [0xff, 0xff, 0]);
  apply(bytes, { kind: 'program', address: 0, data: Uint8Array.of(1, 2, 3, 4) }, 0.5);
  assert.deepStrictEqual([...bytes.subarray(0, 4)], [1, 2, 0xff, 0xff]);
});
