# The qemu port's Cortex-M3 board (MPS2_AN385) with a clock and a flash.
include boards/MPS2_AN385/mpconfigboard.mk
include $(USER_C_MODULES)/boards/qemu/board.mk
LDFLAGS += -T $(USER_C_MODULES)/boards/QEMU_CORTEX_M3/no_unwinding.ld

# The port's link has no place for a module's library, nor for the C library; `override`, since its Makefile sets LIBS later.
override LIBS = $(MTDB_LIB) $(shell $(CC) $(CFLAGS) -print-file-name=libc.a) $(shell $(CC) $(CFLAGS) -print-libgcc-file-name)
