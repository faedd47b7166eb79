// MicroPython's asyncio, seen from C: its running task. One loop at a time is all it knows, with its state in the globals
// of asyncio.core.
#include "py/mpstate.h"
#include "py/objmodule.h"
#include "py/runtime.h"

#include "loop.h"

static mp_obj_t member(mp_obj_dict_t *names, qstr name) {
    mp_map_elem_t *elem = mp_map_lookup(&names->map, MP_OBJ_NEW_QSTR(name), MP_MAP_LOOKUP);
    return elem == NULL ? MP_OBJ_NULL : elem->value;
}

static mp_obj_t module_member(mp_obj_t module, qstr name) {
    return module != MP_OBJ_NULL && mp_obj_is_type(module, &mp_type_module)
        ? member(mp_obj_module_get_globals(module), name) : MP_OBJ_NULL;
}

mp_obj_t mpdb_loop_global(qstr name) {
    mp_obj_t asyncio = member(&MP_STATE_VM(mp_loaded_modules_dict), MP_QSTR_asyncio);
    return module_member(module_member(asyncio, MP_QSTR_core), name);
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

#if MICROPY_PY_THREAD
// asyncio does not say in which thread its loop runs. The one that runs a coroutine has it on its C stack, below the
// call that asked for this.
static MP_NOINLINE bool is_on_my_stack(mp_obj_t object) {
    mp_obj_t *volatile here = NULL;
    mp_obj_t *top = (mp_obj_t *)(void *)MP_STATE_THREAD(stack_top);
    for (mp_obj_t *word = (mp_obj_t *)&here; word < top; word++) {
        if (*word == object) {
            return true;
        }
    }
    return false;
}
#endif

// How MicroPython's generators begin (py/objgenerator.c).
typedef struct {
    mp_obj_base_t base;
    mp_obj_t pending;  // MP_OBJ_NULL while it runs
} generator_t;

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
