// What operations give where the database is awaitable: a result that `await` takes its value from, and that stands for
// the value wherever it is used. Writes are made at the call. What is done in steps is done when the result is used, or
// while it is awaited, with a turn for other tasks between two steps; and what finds the lock held by another owner is
// done when that gives it back.
#include "py/gc.h"
#include "py/runtime.h"

#include "awaitable.h"
#include "document.h"
#include "loop.h"

// While the lock is held a task asks for it so often, in milliseconds.
#define ASK_AGAIN 2

typedef enum {
    DONE,     // with a value
    FAILED,   // the value is an exception
    CALL,     // of the method, which is still to be begun
    ENTER,    // of a context, which is the value
    QUERY,    // under way: the value is the list so far
    CLEANUP,
    COMPACT,
} state_t;

typedef struct _mpdb_result_t mpdb_result_t;

// What is not done yet.
typedef struct {
    mpdb_handle_t *handle;
    const mpdb_method_t *method;
    size_t n_args, n_kw;
    const mp_obj_t *args;
    mpdb_scan_t *scan;
    uint32_t removed;      // expired records
    uint32_t steps;
    bool waits;            // for the lock, since
    bool is_pending;       // in the database's list, before next
    mp_uint_t since;
    mpdb_result_t *next;
} work_t;

struct _mpdb_result_t {
    mp_obj_base_t base;
    state_t state;
    mp_obj_t value;
    work_t *work;
};

static inline bool is_result(mp_obj_t object) {
    return mp_obj_is_type(object, &mpdb_type_result);
}

static mpdb_result_t *new_result(state_t state, mp_obj_t value) {
    mpdb_result_t *result = mp_obj_malloc(mpdb_result_t, &mpdb_type_result);
    result->state = state;
    result->value = value;
    result->work = NULL;
    return result;
}

mp_obj_t mpdb_new_result(mp_obj_t value) {
    return MP_OBJ_FROM_PTR(new_result(DONE, value));
}

// ---- what is pending -----------------------------------------------------------------------------------------

static void insert_pending(mpdb_result_t **link, mpdb_result_t *result) {
    result->work->next = *link;
    result->work->is_pending = true;
    *link = result;
}

// From a task.
static void add_pending(mpdb_result_t *result) {
    mpdb_t *self = result->work->handle->db;
    mpdb_result_t **link = &self->pending;
    self->pending_thread = mpdb_thread() + 1;
    while (*link != NULL) {
        link = &(*link)->work->next;
    }
    insert_pending(link, result);
}

static void remove_pending(mpdb_result_t *result) {
    work_t *work = result->work;
    // Results of other threads never are in the list, and do not touch it.
    if (work->is_pending) {
        work->is_pending = false;
        mpdb_result_t **link = &work->handle->db->pending;
        while (*link != result) {
            link = &(*link)->work->next;
        }
        *link = work->next;
    }
}

static void finish(mpdb_result_t *result, state_t state, mp_obj_t value) {
    remove_pending(result);
    // Another thread may be in the middle of a step: the work stays until the result goes.
    result->value = value;
    result->state = state;
}

// ---- steps ---------------------------------------------------------------------------------------------------

static mp_obj_t call_now(const mpdb_method_t *method, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    return mp_call_function_n_kw(MP_OBJ_FROM_PTR(method->fun), n_args, n_kw, args);
}

// Begins what takes steps. Raises what is wrong with the arguments.
static void begin(mpdb_result_t *result) {
    work_t *work = result->work;
    mp_map_t kw;
    switch (work->method->kind) {
        case MPDB_METHOD_QUERY:
            mp_map_init_fixed_table(&kw, work->n_kw, work->args + work->n_args);
            work->scan = mpdb_query_begin(work->n_args, work->args, &kw);
            result->value = mp_obj_new_list(0, NULL);
            result->state = QUERY;
            break;
        case MPDB_METHOD_CLEANUP:
        case MPDB_METHOD_COMPACT:
            if (work->n_args != 1 || work->n_kw != 0) {
                // It takes none, and says so.
                call_now(work->method, work->n_args, work->n_kw, work->args);
            }
            result->state = CLEANUP;
            break;
        default:
            // What it calls must not find it, and do it too.
            remove_pending(result);
            finish(result, DONE, call_now(work->method, work->n_args, work->n_kw, work->args));
    }
}

