// The features of MicroPython's standard unix variant, less what mpconfigvariant.mk leaves out.
#define MICROPY_CONFIG_ROM_LEVEL (MICROPY_CONFIG_ROM_LEVEL_EXTRA_FEATURES)

// Found from ports/unix, which the port's Makefile puts on the include path.
#include "variants/mpconfigvariant_common.h"

// The port would raise KeyboardInterrupt by longjmp out of its signal handler, wherever the program is, in
// the engine too. It is scheduled instead, as on every board.
#undef MICROPY_ASYNC_KBD_INTR
#define MICROPY_ASYNC_KBD_INTR (0)

// Without a global lock the port's threads run on while one of them collects, and lose what they move meanwhile. The
// port's own mutex stays recursive, as it has to be.
#undef MICROPY_PY_THREAD_GIL
#define MICROPY_PY_THREAD_GIL (1)
#define MICROPY_PY_THREAD_RECURSIVE_MUTEX (1)
#define MICROPY_MPHALPORT_H "mphalvariant.h"
