#!/bin/sh
# Runs the thread tests under helgrind: tools/race.sh INTERPRETER, which has its symbols. Fails where a data race has a
# frame of the engine or the glue in it. (Orders of locks are not looked at: the database's mutex is only tried while the
# global lock is held, which helgrind takes for a cycle. MicroPython's own mp_thread_create() is reported and not counted.)
set -eu
log=$(mktemp) folder=$(mktemp -d)
trap 'rm -rf "$log" "$folder"' EXIT
tests=$(cd "$(dirname "$0")/../tests" && pwd)
cd "$folder"
OPERATIONS=${OPERATIONS:-300} valgrind --tool=helgrind --track-lockorders=no --history-level=approx --log-file="$log" \
    "$1" -X heapsize=64M "$tests/runner.py" "$tests/test_threads.py"
grep -q "ERROR SUMMARY" "$log" || { echo "helgrind did not end"; exit 1; }
if grep -qE "(at|by) 0x[0-9A-F]+: .*(mpdb_|mtdb_)" "$log"; then
    cat "$log"
    exit 1
fi
echo "no data race in the engine or the glue; $(grep -c 'Possible data race' "$log" || true) in MicroPython"
