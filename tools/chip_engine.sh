#!/bin/sh
# chip_engine.sh TARGET: compiles the engine for a chip, small, into $CARGO_TARGET_DIR/TARGET/board/engine.a.
# Rust's Arm targets keep a frame pointer in each function, which takes one of the eight registers of a Cortex-M0+; no
# option of rustc takes it away. So rustc gives the program as LLVM's text, and LLVM's own compiler, from the same
# toolchain, makes the code. compiler_builtins, which every Rust staticlib carries, stays behind: a firmware has those
# functions already (libgcc, libc, pico-sdk), and would else be linked with larger ones: memmove, log2f.
set -eu

target=$1
board=$CARGO_TARGET_DIR/$target/board
"$(dirname "$0")/install.sh" "target:$target"
tools=$(rustc --print target-libdir)/../bin

cargo rustc --profile board -p mtdb-capi --crate-type staticlib --target "$target" -- --emit=llvm-ir="$board/engine.ll"

# LLVM has this from its version 20 on.
placement=$("$tools/llc" --help-hidden | grep -o -e '-apply-ext-tsp-for-size' || true)

# A value that is as soon computed again is not kept in a register, and live ranges are split where that is shorter.
# shellcheck disable=SC2086 # no word where LLVM has no such option
sed 's/"frame-pointer"="all"/"frame-pointer"="none"/' "$board/engine.ll" |
    "$tools/llc" -O2 -relocation-model=static -float-abi=soft -function-sections -data-sections \
        -disable-constant-hoisting -disable-machine-cse -disable-machine-licm \
        -disable-phi-elim-edge-splitting -split-spill-mode=size $placement -filetype=obj -o "$board/engine.o"

# Rust's names of RISC-V extensions are some that GNU ld 2.40 crashes at.
"$tools/llvm-objcopy" --remove-section=.riscv.attributes "$board/engine.o"
rm -f "$board/engine.a"
"$tools/llvm-ar" rcs "$board/engine.a" "$board/engine.o"