static void step(mpdb_result_t *result) {
    work_t *work = result->work;
    work->steps++;
    switch (result->state) {
        case CALL:
            begin(result);
            break;
        case ENTER:
            finish(result, DONE, mpdb_context_enter(result->value));
            break;
        case QUERY:
            if (!mpdb_query_step(work->scan, result->value)) {
                finish(result, DONE, result->value);
            }
            break;
        case CLEANUP:
            if (mpdb_expire_step(work->handle, &work->removed)) {
                break;
            }
            if (work->method->kind == MPDB_METHOD_COMPACT) {
                result->state = COMPACT;
            } else {
                finish(result, DONE, mp_obj_new_int_from_uint(work->removed));
            }
            break;
        case COMPACT:
            if (!mpdb_compact_step(work->handle)) {
                finish(result, DONE, mp_const_none);
            }
            break;
        default:
            break;
    }
}

// A step whose failure is the result's. Raises only what is meant for the program, like KeyboardInterrupt.
static void try_step(mpdb_result_t *result) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        step(result);
        nlr_pop();
        return;
    }
    mp_obj_t exception = MP_OBJ_FROM_PTR(nlr.ret_val);
    if (!mp_obj_exception_match(exception, MP_OBJ_FROM_PTR(&mp_type_Exception))) {
        result->work->handle->db->pending_thread = mpdb_thread() + 1;
        nlr_jump(nlr.ret_val);
    }
    // The lock may just have been taken by another thread.
    if (!mp_obj_exception_match(exception, MP_OBJ_FROM_PTR(&mpdb_type_DBLock))) {
        finish(result, FAILED, exception);
    }
}

// The first that is not done in steps by the background task.
static mpdb_result_t *first_at_once(mpdb_t *self) {
    mpdb_result_t *result = self->pending;
    while (result != NULL && (result->state != CALL || result->work->method->kind != MPDB_METHOD_AT_ONCE)) {
        result = result->work->next;
    }
    return result;
}

bool mpdb_run_pending(mpdb_t *self) {
    mp_uint_t me = mpdb_thread() + 1;
    mpdb_result_t *result;
    while (self->pending_thread == me && (result = first_at_once(self)) != NULL) {
        // Asking takes a lock away that nobody can give back. While it is this owner's own nothing is done either: others'
        // writes would be part of its transaction.
        mpdb_would_wait(self);
        if (self->lock_depth != 0) {
            return true;
        }
        self->pending_thread = 0;
        try_step(result);
        self->pending_thread = me;
        if (result->state == CALL) {
            insert_pending(&self->pending, result);
            return true;
        }
    }
    return false;
}

bool mpdb_step_pending(mpdb_t *self) {
    if (!mpdb_run_pending(self) && self->pending != NULL) {
        try_step(self->pending);
    }
    return self->pending != NULL;
}

mp_obj_t mpdb_value(mp_obj_t object) {
    if (!is_result(object)) {
        return object;
    }
    mpdb_result_t *result = MP_OBJ_TO_PTR(object);
    while (result->state > FAILED) {
        // What was called before is done then, perhaps with this behind it.
        mpdb_guard_t guard;
        // EXCEPTION: DBLock, where the lock is another owner's; the result stays what it is, and can be awaited.
        if (mpdb_enter_if_open(result->work->handle, &guard)) {
            mpdb_leave(&guard);
        }
        if (result->state > FAILED) {
            try_step(result);
        }
        if (result->state > FAILED) {
            mpdb_between_steps();
        }
    }
    if (result->state == FAILED) {
        nlr_raise(result->value);
    }
    return result->value;
}

// ---- calls -----------------------------------------------------------------------------------------------------

static mpdb_result_t *new_call(mpdb_handle_t *handle, const mpdb_method_t *method, size_t n_args, size_t n_kw,
    const mp_obj_t *args) {
    mpdb_result_t *result = new_result(CALL, mp_const_none);
    size_t all = n_args + 2 * n_kw;
    mp_obj_t *copy = m_new(mp_obj_t, all);
    for (size_t i = 0; i < all; i++) {
        copy[i] = mpdb_value(args[i]);
    }
    result->work = m_new0(work_t, 1);
    result->work->handle = handle;
    result->work->method = method;
    result->work->n_args = n_args;
    result->work->n_kw = n_kw;
    result->work->args = copy;
    return result;
}

