// db.transaction() and db.lock(): context managers. Both keep every other owner out of the database.
#include "py/runtime.h"

#include "awaitable.h"
#include "document.h"

typedef struct {
    mp_obj_base_t base;
    mpdb_handle_t *handle;
    bool is_transaction;
    bool entered;
    uint32_t depth;   // of transactions, once this one is begun
    uint32_t losses;  // the database's lock_losses then
} context_t;

static void lock(context_t *context) {
    mpdb_handle_t *handle = context->handle;
    mpdb_t *self = handle->db;
    if (handle->losses != self->lock_losses) {
        handle->losses = self->lock_losses;
        handle->contexts = 0;
    }
    if (handle->contexts++ == 0) {
        handle->depth = mtdb_transaction_depth(&self->engine);
    }
    mpdb_take_lock(self);
    context->losses = self->lock_losses;
}

static void unlock(context_t *context) {
    context->handle->contexts--;
    mpdb_give_lock(context->handle->db);
}

// Ends the innermost transaction. Returns the commit's status; what it could not commit is rolled back.
static int32_t end_innermost(mpdb_guard_t *guard, bool commit, bool outermost) {
    // So that an exception, while a file is tried again, rolls it back.
    guard->undo = true;
    int32_t status = commit ? mpdb_commit(guard->self, 0, outermost) : MTDB_OK;
    if (commit && status == MTDB_OK) {
        guard->undo = false;
        mpdb_return_surplus(guard->self);
    } else {
        mpdb_undo(guard);
    }
    return status;
}

static void end(context_t *context, mpdb_guard_t *guard, bool commit) {
    mpdb_t *self = guard->self;
    // One inside this one that was never ended takes nothing with it.
    while (mtdb_transaction_depth(&self->engine) > context->depth) {
        mtdb_rollback(&self->engine);
    }
    if (mtdb_transaction_depth(&self->engine) < context->depth) {
        if (commit) {
            mp_raise_msg(&mp_type_RuntimeError, MP_ERROR_TEXT("the transaction around this one was rolled back already"));
        }
        return;
    }
    bool outermost = context->depth == 1;
    int32_t status = end_innermost(guard, commit, outermost);
    uint32_t writes = self->unflushed;
    if (outermost) {
        self->unflushed = 0;
    }
    mpdb_check_status(self, status);
    if (outermost && commit && writes != 0) {
        mpdb_after_write(self, writes);
        if (self->files == NULL) {
            // In files the commit was the flush.
            mpdb_check_status(self, mtdb_flush(&self->engine));
        }
    }
}

mp_obj_t mpdb_context_enter(mp_obj_t context_in) {
    context_t *context = MP_OBJ_TO_PTR(context_in);
    mpdb_guard_t guard;
    mpdb_t *self = mpdb_enter(context->handle, &guard);
    if (context->entered) {
        mp_raise_msg(&mp_type_RuntimeError, MP_ERROR_TEXT("this context is entered already: each 'with' needs its own"));
    }
    lock(context);
    if (context->is_transaction) {
        int32_t status = mpdb_begin(&guard);
        guard.undo = false;
        if (status != MTDB_OK) {
            unlock(context);
            mpdb_raise_status(self, status);
        }
        context->depth = mtdb_transaction_depth(&self->engine);
    }
    context->entered = true;
    mpdb_leave(&guard);
    return MP_OBJ_FROM_PTR(context->handle);
}
static MP_DEFINE_CONST_FUN_OBJ_1(context_enter_obj, mpdb_context_enter);

static mp_obj_t context_exit(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    context_t *context = MP_OBJ_TO_PTR(args[0]);
    bool failed = args[1] != mp_const_none;
    if (!context->entered) {
        return mp_const_none;
    }
    // Closing the database ended it already. The exception on its way, if any, says more than a new one.
    if (!context->handle->open && failed) {
        return mp_const_none;
    }
    mpdb_guard_t guard;
    mpdb_enter(context->handle, &guard);
    // Only now: who is refused here, as any thread but the owner's is, leaves it to be ended by its owner.
    context->entered = false;
    if (context->losses != guard.self->lock_losses) {
        if (!failed) {
            mp_raise_msg(&mpdb_type_DBLock, MP_ERROR_TEXT("the lock was taken away, and a transaction rolled back,"
                " when the loop or thread that held it had ended"));
        }
        mpdb_leave(&guard);
        return mp_const_none;
    }
    unlock(context);
    if (context->is_transaction) {
        end(context, &guard, !failed);
    }
    mpdb_leave(&guard);
    mpdb_run_pending(context->handle->db);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(context_exit_obj, 4, 4, context_exit);

static mp_obj_t context_aenter(mp_obj_t context_in) {
    return mpdb_result_of_entering(((context_t *)MP_OBJ_TO_PTR(context_in))->handle, context_in);
}
static MP_DEFINE_CONST_FUN_OBJ_1(context_aenter_obj, context_aenter);

static mp_obj_t context_aexit(size_t n_args, const mp_obj_t *args) {
    return mpdb_new_result(context_exit(n_args, args));
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(context_aexit_obj, 4, 4, context_aexit);

static const mp_rom_map_elem_t context_table[] = {
    { MP_ROM_QSTR(MP_QSTR___enter__), MP_ROM_PTR(&context_enter_obj) },
    { MP_ROM_QSTR(MP_QSTR___exit__), MP_ROM_PTR(&context_exit_obj) },
    { MP_ROM_QSTR(MP_QSTR___aenter__), MP_ROM_PTR(&context_aenter_obj) },
    { MP_ROM_QSTR(MP_QSTR___aexit__), MP_ROM_PTR(&context_aexit_obj) },
};
static MP_DEFINE_CONST_DICT(context_dict, context_table);

static MP_DEFINE_CONST_OBJ_TYPE(
    mpdb_type_context, MP_QSTR_context, MP_TYPE_FLAG_NONE,
    locals_dict, &context_dict
    );

static mp_obj_t new_context(mp_obj_t self_in, bool is_transaction) {
    // Only entering it waits for the lock.
    mpdb_check_open(MP_OBJ_TO_PTR(self_in));
    context_t *context = mp_obj_malloc(context_t, &mpdb_type_context);
    context->handle = MP_OBJ_TO_PTR(self_in);
    context->is_transaction = is_transaction;
    context->entered = false;
    context->depth = 0;
    return MP_OBJ_FROM_PTR(context);
}

/// def transaction(self) -> context manager
static mp_obj_t mpdb_transaction(mp_obj_t self_in) {
    return new_context(self_in, true);
}
MP_DEFINE_CONST_FUN_OBJ_1(mpdb_transaction_obj, mpdb_transaction);

/// def lock(self) -> context manager
static mp_obj_t mpdb_lock(mp_obj_t self_in) {
    return new_context(self_in, false);
}
MP_DEFINE_CONST_FUN_OBJ_1(mpdb_lock_obj, mpdb_lock);
