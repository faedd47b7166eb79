# Read by MicroPython's make, with USER_C_MODULES=the folder above and MTDB_LIB=path of libmtdb.a.
MPDB_DIR := $(USERMOD_DIR)

MPDB_SOURCES := module database bytes parameters guard owner loop awaitable background memory errors names encode decode \
	tags records compress batch \
	scan query mapping live change transaction upkeep backup statistics write files medium path
SRC_USERMOD_C += $(MPDB_SOURCES:%=$(MPDB_DIR)/%.c)

CFLAGS_USERMOD += -I$(MPDB_DIR)
LDFLAGS_USERMOD += $(MTDB_LIB)

# What every put and get runs through is made for speed, as MicroPython does with its own inner loops.
MPDB_FAST := guard names encode decode records scan write
$(foreach f,$(MPDB_FAST),$(eval $(BUILD)/$(notdir $(MPDB_DIR))/$(f).o: CFLAGS += $(CSUPEROPT)))
