// MicroPython's asyncio, seen from C: its running task. One loop at a time is all it knows, with its state in the globals
// of asyncio.core.
#include "py/mphal.h"
#include "py/mpstate.h"
#include "py/objmodule.h"
#include "py/runtime.h"
#include "py/smallint.h"

#include "document.h"
#include "loop.h"

static mp_obj_t module_member(mp_obj_t module, qstr name) {
    return module != MP_OBJ_NULL && mp_obj_is_type(module, &mp_type_module)
        ? mpdb_member(&mp_obj_module_get_globals(module)->map, name) : MP_OBJ_NULL;
}

static mp_obj_t core(void) {
    return module_member(mpdb_member(&MP_STATE_VM(mp_loaded_modules_dict).map, MP_QSTR_asyncio), MP_QSTR_core);
}

mp_obj_t mpdb_loop_global(qstr name) {
    return module_member(core(), name);
}

void mpdb_loop_set_global(qstr name, mp_obj_t value) {
    mp_obj_dict_store(MP_OBJ_FROM_PTR(mp_obj_module_get_globals(core())), MP_OBJ_NEW_QSTR(name), value);
}

mp_obj_t mpdb_loop_task(void) {
    mp_obj_t task = mpdb_loop_global(MP_QSTR_cur_task);
    return task == mp_const_none ? MP_OBJ_NULL : task;
}

// Raises nothing.
static mp_obj_t attribute(mp_obj_t task, qstr name) {
    mp_obj_t dest[2];
    mp_load_method_maybe(task, name, dest);
    return dest[0];
}

// How MicroPython's generators begin (py/objgenerator.c); the state of their code follows.
typedef struct {
    mp_obj_base_t base;
    mp_obj_t pending;  // MP_OBJ_NULL while it runs
} generator_t;

#if MICROPY_PY_THREAD
// asyncio does not say in which thread its loop runs. The one that runs a coroutine has its mark on the C stack, below the
// call that asked for this: where a generator's state begins, or what MPDB_LOOP_MARK put there. A pointer to the
// coroutine itself would be no proof, as the collector leaves those behind on the stack of whatever thread ran it.
static MP_NOINLINE bool is_on_my_stack(mp_obj_t coro) {
    uintptr_t mark = mp_obj_is_type(coro, &mp_type_gen_instance)
        ? (uintptr_t)((generator_t *)MP_OBJ_TO_PTR(coro) + 1) : ~(uintptr_t)coro;
    uintptr_t *volatile here = NULL;
    uintptr_t *top = (uintptr_t *)(void *)MP_STATE_THREAD(stack_top);
    for (uintptr_t *word = (uintptr_t *)&here; word < top; word++) {
        if (*word == mark) {
            return true;
        }
    }
    return false;
}
#endif

mp_obj_t mpdb_loop_my_task(void) {
    mp_obj_t task = mpdb_loop_task();
    if (task == MP_OBJ_NULL) {
        return MP_OBJ_NULL;
    }
    mp_obj_t coro = attribute(task, MP_QSTR_coro);
    // A loop that somebody has left by an exception still names the task that it ran last.
    if (mp_obj_is_type(coro, &mp_type_gen_instance) && ((generator_t *)MP_OBJ_TO_PTR(coro))->pending != MP_OBJ_NULL) {
        return MP_OBJ_NULL;
    }
    #if MICROPY_PY_THREAD
    if (!is_on_my_stack(coro)) {
        return MP_OBJ_NULL;
    }
    #endif
    return task;
}

bool mpdb_loop_is_done(mp_obj_t task) {
    // None or False, as asyncio's own code has it.
    mp_obj_t state = attribute(task, MP_QSTR_state);
    return state == mp_const_none || state == mp_const_false;
}

void mpdb_loop_sleep(mp_uint_t ms) {
    mp_obj_t task = mpdb_loop_task();
    mp_obj_t queue = mpdb_loop_global(MP_QSTR__task_queue);
    if (task == MP_OBJ_NULL || queue == MP_OBJ_NULL) {
        // Somebody else's loop: it asks again when it likes.
        return;
    }
    mp_obj_t dest[4];
    mp_load_method(queue, MP_QSTR_push, dest);
    dest[2] = task;
    dest[3] = MP_OBJ_NEW_SMALL_INT((mp_hal_ticks_ms() + ms) & (MICROPY_PY_TIME_TICKS_PERIOD - 1));
    mp_call_method_n_kw(2, 0, dest);
}

mp_obj_t mpdb_loop_create_task(mp_obj_t coro) {
    return mp_call_function_1(mpdb_loop_global(MP_QSTR_create_task), coro);
}

bool mpdb_loop_is_idle(void) {
    mp_obj_t dest[2];
    mp_load_method(mpdb_loop_global(MP_QSTR__task_queue), MP_QSTR_peek, dest);
    return mp_call_method_n_kw(0, 0, dest) == mp_const_none
        && !mp_obj_is_true(mp_load_attr(mpdb_loop_global(MP_QSTR__io_queue), MP_QSTR_map));
}