static mp_obj_t call_awaitable(mpdb_handle_t *handle, const mpdb_method_t *method, size_t n_args, size_t n_kw,
    const mp_obj_t *args) {
    if (handle->upkeep != MP_OBJ_NULL) {
        mpdb_start_upkeep(handle);
    }
    mpdb_result_t *result = new_call(handle, method, n_args, n_kw, args);
    if (handle->open && mpdb_would_wait(handle->db) && mpdb_loop_my_task() != MP_OBJ_NULL) {
        if (method->kind != MPDB_METHOD_QUERY) {
            add_pending(result);
        }
        return MP_OBJ_FROM_PTR(result);
    }
    // EXCEPTION: whatever is wrong with the call.
    begin(result);
    if (result->state == CLEANUP) {
        bool in_loop = mpdb_loop_my_task() != MP_OBJ_NULL;
        if (in_loop && handle->upkeep != MP_OBJ_NULL) {
            // Nobody has to await it, the background task comes by.
            add_pending(result);
        } else if (!in_loop) {
            mpdb_value(MP_OBJ_FROM_PTR(result));
        }
    }
    if (result->state <= FAILED) {
        result->work = NULL;
    }
    return MP_OBJ_FROM_PTR(result);
}

mp_obj_t mpdb_result_of_call(mpdb_handle_t *handle, const mpdb_method_t *method) {
    mp_obj_t self = MP_OBJ_FROM_PTR(handle);
    return call_awaitable(handle, method, 1, 0, &self);
}

mp_obj_t mpdb_result_of_entering(mpdb_handle_t *handle, mp_obj_t context) {
    mpdb_result_t *result = new_result(ENTER, context);
    result->work = m_new0(work_t, 1);
    result->work->handle = handle;
    return MP_OBJ_FROM_PTR(result);
}

static mp_obj_t method_call(mp_obj_t method_in, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    const mpdb_method_t *method = MP_OBJ_TO_PTR(method_in);
    if (n_args == 0 || !mp_obj_is_type(args[0], &mpdb_type_database)) {
        mp_raise_TypeError(MP_ERROR_TEXT("this method needs a MicroTetherDB first; no class made from it takes redis://"));
    }
    mpdb_handle_t *handle = MP_OBJ_TO_PTR(args[0]);
    return handle->awaitable ? call_awaitable(handle, method, n_args, n_kw, args)
        : call_now(method, n_args, n_kw, args);
}

MP_DEFINE_CONST_OBJ_TYPE(
    mpdb_type_method, MP_QSTR_function, MP_TYPE_FLAG_BINDS_SELF | MP_TYPE_FLAG_BUILTIN_FUN,
    call, method_call
    );

// ---- being awaited ---------------------------------------------------------------------------------------------

// Has the task that awaits it wait for the lock; false when it need not.
static bool wait_for_lock(mpdb_result_t *result) {
    work_t *work = result->work;
    mpdb_t *self = work->handle->db;
    if (!work->handle->open || !mpdb_would_wait(self)) {
        work->waits = false;
        return false;
    }
    mp_uint_t now = mp_hal_ticks_ms();
    if (!work->waits) {
        work->waits = true;
        work->since = now;
    }
    if ((mp_uint_t)(now - work->since) >= self->lock_timeout) {
        finish(result, FAILED, mpdb_lock_timed_out(self));
        return false;
    }
    mpdb_loop_sleep(ASK_AGAIN);
    return true;
}

// As a coroutine's.
static mp_obj_t result_send(mp_obj_t self_in, mp_obj_t sent) {
    (void)sent;
    MPDB_LOOP_MARK(self_in);
    mpdb_result_t *result = MP_OBJ_TO_PTR(self_in);
    if (result->state > FAILED && wait_for_lock(result)) {
        return mp_const_none;
    }
    if (result->state > FAILED) {
        // What was called before comes first, perhaps with this behind it.
        mpdb_run_pending(result->work->handle->db);
    }
    if (result->state > FAILED) {
        // Whoever awaits it does the work, not the background task.
        remove_pending(result);
        try_step(result);
    }
    if (result->state > FAILED) {
        mpdb_loop_sleep(0);
        return mp_const_none;
    }
    if (result->state == FAILED) {
        nlr_raise(result->value);
    }
    nlr_raise(mp_obj_new_exception_args(&mp_type_StopIteration, 1, &result->value));
}
static MP_DEFINE_CONST_FUN_OBJ_2(result_send_obj, result_send);

// A task that is cancelled does not get what it waited for: what was not done is given up.
static void give_up(mpdb_result_t *result, mp_obj_t exception) {
    if (result->state > FAILED) {
        finish(result, FAILED, exception);
    }
}

