#!/bin/sh
# engine_alone.sh LIBRARY OUT [OBJCOPY]: the library without the compiler_builtins that every Rust staticlib carries. A
# firmware has those functions already (libgcc, libc, pico-sdk), and would else be linked with larger ones: memmove,
# log2f. OBJCOPY takes the RISC-V attributes away: Rust's name extensions that GNU ld 2.40 crashes at.
set -eu

mkdir -p "$(dirname "$2")"
cp "$1" "$2"
ar t "$2" 2> /dev/null | grep -v '^mtdb-' | xargs ar d "$2" 2> /dev/null
[ "$(ar t "$2" 2> /dev/null | grep -c .)" -ge 1 ] || { echo "$2 holds no engine"; exit 1; }
[ -z "${3:-}" ] || "$3" --remove-section=.riscv.attributes "$2"
