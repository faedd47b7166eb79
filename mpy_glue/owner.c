// Who holds a database's lock, and whether it can still give it back.
#include "database.h"
#include "loop.h"

#if MICROPY_PY_THREAD && defined(__linux__)

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

// The kernel's number of a thread: unlike pthread's it says whether the thread lives, and is not given again soon.
mp_uint_t mpdb_thread(void) {
    static __thread mp_uint_t number;
    if (number == 0) {
        number = syscall(SYS_gettid);
    }
    return number;
}

static bool is_dead(mp_uint_t thread) {
    return syscall(SYS_tgkill, getpid(), (pid_t)thread, 0) != 0 && errno == ESRCH;
}

#else

mp_uint_t mpdb_thread(void) {
    #if MICROPY_PY_THREAD
    return mp_thread_get_id();
    #else
    return 0;
    #endif
}

// Nobody can tell: what a thread that ended has locked stays locked for the others.
static bool is_dead(mp_uint_t thread) {
    (void)thread;
    return false;
}

#endif

static mpdb_owner_t owner_of_call(void) {
    return (mpdb_owner_t) { mpdb_loop_my_task(), mpdb_thread() };
}

void mpdb_take_lock(mpdb_t *self) {
    self->lock_owner = owner_of_call();
    self->lock_queue = mpdb_loop_global(MP_QSTR__task_queue);
    self->lock_depth++;
}

void mpdb_give_lock(mpdb_t *self) {
    if (self->lock_depth != 0 && --self->lock_depth == 0) {
        self->lock_owner.task = MP_OBJ_NULL;
        self->lock_queue = MP_OBJ_NULL;
    }
}

static bool is_gone(mpdb_t *self, const mpdb_owner_t *me) {
    const mpdb_owner_t *owner = &self->lock_owner;
    if (owner->thread != me->thread && is_dead(owner->thread)) {
        return true;
    }
    if (owner->task == MP_OBJ_NULL) {
        return false;
    }
    // A loop that another one replaced, that ended, or that somebody has left by an exception resumes nobody.
    return mpdb_loop_is_done(owner->task)
        || mpdb_loop_global(MP_QSTR__task_queue) != self->lock_queue
        || mpdb_loop_task() == MP_OBJ_NULL
        || (owner->thread == me->thread && me->task == MP_OBJ_NULL);
}

mpdb_access_t mpdb_access(mpdb_t *self) {
    mpdb_owner_t me = owner_of_call();
    const mpdb_owner_t *owner = &self->lock_owner;
    if (owner->task == me.task && owner->thread == me.thread) {
        return MPDB_GO_ON;
    }
    if (!is_gone(self, &me)) {
        return owner->thread == me.thread ? MPDB_REFUSE : MPDB_WAIT;
    }
    while (mtdb_transaction_depth(&self->engine) != 0) {
        mtdb_rollback(&self->engine);
    }
    mpdb_return_surplus(self);
    self->unflushed = 0;
    self->lock_losses++;
    self->lock_depth = 1;
    mpdb_give_lock(self);
    return MPDB_GO_ON;
}
