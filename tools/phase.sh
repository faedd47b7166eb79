#!/bin/sh
# phase.sh LABEL LOG COMMAND…: runs COMMAND with all it prints in LOG; the terminal gets one
# line with the time taken, and the end of LOG where the command failed.
set -u

label=$1
log=$2
shift 2

mkdir -p "$(dirname "$log")"
printf '%s … ' "$label"
start=$(date +%s)
"$@" > "$log" 2>&1 < /dev/null
status=$?
if [ $status -eq 0 ]; then
    echo "$(($(date +%s) - start)) s"
else
    echo "FAILED"
    tail -n 40 "$log" >&2
    echo "The whole log: $log" >&2
fi
exit $status
