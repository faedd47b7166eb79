// Results that can be awaited and stand for their value, and the methods that give them.
#ifndef MPDB_AWAITABLE_H
#define MPDB_AWAITABLE_H

#include "database.h"

// A method of the database: a call of `fun`, that gives a result where the database is awaitable. `kind` says how.
typedef enum {
    MPDB_METHOD_AT_ONCE,
    MPDB_METHOD_QUERY,    // in steps, when it is used or awaited
    MPDB_METHOD_CLEANUP,  // in steps, when it is used or awaited, else by the background task
    MPDB_METHOD_COMPACT,
} mpdb_method_kind_t;

typedef struct {
    mp_obj_base_t base;
    mp_rom_obj_t fun;
    mpdb_method_kind_t kind;
} mpdb_method_t;

extern const mp_obj_type_t mpdb_type_method;
extern const mp_obj_type_t mpdb_type_result;

// A result that is there already.
mp_obj_t mpdb_new_result(mp_obj_t value);
// A call of a method without further arguments, whose result can be awaited in any case.
mp_obj_t mpdb_result_of_call(mpdb_handle_t *handle, const mpdb_method_t *method);
// Enters a context (transaction.c) when it is awaited, as soon as the lock is free.
mp_obj_t mpdb_result_of_entering(mpdb_handle_t *handle, mp_obj_t context);
// The value that an object stands for: itself, where it is no result. May take steps, and raise.
mp_obj_t mpdb_value(mp_obj_t object);

// Outside the guard: makes the writes that waited for the lock, where it is free now; whether some are left.
bool mpdb_run_pending(mpdb_t *self);
// One step of what was called and is not done yet; whether there is more. For the background task, when the lock is free.
bool mpdb_step_pending(mpdb_t *self);

// ---- the background task (background.c) -----------------------------------------------------------------

// Has the running loop, or the next one, look after the database.
void mpdb_start_upkeep(mpdb_handle_t *handle);
void mpdb_end_upkeep(mpdb_handle_t *handle);

#endif
