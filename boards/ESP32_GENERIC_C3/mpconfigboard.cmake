# MicroPython's board of the same name, with the module. README.md says how it is built.
include(boards/ESP32_GENERIC_C3/mpconfigboard.cmake)
list(APPEND SDKCONFIG_DEFAULTS ${MICROPY_BOARD_DIR}/sdkconfig.board)

get_filename_component(MTDB_ROOT ${MICROPY_BOARD_DIR}/../.. ABSOLUTE)
set(MTDB_LIB ${MTDB_ROOT}/build/cargo/riscv32imc-unknown-none-elf/board/libmtdb.a)
set(USER_C_MODULES ${MTDB_ROOT}/mpy_glue/micropython.cmake)
set(MICROPY_FROZEN_MANIFEST ${MICROPY_BOARD_DIR}/manifest.py)
