// Power cuts on real firmware. The workload runs once while every flash operation is recorded; what a cut in the Nth
// operation leaves behind is then exactly the flash before, N - 1 operations, and part of the Nth. Each is booted.
import { apply } from '../../tools/rp2040/nor_flash.mjs';
import { boot } from './firmware.mjs';

// How much of the operation was done when the power went.
const PARTS = [0.5, 0, 1, 0.1, 0.9];

// Runs `workload` after `prepare`, cuts the power in at least `points` places, boots, runs `look` there and gives what that
// printed to check(output, acknowledged), which throws where something is wrong. The workload prints "ack N" for what
// must not be lost any more; `acknowledged` is the last N, -1 before the first. Returns how many cuts there were.
export function cutPower({ prepare, workload, look, check, points }) {
  const pico = boot();
  pico.execute(prepare);
  const before = pico.flash.bytes.slice();
  const acknowledged = [];
  pico.flash.recording = true;
  pico.flash.onOperation = () => acknowledged.push(lastAcknowledged(pico.output));
  pico.execute(workload);
  const { operations } = pico.flash;

  const turns = Math.ceil(points / operations.length); // so many cuts in each operation
  const bytes = before.slice();
  let cuts = 0;
  for (const [n, operation] of operations.entries()) {
    for (let turn = 0; turn < turns; turn++) {
      const flash = bytes.slice();
      apply(flash, operation, PARTS[(n + turn) % PARTS.length]);
      try {
        check(boot(flash).execute(look), acknowledged[n]);
      } catch (error) {
        error.message = `cut in operation ${n} of ${operations.length} (${operation.kind}), turn ${turn}: ${error.message}`;
        throw error;
      }
      cuts++;
    }
    apply(bytes, operation);
  }
  return cuts;
}

function lastAcknowledged(output) {
  const all = Buffer.from(output).toString().match(/ack \d+(?=\r\n)/g);
  return all ? Number(all.at(-1).slice(4)) : -1;
}
