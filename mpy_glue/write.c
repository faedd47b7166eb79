// Writes: begun, committed or undone as a whole, tried again where a file did not take them, and flushed in time.
#include "py/mperrno.h"
#include "shared/timeutils/timeutils.h"

#include "files.h"

uint64_t mpdb_wall_time(void) {
    uint64_t ns = mp_hal_time_ns();
    // Ports count from 1970 or from 2000; those without a clock say 0.
    return ns == 0 ? 0 : (uint64_t)timeutils_nanoseconds_since_epoch_to_nanoseconds_since_1970(ns) / 1000000000;
}

static bool may_pass(int32_t error) {
    return error == MP_EIO || error == MP_EAGAIN || error == MP_EBUSY || error == MP_EINTR || error == MP_ETIMEDOUT;
}

int32_t mpdb_after_failure(int32_t status, mpdb_t *self) {
    if (status == MTDB_NEED_MEMORY) {
        status = mpdb_give_memory(self);
        return status == MTDB_OK ? MPDB_AGAIN : status;
    }
    mpdb_files_t *files = self->files;
    if (MTDB_STATUS(status) != MTDB_IO || files == NULL || files->exception != MP_OBJ_NULL || self->retries >= files->max_retries
        || !may_pass(MTDB_DETAIL(status))) {
        return status;
    }
    self->retries++;
    // EXCEPTION: KeyboardInterrupt, or what a callback raises; the guard undoes what was begun.
    mp_hal_delay_ms(files->retry_delay);
    return MPDB_AGAIN;
}

void mpdb_set_time(mpdb_t *self) {
    if (self->files != NULL) {
        mtdb_set_time(&self->engine, mpdb_now(self), mpdb_wall_time());
    }
}

int32_t mpdb_begin(mpdb_guard_t *guard) {
    mpdb_t *self = guard->self;
    mpdb_set_time(self);
    int32_t status;
    MPDB_CALL(self, status, mtdb_begin(&self->engine));
    guard->undo = status == MTDB_OK;
    return status;
}

// In files; `flush` has its rule besides.
static int32_t commit_in_files(mpdb_t *self, uint32_t writes, bool flush) {
    mpdb_files_t *files = self->files;
    flush |= writes != 0 && mtdb_transaction_depth(&self->engine) == 1
        && self->now - files->flushed_at >= files->auto_flush;
    if (flush) {
        // A transaction may have begun long ago.
        mpdb_set_time(self);
    }
    int32_t status;
    MPDB_CALL(self, status, mtdb_commit_writes(&self->engine, writes, flush));
    if (files->synced || (flush && status == MTDB_OK)) {
        files->synced = false;
        files->flushed_at = self->now;
        files->unflushed = false;
    } else if (status == MTDB_OK && writes != 0) {
        files->unflushed = true;
    }
    return status;
}

int32_t mpdb_commit(mpdb_t *self, uint32_t writes, bool flush) {
    if (self->files != NULL) {
        return commit_in_files(self, writes, flush);
    }
    int32_t status;
    MPDB_CALL(self, status, mtdb_commit(&self->engine));
    return status;
}

void mpdb_undo(mpdb_guard_t *guard) {
    guard->undo = false;
    mtdb_rollback(&guard->self->engine);
    mpdb_return_surplus(guard->self);
}

void mpdb_begin_write(mpdb_guard_t *guard) {
    if (guard->self->files != NULL) {
        mpdb_check_status(guard->self, mpdb_begin(guard));
    }
}

void mpdb_end_write(mpdb_guard_t *guard, int32_t status, uint32_t writes) {
    mpdb_t *self = guard->self;
    if (guard->undo) {
        if (status >= 0) {
            status = mpdb_commit(self, writes, false);
        }
        if (status < 0) {
            mpdb_undo(guard);
        }
        guard->undo = false;
    }
    mpdb_check_status(self, status);
    if (writes != 0) {
        mpdb_after_write(self, writes);
    }
}

void mpdb_offer_memory(mpdb_t *self) {
    while (mtdb_memory_wanted(&self->engine) != 0) {
        if (mpdb_give_memory(self) != MTDB_OK) {
            mtdb_memory_refuse(&self->engine);
            return;
        }
    }
}
