#!/bin/sh
# c_client.sh: builds the C client of the ABI against the library that the unix port links, and runs it.
set -eu

cargo rustc --release -p mtdb-capi --crate-type staticlib

# rust_eh_personality: see boards/unix/mpconfigvariant.mk.
client=$CARGO_TARGET_DIR/release/c_client
cc -std=c11 -Wall -Wextra -Werror -O1 -g -Impy_glue -o "$client" \
    rust/capi/tests/client.c "$CARGO_TARGET_DIR/release/libmtdb.a" -Wl,--defsym=rust_eh_personality=0
"$client"
