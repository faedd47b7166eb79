#!/usr/bin/env bash
# size.sh TARGET: compiles the engine for a chip and prints what it adds to a firmware's
# flash: code and constants (.text and .rodata) of all that the ABI's functions reach. The C
# functions it calls are left unresolved. RAM that needs no call (.data, .bss) must be 0, and nothing of
# Rust's panic machinery may be reached.
set -euo pipefail

target=$1
case $target in
    thumb*) emulation=armelf ;;
    riscv32*) emulation=elf32lriscv ;;
    *) echo "size.sh: what is the linker's emulation for $target?" >&2; exit 1 ;;
esac

tools/chip_engine.sh "$target"

library=$CARGO_TARGET_DIR/$target/board/engine.a
image=$CARGO_TARGET_DIR/$target/board/size.elf
linker=$(rustc --print target-libdir)/../bin/rust-lld
roots=$(nm --defined-only "$library" 2> /dev/null | awk '$2 == "T" && $3 ~ /^mtdb_/ { print "--undefined=" $3 }' | sort -u)
[ -n "$roots" ] || { echo "no mtdb_ function in $library"; exit 1; }

# shellcheck disable=SC2086 # one word a function
"$linker" -flavor gnu -m $emulation --gc-sections --entry=0 --unresolved-symbols=ignore-all \
    $roots "$library" -o "$image"

# Chips of this kind have the least stack. The budget only goes down.
case $target in
    thumbv6m-*) python3 tools/stack.py "$image" 1460 ;;
esac

read -r text data bss _ < <(size "$image" | tail -n 1)
panics=$(nm "$image" 2> /dev/null | grep -cE 'panic|slice_index_fail|mismatch_fail|unwrap_failed|expect_failed' || true)
echo "text $text bytes, static RAM $((data + bss)) bytes, paths to a panic $panics"
[ $((data + bss + panics)) -eq 0 ]
