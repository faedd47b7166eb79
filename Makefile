# `make help` lists the commands. Everything made goes under build/; the logs are in build/logs.
# MICROPYTHON_DIR=… builds with a MicroPython tree of your own.

OUT := $(CURDIR)/build
LOGS := $(OUT)/logs
STAMPS := $(OUT)/stamps
PHASE := tools/phase.sh
JOBS ?= $(shell nproc)

export CARGO_TARGET_DIR := $(OUT)/cargo
# Where rustup puts cargo; a shell begun before that, or sudo's, does not look there.
export PATH := $(PATH):$(HOME)/.cargo/bin
# Without it MicroPython's build takes our commit for its own version.
export GIT_CEILING_DIRECTORIES := $(OUT)

FETCHED_MICROPYTHON := $(OUT)/micropython
ifneq ($(wildcard micropython-submodule/py/mpconfig.h),)
MICROPYTHON_DIR ?= micropython-submodule
endif
MICROPYTHON_DIR ?= $(FETCHED_MICROPYTHON)
MICROPYTHON := $(abspath $(MICROPYTHON_DIR))

LIBRARY := $(OUT)/cargo/release/libmtdb.a
MPY_CROSS := $(OUT)/mpy-cross/mpy-cross
EMPTY_MPY_LIB := $(OUT)/micropython-lib
MPY_LIB := $(or $(patsubst %/README.md,%,$(wildcard $(MICROPYTHON)/lib/micropython-lib/README.md)),$(EMPTY_MPY_LIB))
UNIX := $(OUT)/unix/micropython

