# Included by the qemu boards' mpconfigboard.mk; USER_C_MODULES is this repository.
QEMU_BOARDS := $(USER_C_MODULES)/boards/qemu

# About what a Pico has.
MICROPY_HEAP_SIZE = 245760
MICROPY_VFS_LFS2 = 1
MICROPY_VFS_FAT = 1
FROZEN_MANIFEST = $(QEMU_BOARDS)/manifest.py

CFLAGS += -DMP_CONFIGFILE='"$(QEMU_BOARDS)/mpconfigport_board.h"' -I$(USER_C_MODULES)
SRC_C += boards/qemu/clock.c boards/qemu/flash.c shared/timeutils/timeutils.c
