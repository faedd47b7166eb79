#!/usr/bin/env bash
# test.sh INTERPRETER DOCUMENTS [all]: runs the tests; with `all`, also those that take long on emulated boards. Each
# part's whole output goes to build/logs/test-*.log, a summary and what failed to the terminal; a part that fails does not
# stop the others. The last line is "N passed, N failed", over all parts.
set -uo pipefail

interpreter=$1
documents=$2
extent=${3:-}
logs=build/logs
passed=0
failed=0
mkdir -p $logs

# part NAME COUNTER COMMAND…: COUNTER turns the log into "passed failed".
part() {
    local name=$1 counter=$2 log=$logs/test-${1//[^a-zA-Z0-9]/-}.log
    shift 2
    local start=$SECONDS status=0 ok bad
    printf '%-38s ' "$name"
    "$@" > "$log" 2>&1 < /dev/null || status=$?
    read -r ok bad < <($counter "$log" $status)
    # A part that failed without naming a failed test, or that ran none, is a failure itself.
    if [ "$bad" -eq 0 ] && { [ $status -ne 0 ] || [ "$ok" -eq 0 ]; }; then
        bad=1
    fi
    passed=$((passed + ok))
    failed=$((failed + bad))
    printf '%6d passed %4d failed %5d s   %s\n' "$ok" "$bad" $((SECONDS - start)) "$(remark "$log")"
    if [ "$bad" -ne 0 ]; then
        failures "$log"
        echo "    the whole log: $log"
    fi
}

# One check, which passes or fails as a whole.
check_count() {
    [ "$2" -eq 0 ] && echo 1 0 || echo 0 1
}

# cargo prints "test result: ok. 3 passed; 0 failed; …" for each test program.
cargo_count() {
    awk '/^test result:/ { ok += $4; bad += $6 } END { print ok + 0, bad + 0 }' "$1"
}

# Our drivers and the C client end with "N passed, N failed", perhaps ", N skipped".
driver_count() {
    awk '/^[0-9]+ passed, [0-9]+ failed/ { ok = $1; bad = $3 } END { print ok + 0, bad + 0 }' "$1"
}

# What a passing part has to say beyond its counts.
remark() {
    grep -hoE '^text [0-9].*|, [0-9]+ skipped$' "$1" | tail -n 1 | sed 's/^, //'
}

# The lines that tell what failed where the log has such lines, else its end.
failures() {
    { grep -E -A 8 "^(FAIL|not ok|error|warning|Diff in|---- .* stdout ----|thread '.*panicked)" "$1" || tail -n 25 "$1"; } |
        head -n 60 | sed 's/^/    /'
}

part "rustfmt" check_count cargo fmt --all --check
part "clippy" check_count cargo clippy --workspace --all-targets -- -D warnings
# Before the tests of the desk tool, which read what it writes.
part "unix port" check_count make unix
part "cargo tests" cargo_count cargo test --workspace --no-fail-fast
part "C client of the ABI" driver_count tools/c_client.sh
# chip_part TARGET NAME COUNTER COMMAND…: a part that compiles the engine for a chip.
chip_part() {
    local target=$1
    shift
    if [ -d "$(rustc --print target-libdir --target "$target")" ]; then
        part "$@"
    else
        echo "SKIPPED: $1: this machine's Rust is not rustup's, which has the target $target"
    fi
}

for target in thumbv6m-none-eabi riscv32imc-unknown-none-elf; do
    chip_part $target "size on $target" check_count tools/size.sh $target
done
part "MicroPython tests on unix" driver_count python3 tests/run_unix.py "$interpreter"
if [ -d "$documents" ]; then
    part "the documents' examples" driver_count python3 tests/run_documents.py "$interpreter" "$documents"
else
    echo "SKIPPED: the documents' examples: there is no folder $documents"
fi
chip_part thumbv7m-none-eabi "MicroPython tests on a Cortex-M3" driver_count make test-cortex-m3
if [ "$extent" = all ]; then
    chip_part riscv32imc-unknown-none-elf "MicroPython tests on RISC-V" driver_count make test-rv32
    chip_part thumbv6m-none-eabi "all tests on an RP2040" driver_count make test-rp2040
    chip_part thumbv6m-none-eabi "budgets on an RP2040" check_count make size
else
    chip_part riscv32imc-unknown-none-elf "the firmware for RISC-V" check_count make firmware BOARD=QEMU_RV32
    chip_part thumbv6m-none-eabi "a few tests on an RP2040" driver_count make smoke-rp2040
    chip_part thumbv6m-none-eabi "budgets kept on an RP2040" check_count make size-kept
fi

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
