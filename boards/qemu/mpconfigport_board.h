// The qemu port's configuration, and what a database needs beside: time, os, littlefs, FAT, asyncio.
#include "mpconfigport.h"

#undef MICROPY_PY_TIME
#define MICROPY_PY_TIME (1)
#undef MICROPY_PY_SELECT
#define MICROPY_PY_SELECT (1)
#undef MICROPY_PY_ASYNCIO
#define MICROPY_PY_ASYNCIO (1)

// As rp2 has it.
#define MICROPY_FATFS_ENABLE_LFN (2)
#define MICROPY_FATFS_LFN_CODE_PAGE 437
#define MICROPY_FATFS_RPATH (2)
// For qemu.add_heap().
#define MICROPY_GC_SPLIT_HEAP (1)

#define MICROPY_PY_TIME_TIME_TIME_NS (1)
#define MICROPY_PY_TIME_GMTIME_LOCALTIME_MKTIME (1)
#define MICROPY_PY_TIME_INCLUDEFILE "boards/qemu/wall_clock.h"
// A port without a file `mpthreadport.h` has one core and no threads; sys.exit ends the emulator.
#define MICROPY_KBD_EXCEPTION (1)
