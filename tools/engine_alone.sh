#!/bin/sh
# engine_alone.sh LIBRARY OUT: the library without the copy of Rust's compiler_builtins that every staticlib carries. A
# firmware has those functions already (libgcc, libc, pico-sdk), and would else be linked with larger ones: memmove, log2f.
set -eu

mkdir -p "$(dirname "$2")"
cp "$1" "$2"
ar t "$2" 2> /dev/null | grep '^compiler_builtins-' | xargs ar d "$2" 2> /dev/null
[ "$(ar t "$2" 2> /dev/null | grep -c '^mtdb-')" -ge 1 ] || { echo "$2 holds no engine"; exit 1; }
