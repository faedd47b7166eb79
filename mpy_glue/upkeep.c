// What keeps a database in shape: removing expired records, flushing, compacting.
#include "files.h"

// In files removing counts towards the flush rule, and what is removed in many steps has to be written between them.
// A failure is none of theirs: what was removed is gone, and written with the next flush that succeeds.
static void count_removed(mpdb_t *self, uint32_t removed) {
    if (self->files != NULL && removed != 0 && mtdb_begin(&self->engine) == MTDB_OK
        && mtdb_commit_writes(&self->engine, removed, false) != MTDB_OK) {
        mtdb_rollback(&self->engine);
    }
}
// Milliseconds between two looks of the background task at a database that has nothing to do.
#define REST 100

static int32_t expire(mpdb_t *self, uint64_t now, uint32_t budget, uint32_t *removed) {
    int32_t status = MTDB_OK;
    if (mtdb_has_expired(&self->engine, now)) {
        mpdb_set_time(self);
        uint32_t before = *removed;
        MPDB_CALL(self, status, mtdb_expire(&self->engine, now, budget, removed));
        mpdb_return_surplus(self);
        count_removed(self, *removed - before);
    }
    return status;
}

void mpdb_after_write(mpdb_t *self, uint32_t count) {
    mpdb_return_surplus(self);
    if (mtdb_transaction_depth(&self->engine) != 0) {
        // Flush and expiry wait for the end of the transaction.
        self->unflushed += count;
        return;
    }
    if (self->files == NULL) {
        mpdb_check_status(self, mtdb_wrote(&self->engine, count));
    }
    if (mpdb_has_ttls(self)) {
        uint64_t now = mpdb_now(self);
        if (now - self->expiry_checked >= self->ttl_check_interval) {
            uint32_t removed = 0;
            int32_t status = expire(self, now, MPDB_EXPIRE_PER_WRITE, &removed);
            // What is left over is for the next write. A failure here is none of the write's.
            if (status != MTDB_MORE) {
                self->expiry_checked = now;
            }
        }
    }
}

int32_t mpdb_flush_now(mpdb_t *self) {
    mpdb_set_time(self);
    int32_t status;
    MPDB_CALL(self, status, mtdb_flush(&self->engine));
    if (self->files != NULL && status == MTDB_OK) {
        self->files->flushed_at = self->now;
        self->files->unflushed = false;
    }
    return status;
}

// Milliseconds until `interval` is over; not so soon that a loop had no rest.
static mp_uint_t time_left(uint64_t since, uint64_t now, uint32_t interval) {
    return MAX(since + interval <= now ? 0 : since + interval - now, REST);
}

// The timed flush of a database in files. Without another attempt, for which it would have to stop the loop: the next
// flush is one.
static mp_uint_t flush_in_time(mpdb_t *self) {
    mpdb_files_t *files = self->files;
    if (!files->unflushed) {
        return UINT32_MAX;
    }
    if (self->now - files->flushed_at >= files->auto_flush) {
        uint32_t retries = files->max_retries;
        files->max_retries = 0;
        mpdb_flush_now(self);
        files->max_retries = retries;
        files->flushed_at = self->now;
    }
    return files->unflushed ? time_left(files->flushed_at, self->now, files->auto_flush) : UINT32_MAX;
}

mp_uint_t mpdb_upkeep_step(mpdb_t *self) {
    if (mtdb_transaction_depth(&self->engine) != 0) {
        return UINT32_MAX;
    }
    uint64_t now = mpdb_now(self);
    mp_uint_t due = UINT32_MAX;
    if (mpdb_has_ttls(self)) {
        if (now - self->expiry_checked >= self->ttl_check_interval) {
            uint32_t removed = 0;
            int32_t status = expire(self, now, MPDB_STEP, &removed);
            if (self->files != NULL && removed != 0) {
                self->files->unflushed = true;
            }
            if (status == MTDB_MORE) {
                return 0;
            }
            self->expiry_checked = now;
        }
        due = time_left(self->expiry_checked, now, self->ttl_check_interval);
    }
    return self->files == NULL ? due : MIN(due, flush_in_time(self));
}

