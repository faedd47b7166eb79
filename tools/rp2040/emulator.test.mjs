// What the emulator is trusted with: the flags of additions and subtractions with carry, against arithmetic on BigInts.
import assert from 'node:assert';
import test from 'node:test';
import { RP2040 } from './rp2040js.mjs';

const EDGES = [0, 1, 2, 0x7ffffffe, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff];
const RAM = 0x20000000;
const ADCS_R0_R1 = 0x4148;
const SBCS_R0_R1 = 0x4188;

const signed = (word) => BigInt(word | 0);

// [result, N, Z, C, V] of the instruction on r0 and r1.
function execute(core, opcode, r0, r1, carry) {
  core.rp2040.writeUint16(RAM, opcode);
  core.PC = RAM;
  core.registers[0] = r0;
  core.registers[1] = r1;
  core.C = carry;
  core.executeInstruction();
  return [core.registers[0], core.N, core.Z, core.C, core.V];
}

function expected(unsigned, exact, carry) {
  const word = Number(BigInt.asUintN(32, unsigned));
  return [word, word >= 0x80000000, word === 0, carry, signed(word) !== exact];
}

test('an addition with carry sets the flags that its exact sum demands', () => {
  const { core } = new RP2040();
  for (const a of EDGES) {
    for (const b of EDGES) {
      for (const c of [false, true]) {
        const sum = BigInt(a) + BigInt(b) + BigInt(c);
        const want = expected(sum, signed(a) + signed(b) + BigInt(c), sum > 0xffffffffn);
        assert.deepStrictEqual(execute(core, ADCS_R0_R1, a, b, c), want, `${a} + ${b} + ${c}`);
      }
    }
  }
});

test('a subtraction with carry sets the flags that its exact difference demands', () => {
  const { core } = new RP2040();
  for (const a of EDGES) {
    for (const b of EDGES) {
      for (const c of [false, true]) {
        const difference = BigInt(a) - BigInt(b) - BigInt(!c);
        const want = expected(difference, signed(a) - signed(b) - BigInt(!c), difference >= 0n);
        assert.deepStrictEqual(execute(core, SBCS_R0_R1, a, b, c), want, `${a} - ${b} - ${!c}`);
      }
    }
  }
});
