# The qemu port's RISC-V board (VIRT_RV32) with a clock and a flash.
include boards/VIRT_RV32/mpconfigboard.mk
include $(USER_C_MODULES)/boards/qemu/board.mk

# The port's link has no place for a module's library; `override`, since its Makefile sets LIBS later. Debian's compiler
# finds no libraries for the port's rv32imac_zicsr, which until GCC 12 was its rv32imac. Of the -march options of a
# link the last one counts.
override LIBS = -march=rv32imac -nostartfiles $(MTDB_LIB) \
	$(shell $(CC) -march=rv32imac -mabi=ilp32 -print-libgcc-file-name)
