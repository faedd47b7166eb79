// What rp2040js lacks between the processor and its flash chip: the serial interface's data register and the
// chip select, which the boot ROM drives by overriding the pin's output.
import { BasePeripheral } from './rp2040js.mjs';

const SSI_SSIENR = 0x08;
const SSI_TXFLR = 0x20;
const SSI_RXFLR = 0x24;
const SSI_SR = 0x28;
const SSI_IDR = 0x58;
const SSI_VERSION = 0x5c;
const SSI_DR0 = 0x60;
const SR_TX_NOT_FULL = 2;
const SR_TX_EMPTY = 4;
const SR_RX_NOT_EMPTY = 8;

export class Ssi extends BasePeripheral {
  constructor(rp2040, flash) {
    super(rp2040, 'SSI');
    this.flash = flash;
    this.received = [];
    this.registers = {};
  }

  readUint32(offset) {
    switch (offset) {
      case SSI_TXFLR:
        return 0;
      case SSI_RXFLR:
        return this.received.length;
      case SSI_SR:
        return SR_TX_NOT_FULL | SR_TX_EMPTY | (this.received.length ? SR_RX_NOT_EMPTY : 0);
      case SSI_IDR:
        return 0x51535049;
      case SSI_VERSION:
        return 0x3430312a;
      case SSI_DR0:
        return this.received.shift() ?? 0;
      default:
        return this.registers[offset] ?? 0;
    }
  }

  writeUint32(offset, value) {
    if (offset === SSI_DR0) {
      this.received.push(this.flash.transfer(value & 0xff));
      return;
    }
    if (offset === SSI_SSIENR && !(value & 1)) {
      this.received.length = 0;
      this.flash.forget();
    }
    this.registers[offset] = value;
  }
}

const GPIO_QSPI_SS_CTRL = 0x0c;
const OUTPUT_LOW = 2; // of CTRL's field OUTOVER, bits 8 and 9

export class IoQspi extends BasePeripheral {
  constructor(rp2040, flash) {
    super(rp2040, 'IO_QSPI');
    this.flash = flash;
    this.registers = {};
  }

  readUint32(offset) {
    return this.registers[offset] ?? 0;
  }

  writeUint32(offset, value) {
    this.registers[offset] = value;
    if (offset !== GPIO_QSPI_SS_CTRL) return;
    if (((value >> 8) & 3) === OUTPUT_LOW) this.flash.select();
    else this.flash.deselect();
  }
}