static mp_obj_t result_throw(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    mp_obj_t exception = mp_make_raise_obj(args[1]);
    give_up(MP_OBJ_TO_PTR(args[0]), exception);
    nlr_raise(exception);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(result_throw_obj, 2, 4, result_throw);

static mp_obj_t result_close(mp_obj_t self_in) {
    give_up(MP_OBJ_TO_PTR(self_in), mp_obj_new_exception(&mp_type_GeneratorExit));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(result_close_obj, result_close);

// ---- standing for the value ----------------------------------------------------------------------------------

static void result_print(const mp_print_t *print, mp_obj_t self_in, mp_print_kind_t kind) {
    mp_obj_print_helper(print, mpdb_value(self_in), kind);
}

static mp_obj_t result_unary_op(mp_unary_op_t op, mp_obj_t self_in) {
    mp_obj_t value = mpdb_value(self_in);
    mp_float_t number;
    switch (op) {
        case MP_UNARY_OP_BOOL:
            return mp_obj_new_bool(mp_obj_is_true(value));
        case MP_UNARY_OP_LEN:
            return mp_obj_len_maybe(value);
        case MP_UNARY_OP_INT_MAYBE:
            return mp_obj_is_int(value) ? value : MP_OBJ_NULL;
        case MP_UNARY_OP_FLOAT_MAYBE:
            return mp_obj_get_float_maybe(value, &number) ? mp_obj_new_float(number) : MP_OBJ_NULL;
        #if MICROPY_PY_BUILTINS_COMPLEX
        case MP_UNARY_OP_COMPLEX_MAYBE:
            return MP_OBJ_NULL;
        #endif
        #if MICROPY_PY_SYS_GETSIZEOF
        case MP_UNARY_OP_SIZEOF:
            return MP_OBJ_NULL;
        #endif
        default:
            return mp_unary_op(op, value);
    }
}

static mp_obj_t result_binary_op(mp_binary_op_t op, mp_obj_t self_in, mp_obj_t other_in) {
    mp_obj_t value = mpdb_value(self_in);
    mp_obj_t other = mpdb_value(other_in);
    if (op == MP_BINARY_OP_CONTAINS) {
        return mp_binary_op(MP_BINARY_OP_IN, other, value);
    }
    #if MICROPY_PY_REVERSE_SPECIAL_METHODS
    if (op >= MP_BINARY_OP_REVERSE_OR && op <= MP_BINARY_OP_REVERSE_POWER) {
        return mp_binary_op(op - MP_BINARY_OP_REVERSE_OR + MP_BINARY_OP_OR, other, value);
    }
    #endif
    return mp_binary_op(op, value, other);
}

static mp_obj_t result_subscr(mp_obj_t self_in, mp_obj_t index, mp_obj_t value) {
    if (value != MP_OBJ_NULL && value != MP_OBJ_SENTINEL) {
        value = mpdb_value(value);
    }
    return mp_obj_subscr(mpdb_value(self_in), mpdb_value(index), value);
}

static void result_attr(mp_obj_t self_in, qstr name, mp_obj_t *dest) {
    mpdb_result_t *result = MP_OBJ_TO_PTR(self_in);
    if (dest[0] != MP_OBJ_NULL) {
        return;
    }
    const char *text = qstr_str(name);
    if (name == MP_QSTR_send) {
        dest[0] = MP_OBJ_FROM_PTR(&result_send_obj);
    } else if (name == MP_QSTR_throw) {
        dest[0] = MP_OBJ_FROM_PTR(&result_throw_obj);
    } else if (name == MP_QSTR_close) {
        dest[0] = MP_OBJ_FROM_PTR(&result_close_obj);
    } else if (name == MP_QSTR__steps) {
        // For tests: how many steps it has taken so far.
        dest[0] = mp_obj_new_int_from_uint(result->work == NULL ? 0 : result->work->steps);
        return;
    } else if (text[0] != '_' || text[1] != '_') {
        // The interpreter asks for special methods, which is no use of the value.
        mp_load_method_maybe(mpdb_value(self_in), name, dest);
        return;
    } else {
        return;
    }
    dest[1] = self_in;
}

static mp_obj_t result_getiter(mp_obj_t self_in, mp_obj_iter_buf_t *buf) {
    // `await` has the interpreter make the buffer on the heap, as list() and iter() do; `for` has one of its own. What
    // is returned here has send() but is no iterator: `await` takes its value, the others raise TypeError.
    return gc_nbytes(buf) != 0 ? self_in : mp_getiter(mpdb_value(self_in), buf);
}

MP_DEFINE_CONST_OBJ_TYPE(
    mpdb_type_result, MP_QSTR_result, MP_TYPE_FLAG_EQ_CHECKS_OTHER_TYPE | MP_TYPE_FLAG_EQ_HAS_NEQ_TEST
    | MP_TYPE_FLAG_ITER_IS_GETITER,
    print, result_print,
    unary_op, result_unary_op,
    binary_op, result_binary_op,
    subscr, result_subscr,
    attr, result_attr,
    iter, result_getiter
    );
