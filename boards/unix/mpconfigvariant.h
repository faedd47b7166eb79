// The features of MicroPython's standard unix variant, less what mpconfigvariant.mk leaves out.
#define MICROPY_CONFIG_ROM_LEVEL (MICROPY_CONFIG_ROM_LEVEL_EXTRA_FEATURES)

// Found from ports/unix, which the port's Makefile puts on the include path.
#include "variants/mpconfigvariant_common.h"

// The port would raise KeyboardInterrupt by longjmp out of its signal handler, wherever the program is, in
// the engine too. It is scheduled instead, as on every board.
#undef MICROPY_ASYNC_KBD_INTR
#define MICROPY_ASYNC_KBD_INTR (0)
