# Included by the Makefile: firmware images, and the tests that run on them in emulation. An image is
# build/firmware/BOARD/firmware.*; what the build made on the way is in build/firmware/BOARD/tree.

FIRMWARE := $(OUT)/firmware
BOARDS := $(filter-out unix qemu,$(notdir $(patsubst %/,%,$(wildcard boards/*/))))
GLUE_SOURCES := $(shell find mpy_glue -type f -not -name '*.pyc')

# The engine for a chip.
chip_library = $(OUT)/cargo/$(1)/board/libmtdb.a
$(call chip_library,%): $(RUST_SOURCES) | $(STAMPS)/install-unix
	@$(PHASE) "building the Rust engine for $*" $(LOGS)/engine-$*.log \
		sh -c 'tools/install.sh target:$* && cargo rustc --profile board -p mtdb-capi --crate-type staticlib --target $*'
	@touch $@

.PHONY: firmware test-cortex-m3

firmware: ## build a board's image: BOARD=RPI_PICO or another folder of boards/
	@case " $(BOARDS) " in \
		*" $(BOARD) "*) $(MAKE) firmware-$(BOARD) ;; \
		*) echo "make firmware BOARD=…, one of: $(BOARDS)"; exit 1 ;; \
	esac

# qemu

QEMU_ARM := $(or $(shell command -v qemu-system-arm),$(OUT)/qemu/bin/qemu-system-arm)
QEMU_CORTEX_M3 := $(FIRMWARE)/QEMU_CORTEX_M3/firmware.elf

$(OUT)/qemu/bin/%: tools/qemu.sh | $(STAMPS)/install-unix
	@$(PHASE) "getting qemu" $(LOGS)/qemu.log tools/qemu.sh $(OUT)/qemu

# As with the unix port: MicroPython's build does not see that the library or a .mk file changed.
.PHONY: firmware-QEMU_CORTEX_M3
firmware-QEMU_CORTEX_M3: $(QEMU_CORTEX_M3)
	@arm-none-eabi-size $<
$(QEMU_CORTEX_M3): $(call chip_library,thumbv7m-none-eabi) $(MPY_CROSS) $(GLUE_SOURCES) \
		$(wildcard boards/qemu/* boards/QEMU_CORTEX_M3/*) | $(MPY_LIB) $(STAMPS)/install-arm
	@rm -rf $(if $(filter %.mk,$?),$(@D)/tree,$(@D)/tree/firmware.elf)
	@mkdir -p $(@D)
	@$(PHASE) "building the firmware of QEMU_CORTEX_M3" $(LOGS)/QEMU_CORTEX_M3.log \
		$(MAKE) -j$(JOBS) -C $(MICROPYTHON)/ports/qemu BUILD=$(@D)/tree \
		BOARD=QEMU_CORTEX_M3 BOARD_DIR=$(CURDIR)/boards/QEMU_CORTEX_M3 USER_C_MODULES=$(CURDIR) MTDB_LIB=$< \
		MICROPY_MPYCROSS=$(MPY_CROSS) MPY_LIB_DIR=$(MPY_LIB)
	@cp $(@D)/tree/firmware.elf $@

test-cortex-m3: $(QEMU_CORTEX_M3) $(QEMU_ARM) ## run the tests on an emulated Cortex-M3
	@python3 tests/run_board.py $(MPY_CROSS) qemu -- $(QEMU_ARM) -machine mps2-an385 \
		-nographic -monitor null -semihosting -serial stdio -kernel $(QEMU_CORTEX_M3)
