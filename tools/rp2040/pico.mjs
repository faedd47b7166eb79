// An emulated Raspberry Pi Pico with MicroPython's prompt on UART0. Its clock is the emulator's own: two runs of the same
// image with the same input print the same at the same time.
import { bootRom, ConsoleLogger, LogLevel, RP2040 } from './rp2040js.mjs';
import { NorFlash, SIZE } from './nor_flash.mjs';
import { IoQspi, Ssi } from './peripherals.mjs';

const NANOS_PER_CYCLE = 8; // 125 MHz
const SP = 13;
// The 8 KB of C stack of MicroPython's rp2 port; below them is the end of its heap.
export const STACK_TOP = 0x20042000;
const STACK_END = 0x20040000;
const STEPS = 64; // instructions between two looks at the serial line
const UART_RECEIVE_INTERRUPTS = 0x50;
const SIO_FIFO_STATUS = 0x50;
const SIO_FIFO_READ = 0x58;
const CTRL_A = 0x01;
const CTRL_B = 0x02;
const CTRL_D = 0x04;

// What did not come from the board in time, or came instead. `output` is what it said until then.
export class PicoError extends Error {
  constructor(message, output) {
    super(output ? `${message}\n${output}` : message);
    this.output = output;
  }
}

export class Pico {
  // `image` is firmware.bin; `flash`, where given, the whole 2 MB of a chip that was written to before.
  constructor({ image, flash, timed = true }) {
    this.mcu = new RP2040();
    this.mcu.logger = new ConsoleLogger(LogLevel.Error, true);
    this.mcu.loadBootrom(bootRom());
    const bytes = this.mcu.flash.subarray(0, SIZE);
    if (flash) bytes.set(flash);
    else bytes.set(image);
    this.clock = this.mcu.clock;
    this.flash = new NorFlash(bytes, { now: () => this.clock.nanos, skip: (nanos) => this.clock.tick(nanos) });
    this.flash.timed = timed;
    this.mcu.peripherals[0x18000] = new Ssi(this.mcu, this.flash);
    this.mcu.peripherals[0x40018] = new IoQspi(this.mcu, this.flash);
    this.#emptyFifo(this.mcu.sio);
    this.instructions = 0;
    this.lowestStack = STACK_TOP; // the smallest stack pointer there was
    this.stackEnd = STACK_END; // one below it is an error
    this.output = []; // bytes not yet taken
    this.input = []; // bytes not yet fed
    this.onByte = (byte) => this.output.push(byte);
    this.#connect(this.mcu.uart[0]);
    this.mcu.onBreak = (code) => {
      throw new PicoError(`the firmware stopped at a breakpoint (${code})`, this.#said());
    };
    this.mcu.core.PC = 0x10000000; // boot2, as the boot ROM would do
  }

  // Between the cores, of which rp2040js has one: the 0 that the second sends after its reset, and room to write.
  #emptyFifo(sio) {
    const readUint32 = sio.readUint32.bind(sio);
    sio.readUint32 = (offset) => (offset === SIO_FIFO_STATUS ? 3 : offset === SIO_FIFO_READ ? 0 : readUint32(offset));
  }

  // rp2040js 1.4.1 raises the transmit interrupt for ever; MicroPython enables all of them.
  #connect(uart) {
    uart.checkInterrupts = function () {
      this.rp2040.setInterrupt(this.irq, !!(this.interruptStatus & this.interruptMask & UART_RECEIVE_INTERRUPTS));
    };
    uart.onByte = (byte) => this.onByte(byte);
    this.uart = uart;
  }

  // The processor sleeps, and nothing is on its way that will wake it.
  get idle() {
    return this.mcu.core.waiting && !this.input.length && !this.clock.nextAlarm;
  }

  // Runs for a short while.
  slice() {
    const { core } = this.mcu;
    const { registers } = core;
    const { clock } = this;
    for (let i = 0; i < STEPS; i++) {
      if (core.waiting) {
        clock.tick(Math.max(clock.nanosToNextAlarm, 1000));
        break;
      }
      clock.tick(core.executeInstruction() * NANOS_PER_CYCLE);
      this.instructions++;
      if (registers[SP] < this.lowestStack) this.lowestStack = registers[SP];
    }
    if (this.lowestStack < this.stackEnd) {
      const over = this.stackEnd - this.lowestStack;
      throw new PicoError(`the C stack overflowed into the heap by ${over} bytes`, this.#said());
    }
    if (this.input.length && this.uart.rxFIFO.empty) this.uart.feedByte(this.input.shift());
  }

  // Runs until `bytes` came; returns what came before them.
  until(bytes, seconds = 60) {
    const mark = [...Buffer.from(bytes, 'latin1')];
    const limit = this.clock.nanos + seconds * 1e9;
    for (let seen = 0; ; ) {
      for (; seen < this.output.length; seen++) {
        if (this.output[seen] !== mark.at(-1)) continue;
        const start = seen - mark.length + 1;
        if (start < 0 || mark.some((byte, i) => this.output[start + i] !== byte)) continue;
        const before = this.output.slice(0, start);
        this.output.splice(0, seen + 1);
        return Buffer.from(before).toString().replaceAll('\r\n', '\n');
      }
      if (this.clock.nanos > limit) {
        throw new PicoError(`${JSON.stringify(bytes)} did not come in ${seconds} s of the board's time`, this.#said());
      }
      this.slice();
    }
  }

  #said() {
    return Buffer.from(this.output).toString().replaceAll('\r\n', '\n');
  }

  send(...bytes) {
    this.input.push(...bytes);
  }

  // From power-on to the raw prompt.
  boot() {
    this.until('>>> ');
    this.send(CTRL_A);
    this.until('raw REPL; CTRL-B to exit\r\n>');
    return this;
  }

  // Starts MicroPython anew, as machine.soft_reset() does.
  softReset() {
    this.send(CTRL_D);
    this.until('soft reboot');
    this.until('raw REPL; CTRL-B to exit\r\n>');
  }

  // Runs Python code; returns what it printed. An exception is a PicoError.
  execute(code, seconds = 600) {
    this.#paste(Buffer.from(code));
    const output = this.until('\x04', seconds);
    const error = this.until('\x04', seconds);
    this.until('>', seconds);
    if (error) throw new PicoError(error.trim().split('\n').at(-1), output + error);
    return output;
  }

  // Raw paste mode: the board says how much it can take.
  #paste(code) {
    this.send(0x05, 0x41, 0x01);
    this.until('R\x01');
    const window = this.#take() | (this.#take() << 8);
    let room = window;
    for (const byte of code) {
      for (; room === 0; room += window) {
        const answer = this.#take();
        if (answer !== 0x01) throw new PicoError('the board took no more code', this.#said());
      }
      this.send(byte);
      room--;
    }
    this.send(CTRL_D);
    this.until('\x04');
  }

  #take() {
    const limit = this.clock.nanos + 60e9;
    while (!this.output.length) {
      if (this.clock.nanos > limit) throw new PicoError('the board said nothing', '');
      this.slice();
    }
    return this.output.shift();
  }

  // Leaves the raw prompt for the one that people use.
  friendly() {
    this.send(CTRL_B);
    this.until('>>> ');
  }
}
