// The guard around engine calls: one thread at a time, nobody twice, nobody while another owner holds
// the database's lock, and free again whatever happens in between.
#include "awaitable.h"
#include "files.h"

#if MICROPY_ASYNC_KBD_INTR
#include <signal.h>
#endif

// The scheduler is not locked here: an engine call runs no code but the engine's, save for file accesses, and
// those lock it (medium.c).

// The stock unix port raises KeyboardInterrupt out of its signal handler, wherever the program is: it must
// not be inside the engine. (The project's variant of that port schedules it instead.)
static inline void hold_interrupts(bool hold) {
    #if MICROPY_ASYNC_KBD_INTR
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigprocmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
    #else
    (void)hold;
    #endif
}

#if MICROPY_PY_THREAD

static inline void take(mpdb_t *self) {
    hold_interrupts(true);
    if (!mp_thread_mutex_lock(&self->mutex, 0)) {
        MP_THREAD_GIL_EXIT();
        mp_thread_mutex_lock(&self->mutex, 1);
        MP_THREAD_GIL_ENTER();
    }
}

static inline void give(mpdb_t *self) {
    self->busy = 0;
    mp_thread_mutex_unlock(&self->mutex);
    hold_interrupts(false);
}

#else

static inline void take(mpdb_t *self) {
    (void)self;
    hold_interrupts(true);
}

static inline void give(mpdb_t *self) {
    self->busy = 0;
    hold_interrupts(false);
}

#endif

mp_obj_t mpdb_lock_timed_out(const mpdb_t *self) {
    return mp_obj_new_exception_msg_varg(&mpdb_type_DBLock,
        MP_ERROR_TEXT("another owner holds the database's lock for longer than lock_timeout, %u ms"),
        (unsigned int)self->lock_timeout);
}

// Comes and goes with the guard's mutex held, and with the lock free or this call's own.
static MP_NOINLINE void pass_lock(mpdb_t *self, mp_uint_t me) {
    mp_uint_t start = mp_hal_ticks_ms();
    for (;;) {
        self->busy = me + 1;
        mpdb_access_t access = self->lock_depth == 0 ? MPDB_GO_ON : mpdb_access(self);
        if (access == MPDB_GO_ON) {
            return;
        }
        give(self);
        if (access == MPDB_REFUSE) {
            mp_raise_msg(&mpdb_type_DBLock, MP_ERROR_TEXT("another task holds the database's lock, and cannot give it back"
                " while this call waits: use 'async with' on lock() or transaction(), or await the operation"));
        }
        if ((mp_uint_t)(mp_hal_ticks_ms() - start) >= self->lock_timeout) {
            nlr_raise(mpdb_lock_timed_out(self));
        }
        // EXCEPTION: KeyboardInterrupt, or what a callback raises; nothing is held here.
        mp_hal_delay_ms(1);
        take(self);
    }
}

bool mpdb_would_wait(mpdb_t *self) {
    mp_uint_t me = mpdb_thread();
    if (self->lock_depth == 0 || self->busy == me + 1) {
        return false;
    }
    take(self);
    self->busy = me + 1;
    bool waits = self->lock_depth != 0 && mpdb_access(self) != MPDB_GO_ON;
    give(self);
    return waits;
}

static void leave_by_exception(void *node) {
    mpdb_guard_t *guard = node;
    if (guard->undo) {
        mtdb_rollback(&guard->self->engine);
        mpdb_return_surplus(guard->self);
    }
    if (guard->self->files != NULL) {
        guard->self->files->exception = MP_OBJ_NULL;
    }
    give(guard->self);
}

// Takes the database; not yet known to be open.
static inline void hold(mpdb_t *self, mpdb_guard_t *guard) {
    mp_uint_t me = mpdb_thread();
    // Only this thread itself can have set it to this value.
    if (self->busy == me + 1) {
        mp_raise_msg(&mp_type_RuntimeError,
            MP_ERROR_TEXT("the database is in the middle of a call that this call comes from"));
    }
    take(self);
    self->busy = me + 1;
    if (self->lock_depth != 0) {
        pass_lock(self, me);
    }
    self->retries = 0;
    guard->self = self;
    guard->undo = false;
}

static inline bool enter(mpdb_handle_t *handle, mpdb_guard_t *guard) {
    if (handle->base.type != &mpdb_type_database) {
        // A class made from the type, whose constructor was given redis:// and so holds another object.
        mp_raise_TypeError(MP_ERROR_TEXT("only microtetherdb.MicroTetherDB itself takes redis://, no class made from it"));
    }
    if (MP_STATE_VM(mpdb_dropped) != 0) {
        mpdb_close_dropped();
    }
    hold(handle->db, guard);
    mpdb_t *self = guard->self;
    if (self->pending != NULL && self->lock_depth == 0 && self->pending_thread == self->busy) {
        // What waited for the lock was called before this.
        bool left;
        do {
            give(self);
            left = mpdb_run_pending(self);
            hold(self, guard);
        } while (left && self->lock_depth == 0);
    }
    if (!handle->open) {
        give(guard->self);
        return false;
    }
    nlr_push_jump_callback(&guard->node, leave_by_exception);
    return true;
}

void mpdb_hold(mpdb_t *self, mpdb_guard_t *guard) {
    hold(self, guard);
    nlr_push_jump_callback(&guard->node, leave_by_exception);
}

NORETURN static void raise_closed(void) {
    mp_raise_ValueError(MP_ERROR_TEXT("database is closed"));
}

void mpdb_check_open(const mpdb_handle_t *handle) {
    if (!handle->open) {
        raise_closed();
    }
}

mpdb_t *mpdb_enter(mpdb_handle_t *handle, mpdb_guard_t *guard) {
    if (!enter(handle, guard)) {
        raise_closed();
    }
    return guard->self;
}

bool mpdb_enter_if_open(mpdb_handle_t *handle, mpdb_guard_t *guard) {
    return enter(handle, guard);
}

static MP_NOINLINE void leave_files(mpdb_t *self) {
    mpdb_files_t *files = self->files;
    if (files->open) {
        mpdb_offer_memory(self);
    }
    mp_obj_t exception = files->exception;
    files->exception = MP_OBJ_NULL;
    give(self);
    if (exception != MP_OBJ_NULL) {
        // It came out of a file access that the call at hand could do without.
        nlr_raise(exception);
    }
}

void mpdb_leave(mpdb_guard_t *guard) {
    nlr_pop_jump_callback(false);
    if (guard->self->files != NULL) {
        leave_files(guard->self);
    } else {
        give(guard->self);
    }
}

void mpdb_between_steps(void) {
    // EXCEPTION: KeyboardInterrupt, or what a callback raises.
    mp_handle_pending(true);
    MP_THREAD_GIL_EXIT();
    MP_THREAD_GIL_ENTER();
}

uint64_t mpdb_now(mpdb_t *self) {
    mp_uint_t ticks = mp_hal_ticks_ms();
    self->now += (mp_uint_t)(ticks - self->ticks);
    self->ticks = ticks;
    return self->now;
}

bool mpdb_has_ttls(mpdb_t *self) {
    // The last moment but one: there may stand the very last one where nothing ever expires.
    return mtdb_has_expired(&self->engine, UINT64_MAX - 1);
}

uint64_t mpdb_now_for_lookup(mpdb_t *self) {
    return mpdb_has_ttls(self) ? mpdb_now(self) : self->now;
}
