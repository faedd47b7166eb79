#!/bin/sh
# run.sh smoke|all MPY_CROSS FIRMWARE.bin: the tests on the emulated Pico. `smoke`: the emulator's own and a few of the
# image; `all`: everything in this folder, too, and the Python tests. The last line is `N passed, N failed`.
set -u

kind=$1
mpy_cross=$2
export RP2040_IMAGE=$3
log=$(mktemp)
trap 'rm -f "$log"' EXIT

tests=tests/rp2040/smoke.test.mjs
[ "$kind" = smoke ] || tests=tests/rp2040/
node --test --test-reporter=tap tools/rp2040/ $tests | tee "$log" | grep -E "^(ok|not ok|# SKIPPED|  (error|location|code):)"
[ "$kind" = smoke ] ||
    python3 tests/run_board.py "$mpy_cross" rp2 -- node tools/rp2040/serial.mjs "$RP2040_IMAGE" | tee -a "$log"

# node says `# pass N`, run_board.py `N passed, N failed`; what died before it said so is a failure.
awk -v parts=$([ "$kind" = smoke ] && echo 1 || echo 2) '
    /^# pass / { passed += $3; ran++ }
    /^# fail / { failed += $3 }
    /^[0-9]+ passed, [0-9]+ failed/ { passed += $1; failed += $3; ran++ }
    END { failed += parts - ran; print passed + 0 " passed, " failed + 0 " failed"; exit failed > 0 }' "$log"