bool mpdb_expire_step(mpdb_handle_t *handle, uint32_t *removed) {
    mpdb_guard_t guard;
    mpdb_t *self = mpdb_enter(handle, &guard);
    uint64_t now = mpdb_now_for_lookup(self);
    int32_t status = expire(self, now, MPDB_STEP, removed);
    mpdb_check_status(self, status);
    mpdb_leave(&guard);
    return status == MTDB_MORE;
}

uint32_t mpdb_remove_expired(mpdb_handle_t *handle) {
    uint32_t removed = 0;
    while (mpdb_expire_step(handle, &removed)) {
        // EXCEPTION: KeyboardInterrupt; each step is whole in itself.
        mpdb_between_steps();
    }
    return removed;
}

// Inside a transaction expired records stay where they are: there only counting helps.
static size_t count_one_by_one(mpdb_t *self, uint64_t now) {
    struct {
        mtdb_cursor_t cursor;
        uint8_t key[MTDB_MAX_KEY_BYTES];
    } *scratch = m_malloc(sizeof(*scratch));
    mtdb_found_t found;
    size_t count = 0;
    mtdb_cursor_start(&scratch->cursor);
    for (;;) {
        int32_t status;
        MPDB_CALL(self, status, mtdb_cursor_next(&self->engine, &scratch->cursor, now, scratch->key, NULL, 0, &found));
        mpdb_check_status(self, status);
        if (status != MTDB_OK) {
            break;
        }
        count++;
    }
    m_del(uint8_t, (uint8_t *)scratch, sizeof(*scratch));
    return count;
}

static MP_NOINLINE size_t records_with_expired(mpdb_t *self) {
    mtdb_statistics_t statistics;
    mtdb_statistics(&self->engine, &statistics);
    return statistics.records;
}

size_t mpdb_count_records(mpdb_handle_t *handle) {
    mpdb_remove_expired(handle);
    mpdb_guard_t guard;
    mpdb_t *self = mpdb_enter(handle, &guard);
    uint64_t now = mpdb_now_for_lookup(self);
    size_t count = mtdb_has_expired(&self->engine, now) ? count_one_by_one(self, now) : records_with_expired(self);
    mpdb_leave(&guard);
    return count;
}

/// def cleanup(self) -> int
static mp_obj_t mpdb_cleanup(mp_obj_t self_in) {
    return mp_obj_new_int_from_uint(mpdb_remove_expired(MP_OBJ_TO_PTR(self_in)));
}
MP_DEFINE_CONST_FUN_OBJ_1(mpdb_cleanup_obj, mpdb_cleanup);

/// def flush(self) -> None
static mp_obj_t flush_method(mp_obj_t self_in) {
    mpdb_guard_t guard;
    mpdb_t *self = mpdb_enter(MP_OBJ_TO_PTR(self_in), &guard);
    mpdb_check_status(self, mpdb_flush_now(self));
    mpdb_leave(&guard);
    return mp_const_none;
}
MP_DEFINE_CONST_FUN_OBJ_1(mpdb_flush_obj, flush_method);

bool mpdb_compact_step(mpdb_handle_t *handle) {
    mpdb_guard_t guard;
    mpdb_t *self = mpdb_enter(handle, &guard);
    mpdb_set_time(self);
    int32_t status;
    MPDB_CALL(self, status, mtdb_compact(&self->engine, MPDB_COMPACT_STEP));
    mpdb_return_surplus(self);
    // Without a page to move things to there is nothing to be packed closer.
    if ((status == MTDB_FULL || status == MPDB_NO_HEAP) && self->files == NULL) {
        status = MTDB_OK;
    }
    mpdb_check_status(self, status);
    mpdb_leave(&guard);
    return status == MTDB_MORE;
}

/// def compact(self) -> None
static mp_obj_t mpdb_compact(mp_obj_t self_in) {
    mpdb_handle_t *handle = MP_OBJ_TO_PTR(self_in);
    mpdb_remove_expired(handle);
    while (mpdb_compact_step(handle)) {
        // EXCEPTION: KeyboardInterrupt; each step is whole in itself.
        mpdb_between_steps();
    }
    return mp_const_none;
}
MP_DEFINE_CONST_FUN_OBJ_1(mpdb_compact_obj, mpdb_compact);
