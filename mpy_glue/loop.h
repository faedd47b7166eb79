// What this module knows of MicroPython's asyncio, which is Python code that may or may not have been imported.
#ifndef MPDB_LOOP_H
#define MPDB_LOOP_H

#include "py/obj.h"

// A global of asyncio's, or MP_OBJ_NULL where it was not imported.
mp_obj_t mpdb_loop_global(qstr name);
// Adds one; asyncio has to be there.
void mpdb_loop_set_global(qstr name, mp_obj_t value);
// The task that asyncio runs or ran last, in whatever thread; MP_OBJ_NULL where no loop runs.
mp_obj_t mpdb_loop_task(void);
// The first thing in the send() of a coroutine that is no generator: so mpdb_loop_my_task() knows where it runs.
#define MPDB_LOOP_MARK(coro) uintptr_t volatile mark = ~(uintptr_t)(coro); (void)mark
// The task that this call comes from, or MP_OBJ_NULL.
mp_obj_t mpdb_loop_my_task(void);
bool mpdb_loop_is_done(mp_obj_t task);
// To be called from a coroutine's send(), which then returns None: the running task is resumed so much later.
void mpdb_loop_sleep(mp_uint_t ms);
// A new task that runs a coroutine.
mp_obj_t mpdb_loop_create_task(mp_obj_t coro);
// Whether no task but the one that runs could be resumed by anything.
bool mpdb_loop_is_idle(void);

#endif
