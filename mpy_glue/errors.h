// What goes wrong, as Python's exceptions: one table from the engine's statuses, and the messages
// that need numbers.
#ifndef MPDB_ERRORS_H
#define MPDB_ERRORS_H

#include "py/obj.h"

#include "mtdb.h"

struct _mpdb_t;

// Statuses of the glue's own, beside the engine's.
#define MPDB_NO_HEAP (-100)  // MicroPython's heap has no block of the size that the engine needs

extern const mp_obj_type_t mpdb_type_DBLock;
extern const mp_obj_type_t mpdb_type_DBCorrupt;

NORETURN void mpdb_raise_status(struct _mpdb_t *self, int32_t status);
NORETURN void mpdb_raise_query_problem(const mtdb_query_problem_t *problem);
// A TypeError; `text` has a %s for the name of the value's type.
NORETURN void mpdb_raise_type(mp_rom_error_text_t text, mp_obj_t value);

static inline void mpdb_check_status(struct _mpdb_t *self, int32_t status) {
    if (status < 0) {
        mpdb_raise_status(self, status);
    }
}

#endif
