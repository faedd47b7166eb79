// What the tests on the emulated Pico share: the image to test.
import fs from 'node:fs';
import { Pico } from '../../tools/rp2040/pico.mjs';

export const image = fs.readFileSync(
  process.env.RP2040_IMAGE ?? new URL('../../build/firmware/RPI_PICO_EMU/firmware.bin', import.meta.url),
);

// A Pico at its prompt, new or with a flash that was written to; its flash operations take no time.
export const boot = (flash) => new Pico({ image, flash, timed: false }).boot();