# The ABI header is a Rust source too: bindgen reads it.
RUST_SOURCES := $(wildcard Cargo.toml Cargo.lock rust-toolchain.toml .cargo/config.toml mpy_glue/*.h) \
	$(shell find rust -type f -not -path 'rust/fuzz/*' 2>/dev/null)
UNIX_SOURCES := $(shell find mpy_glue boards/unix -type f -not -name '*.pyc' 2>/dev/null)

UNIX_OPTIONS = VARIANT_DIR=$(CURDIR)/boards/unix USER_C_MODULES=$(CURDIR) MTDB_LIB=$(LIBRARY) \
	MICROPY_MPYCROSS=$(MPY_CROSS) MPY_LIB_DIR=$(MPY_LIB)

DOCUMENTS ?= ../shared/docs/interfaces/examples
READINGS ?= ../shared/data/occupancy.csv
SECONDS ?= 60

MAKEFLAGS += --no-builtin-rules --no-print-directory
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all
.PHONY: all help unix run repl mtdb test test-all test-documents miri fuzz bench bench-flash bench-compress race clean

include boards/boards.mk

all: unix

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

unix: $(UNIX) ## build build/unix/micropython, MicroPython's unix port with the module
	@echo "build/unix/micropython is ready"

run: $(UNIX) ## show this machine's readings going into the database; CSV=FILE: a file of readings instead
	@$(UNIX) examples/host_monitor.py $(if $(CSV),"$(CSV)")

repl: $(UNIX) ## open a MicroPython prompt with the module imported
	@$(UNIX) -i -c 'from microtetherdb import MicroTetherDB; print("MicroTetherDB is imported; db = MicroTetherDB() makes a database. Ctrl-D leaves.")'

mtdb: | $(STAMPS)/install-unix ## build build/mtdb, the desk tool that looks into databases in files
	@$(PHASE) "building the desk tool" $(LOGS)/mtdb.log cargo build --release -p mtdb-host
	@cp $(OUT)/cargo/release/mtdb $(OUT)/mtdb
	@echo "build/mtdb is ready: build/mtdb --help"

test: $(STAMPS)/install-test ## run the tests; the last line counts them
	@tools/test.sh $(UNIX) $(DOCUMENTS)

test-all: $(STAMPS)/install-test ## run every test, on the emulated boards too
	@tools/test.sh $(UNIX) $(DOCUMENTS) all

test-documents: $(UNIX) ## run the documents' examples as they stand
	@python3 tests/run_documents.py $(UNIX) $(DOCUMENTS)

miri: $(STAMPS)/install-miri ## run the engine's tests under Miri, which finds undefined behaviour
	@# The tree's unit tests leak the memory they give; that it comes back is proved in rust/engine/tests.
	MIRIFLAGS=-Zmiri-ignore-leaks cargo +nightly miri test -p mtdb-engine

fuzz: $(STAMPS)/install-fuzz ## run each fuzz target for SECONDS (60)
	@tools/fuzz.sh $(SECONDS) $(OUT)/fuzz

race: $(UNIX) $(STAMPS)/install-race ## run the thread tests under helgrind, which finds data races
	@$(PHASE) "linking the interpreter with its symbols" $(LOGS)/race.log \
		$(MAKE) -C $(MICROPYTHON)/ports/unix BUILD=$(dir $(UNIX)) PROG=micropython-race STRIP=true $(UNIX_OPTIONS)
	@tools/race.sh $(dir $(UNIX))micropython-race

bench: $(UNIX) ## print the benchmark's table
	@python3 bench/run.py $(UNIX)

bench-flash: $(UNIX) ## print what a database in files does to flash, counted
	@python3 bench/run_flash.py $(UNIX)

bench-compress: | $(STAMPS)/install-bench ## print what compression saves, of texts and the readings in ../shared; CSV=FILE: of others
	@cargo run -q --release -p mtdb-engine --example bench_compress -- $(or $(CSV),$(READINGS))

clean: ## remove everything made (not what was installed)
	rm -rf $(OUT)

$(STAMPS)/install-%: tools/install.sh
	@$(PHASE) "checking what '$*' needs, installing what is missing" $(LOGS)/install-$*.log tools/install.sh $*
	@mkdir -p $(@D) && touch $@

# The stamp holds the tree's path: with another tree the C side is built from nothing.
ifneq ($(MICROPYTHON),$(shell cat $(STAMPS)/micropython 2>/dev/null))
.PHONY: $(STAMPS)/micropython
endif
$(STAMPS)/micropython: tools/micropython.sh | $(STAMPS)/install-unix
	@test $(MICROPYTHON) != $(FETCHED_MICROPYTHON) || \
		$(PHASE) "getting MicroPython's source" $(LOGS)/micropython.log tools/micropython.sh $(MICROPYTHON)
	@rm -rf $(dir $(MPY_CROSS)) $(dir $(UNIX))
	@echo $(MICROPYTHON) > $@

$(LIBRARY): $(RUST_SOURCES) | $(STAMPS)/install-unix
	@$(PHASE) "building the Rust engine" $(LOGS)/engine.log cargo rustc --release -p mtdb-capi --crate-type staticlib
	@touch $@

$(MPY_CROSS): $(STAMPS)/micropython
	@$(PHASE) "building MicroPython's cross compiler" $(LOGS)/mpy-cross.log \
		$(MAKE) -j$(JOBS) -C $(MICROPYTHON)/mpy-cross BUILD=$(@D)

# Where the tree has no micropython-lib a folder must stand for it.
$(EMPTY_MPY_LIB):
	@mkdir -p $@ && touch $@/README.md

# MicroPython's build does not see that the library or a .mk file changed: the first takes a new
# link, the second a new build; nor that a name in the frozen modules is now one of the C code's too.
$(UNIX): $(LIBRARY) $(MPY_CROSS) $(UNIX_SOURCES) | $(MPY_LIB)
	@rm -rf $(if $(filter %.mk,$?),$(@D),$@ $(@D)/frozen_content.c)
	@$(PHASE) "building MicroPython's unix port" $(LOGS)/unix.log \
		$(MAKE) -j$(JOBS) -C $(MICROPYTHON)/ports/unix BUILD=$(@D) PROG=$(@F) $(UNIX_OPTIONS)
