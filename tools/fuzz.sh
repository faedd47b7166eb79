#!/bin/sh
# fuzz.sh SECONDS FOLDER: runs every fuzz target of rust/fuzz for so long; a crash ends the run
# with an error. FOLDER/TARGET keeps the inputs found (corpus) and those that crash (crashes).
set -eu

seconds=$1
folder=$2

cd rust/fuzz
for target in $(cargo +nightly fuzz list --fuzz-dir .); do
    kept=$folder/$target
    mkdir -p "$kept/corpus" "$kept/crashes"
    echo "fuzzing $target for $seconds s"
    cargo +nightly fuzz run --fuzz-dir . "$target" "$kept/corpus" -- \
        -max_total_time="$seconds" -artifact_prefix="$kept/crashes/" -print_final_stats=1
done
