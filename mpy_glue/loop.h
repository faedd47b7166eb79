// What this module knows of MicroPython's asyncio, which is Python code that may or may not have been imported.
#ifndef MPDB_LOOP_H
#define MPDB_LOOP_H

#include "py/obj.h"

// A global of asyncio's, or MP_OBJ_NULL where it was not imported.
mp_obj_t mpdb_loop_global(qstr name);
// The task that asyncio runs or ran last, in whatever thread; MP_OBJ_NULL where no loop runs.
mp_obj_t mpdb_loop_task(void);
// The task that this call comes from, or MP_OBJ_NULL.
mp_obj_t mpdb_loop_my_task(void);
bool mpdb_loop_is_done(mp_obj_t task);

#endif
