# Included by the Makefile: firmware images, and the tests that run on them in emulation. An image is
# build/firmware/BOARD/firmware.*; what the build made on the way is in build/firmware/BOARD/tree.

FIRMWARE := $(OUT)/firmware
BOARDS := $(filter-out unix qemu rp2,$(notdir $(patsubst %/,%,$(wildcard boards/*/))))
GLUE_SOURCES := $(shell find mpy_glue -type f -not -name '*.pyc')

# The engine for a chip.
chip_library = $(OUT)/cargo/$(1)/board/engine.a
$(call chip_library,%): $(RUST_SOURCES) tools/chip_engine.sh | $(STAMPS)/install-unix
	@$(PHASE) "building the Rust engine for $*" $(LOGS)/engine-$*.log tools/chip_engine.sh $*

.PHONY: stack-rp2040 size-kept firmware test-cortex-m3 test-rv32 test-rp2040 smoke-rp2040 repl-rp2040 size bench-rp2040

firmware: ## build a board's image: BOARD=RPI_PICO or another folder of boards/; NADB=1: with nadb, on a Pico
	@case " $(BOARDS) " in \
		*" $(BOARD) "*) $(MAKE) firmware-$(BOARD)$(and $(NADB),$(filter $(BOARD),$(NADB_BOARDS)),-NADB) ;; \
		*) echo "make firmware BOARD=…, one of: $(BOARDS)"; exit 1 ;; \
	esac

# qemu

QEMU_ARM := $(or $(shell command -v qemu-system-arm),$(OUT)/qemu/bin/qemu-system-arm)
QEMU_RISCV := $(or $(shell command -v qemu-system-riscv32),$(OUT)/qemu/bin/qemu-system-riscv32)
QEMU_OPTIONS := -nographic -monitor null -semihosting -serial stdio
CORTEX_M3 := $(FIRMWARE)/QEMU_CORTEX_M3/firmware.elf
RV32 := $(FIRMWARE)/QEMU_RV32/firmware.elf

$(OUT)/qemu/bin/%: tools/qemu.sh | $(STAMPS)/install-unix
	@$(PHASE) "getting qemu" $(LOGS)/qemu.log tools/qemu.sh $(OUT)/qemu

# qemu_image LIBRARY: builds $@. As with the unix port: MicroPython's build does not see that the library or a .mk
# file changed.
define qemu_image
@rm -rf $(if $(filter %.mk,$?),$(@D)/tree,$(@D)/tree/firmware.elf)
@$(PHASE) "building the firmware of $(@D:$(FIRMWARE)/%=%)" $(LOGS)/$(@D:$(FIRMWARE)/%=%).log \
	$(MAKE) -j$(JOBS) -C $(MICROPYTHON)/ports/qemu BUILD=$(@D)/tree BOARD=$(@D:$(FIRMWARE)/%=%) \
	BOARD_DIR=$(CURDIR)/$(@D:$(FIRMWARE)/%=boards/%) USER_C_MODULES=$(CURDIR) MTDB_LIB=$(1) \
	MICROPY_MPYCROSS=$(MPY_CROSS) MPY_LIB_DIR=$(MPY_LIB)
@cp $(@D)/tree/firmware.elf $@
endef

$(CORTEX_M3): $(call chip_library,thumbv7m-none-eabi) $(MPY_CROSS) $(GLUE_SOURCES) \
		$(wildcard boards/qemu/* boards/QEMU_CORTEX_M3/*) | $(MPY_LIB) $(STAMPS)/install-arm
	$(call qemu_image,$<)

$(RV32): $(call chip_library,riscv32imc-unknown-none-elf) $(MPY_CROSS) $(GLUE_SOURCES) \
		$(wildcard boards/qemu/* boards/QEMU_RV32/*) | $(MPY_LIB) $(STAMPS)/install-riscv
	$(call qemu_image,$<)

.PHONY: firmware-QEMU_CORTEX_M3 firmware-QEMU_RV32
firmware-QEMU_CORTEX_M3: $(CORTEX_M3)
	@arm-none-eabi-size $<
firmware-QEMU_RV32: $(RV32)
	@riscv64-unknown-elf-size $<

test-cortex-m3: $(CORTEX_M3) $(QEMU_ARM) ## run the tests on an emulated Cortex-M3
	@python3 tests/run_board.py $(MPY_CROSS) qemu -- $(QEMU_ARM) -machine mps2-an385 $(QEMU_OPTIONS) -kernel $<

test-rv32: $(RV32) $(QEMU_RISCV) ## run the tests on an emulated RISC-V chip
	@python3 tests/run_board.py $(MPY_CROSS) qemu -- $(QEMU_RISCV) -machine virt -bios none $(QEMU_OPTIONS) -kernel $<

# rp2

RP2040_BOARDS := RPI_PICO RPI_PICO_W RPI_PICO_EMU
RP2350_BOARDS := RPI_PICO2
# Those whose images have nadb only where that is asked for, with NADB=1: BOARD-NADB.
NADB_BOARDS := RPI_PICO RPI_PICO_EMU RPI_PICO2
rp2_board = $(1:%-NADB=%)
rp2_target = $(if $(filter $(rp2_board),$(RP2350_BOARDS)),thumbv8m.main-none-eabi,thumbv6m-none-eabi)
# As boot ROMs know the chips: uf2conv.py's families.
rp2_family = $(if $(filter $(rp2_board),$(RP2350_BOARDS)),0xe48bff59,0xe48bff56)

PICO_SDK := $(if $(wildcard $(MICROPYTHON)/lib/pico-sdk/pico_sdk_init.cmake),$(MICROPYTHON)/lib/pico-sdk,$(OUT)/pico-sdk)

$(STAMPS)/rp2-sources: tools/rp2_sources.sh $(STAMPS)/micropython | $(STAMPS)/install-rp2
	@$(PHASE) "getting pico-sdk, tinyusb and mbedtls" $(LOGS)/rp2-sources.log \
		tools/rp2_sources.sh $(MICROPYTHON) $(FETCHED_MICROPYTHON) $(OUT)
	@touch $@

# rp2_image BOARD MANIFEST OPTIONS: builds $@. A board without a folder of that name in MicroPython's tree has its
# configuration here.
define rp2_image
@rm -rf $@ $(if $(filter %.py,$?),$(@D)/tree)
@$(PHASE) "building the firmware of $(@D:$(FIRMWARE)/%=%)" $(LOGS)/$(@D:$(FIRMWARE)/%=%).log sh -ec ' \
	export MICROPY_MPYCROSS=$(MPY_CROSS); \
	cmake -S $(MICROPYTHON)/ports/rp2 -B $(@D)/tree -G Ninja -DMICROPY_BOARD=$(1) \
		$(if $(wildcard boards/$(1)/mpconfigboard.cmake),-DMICROPY_BOARD_DIR=$(CURDIR)/boards/$(1)) \
		-DMICROPY_FROZEN_MANIFEST=$(CURDIR)/boards/$(2) -DMICROPY_LIB_DIR=$(MPY_LIB) \
		-DPICO_SDK_PATH_OVERRIDE=$(PICO_SDK) -DPICO_NO_PICOTOOL=1 $(3); \
	ninja -C $(@D)/tree -j $(JOBS); \
	python3 $(MICROPYTHON)/tools/uf2conv.py -f $(call rp2_family,$(1)) -b 0x10000000 -c -o $(@D)/new.uf2 \
		$(@D)/tree/firmware.bin'
@cp $(@D)/tree/firmware.elf $(@D)/tree/firmware.bin $(@D)
@mv $(@D)/new.uf2 $@
endef

.SECONDEXPANSION:

RP2_BOARDS := $(RP2040_BOARDS) $(RP2350_BOARDS) $(NADB_BOARDS:%=%-NADB)
RP2_IMAGES := $(RP2_BOARDS:%=$(FIRMWARE)/%/firmware.uf2)
$(RP2_IMAGES): $(FIRMWARE)/%/firmware.uf2: $$(call chip_library,$$(call rp2_target,$$*)) $(MPY_CROSS) $(GLUE_SOURCES) \
		$(wildcard boards/rp2/*) $$(wildcard boards/$$(call rp2_board,$$*)/*) $(STAMPS)/rp2-sources | $(MPY_LIB)
	$(call rp2_image,$(call rp2_board,$*),$(if $(filter %-NADB,$*),rp2/nadb_manifest.py,$*/manifest.py),-DUSER_C_MODULES=$(CURDIR)/mpy_glue/micropython.cmake -DMTDB_LIB=$<)

# The Pico W's drivers come with MicroPython's submodules only.
.PHONY: network-sources
$(FIRMWARE)/RPI_PICO_W/firmware.uf2: | network-sources
network-sources:
	@test -f $(MICROPYTHON)/lib/cyw43-driver/src/cyw43.h || \
		{ echo "$(MICROPYTHON) has no lib/cyw43-driver: see boards/RPI_PICO_W/README.md"; exit 1; }

.PHONY: $(RP2_BOARDS:%=firmware-%)
$(RP2_BOARDS:%=firmware-%): firmware-%: $(FIRMWARE)/%/firmware.uf2
	@arm-none-eabi-size $(<D)/firmware.elf
	@echo "build/firmware/$*/firmware.uf2 is ready: drag it to the drive that the board shows with BOOTSEL held down"

# What the module adds is measured against the same image without it.
PICO_BARE := $(FIRMWARE)/RPI_PICO_EMU-bare/firmware.uf2
$(PICO_BARE): $(MPY_CROSS) boards/rp2/bare_manifest.py $(wildcard boards/RPI_PICO_EMU/*) $(STAMPS)/rp2-sources | $(MPY_LIB)
	$(call rp2_image,RPI_PICO_EMU,rp2/bare_manifest.py)

.PHONY: $(filter firmware-ESP32%,$(BOARDS:%=firmware-%))
$(filter firmware-ESP32%,$(BOARDS:%=firmware-%)): firmware-%:
	@echo "That image takes ESP-IDF; boards/$*/README.md has the commands."; exit 1

# The emulated RP2040

RP2040 := $(OUT)/rp2040/bootrom.bin
PICO_EMU := $(FIRMWARE)/RPI_PICO_EMU/firmware.uf2

$(RP2040): tools/rp2040/install.sh | $(STAMPS)/install-rp2040
	@$(PHASE) "getting the RP2040 emulator" $(LOGS)/rp2040.log tools/rp2040/install.sh $(@D)

size: $(RP2040) $(PICO_EMU) $(PICO_BARE) ## print what the module takes of a Pico, and fail over the budgets
	@tools/size.sh thumbv6m-none-eabi > $(LOGS)/size-engine.log 2>&1 && tail -n 1 $(LOGS)/size-engine.log
	@over=0; python3 tools/firmware_size.py $(PICO_EMU:.uf2=.elf) $(PICO_BARE:.uf2=.elf) || over=1; \
	node tests/rp2040/stack.mjs $(PICO_EMU:.uf2=.elf) && exit $$over

size-kept: $(RP2040) $(PICO_EMU) $(PICO_BARE) ## the same, flash held to what was reached so far in place of its budget
	@python3 tools/firmware_size.py $(PICO_EMU:.uf2=.elf) $(PICO_BARE:.uf2=.elf) --kept
	@node tests/rp2040/stack.mjs $(PICO_EMU:.uf2=.elf)

stack-rp2040: $(RP2040) $(PICO_EMU) ## measure the C stack on an emulated Pico, and fail over its budgets
	@node tests/rp2040/stack.mjs $(PICO_EMU:.uf2=.elf)

repl-rp2040: $(RP2040) $(PICO_EMU) ## open a prompt on an emulated Pico; Ctrl-] leaves
	@node tools/rp2040/serial.mjs $(PICO_EMU:.uf2=.bin)

smoke-rp2040: $(RP2040) $(PICO_EMU) ## run a few of them only
	@tests/rp2040/run.sh smoke $(MPY_CROSS) $(PICO_EMU:.uf2=.bin)

test-rp2040: $(RP2040) $(PICO_EMU) ## run the tests on an emulated Pico
	@tests/rp2040/run.sh all $(MPY_CROSS) $(PICO_EMU:.uf2=.bin)

bench-rp2040: $(RP2040) $(PICO_EMU) ## print what operations take on an emulated Pico
	@node bench/rp2040.mjs $(PICO_EMU:.uf2=.bin)
