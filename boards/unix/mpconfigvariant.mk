# What is left out needs libraries that Debian's MicroPython source does not hold.
MICROPY_PY_BTREE = 0
MICROPY_PY_SSL = 0
MICROPY_SSL_AXTLS = 0
MICROPY_SSL_MBEDTLS = 0
MICROPY_PY_FFI = 0
MICROPY_PY_BLUETOOTH = 0

FROZEN_MANIFEST ?= $(VARIANT_DIR)/manifest.py

# Rust's precompiled core for a desk refers to the unwinder's entry, which a library without std
# does not bring. Nothing of ours unwinds: panics abort.
LDFLAGS += -Wl,--defsym=rust_eh_personality=0
