// What the tests on the emulated Pico share: the image to test, and whether it has databases in files yet.
import fs from 'node:fs';
import { Pico, PicoError } from '../../tools/rp2040/pico.mjs';

export const image = fs.readFileSync(
  process.env.RP2040_IMAGE ?? new URL('../../build/firmware/RPI_PICO_EMU/firmware.bin', import.meta.url),
);

// A Pico at its prompt, new or with a flash that was written to; its flash operations take no time.
export const boot = (flash) => new Pico({ image, flash, timed: false }).boot();

// Whether the image keeps databases in files; says so loudly where it does not.
export function hasFiles() {
  try {
    boot().execute('from microtetherdb import MicroTetherDB\nMicroTetherDB("probe.db", in_memory=False).close()');
    return true;
  } catch (error) {
    if (!(error instanceof PicoError) || !error.message.includes('NotImplementedError')) throw error;
    console.log('SKIPPED: this image keeps no databases in files yet');
    return false;
  }
}
