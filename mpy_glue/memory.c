// The engine's memory: blocks of MicroPython's heap, given when it asks and taken back when it has done
// with them. The collector finds them through the engine's state inside the MicroTetherDB object.
#include <string.h>

#include "py/gc.h"

#include "files.h"

#if MICROPY_PY_THREAD && !MICROPY_PY_THREAD_GIL
void mpdb_hold_collector(void) {
    mp_thread_recursive_mutex_lock(&MP_STATE_MEM(gc_mutex), 1);
}

void mpdb_release_collector(void) {
    mp_thread_recursive_mutex_unlock(&MP_STATE_MEM(gc_mutex));
}
#endif

// False where the heap has no such block.
static bool give_block(mpdb_t *self, size_t bytes) {
    mpdb_hold_collector();
    void *memory = gc_alloc(bytes, 0);
    if (memory != NULL) {
        // What lay there before must not look like pointers to the collector.
        memset(memory, 0, bytes);
        // gc_free() does nothing to NULL.
        gc_free(mtdb_memory_give(&self->engine, memory, bytes));
    }
    mpdb_release_collector();
    return memory != NULL;
}

int32_t mpdb_give_memory(mpdb_t *self) {
    bool given = false;
    size_t bytes;
    while ((bytes = mtdb_memory_wanted(&self->engine)) != 0) {
        if (!give_block(self, bytes)) {
            if (self->files == NULL) {
                return MPDB_NO_HEAP;
            }
            // It goes on with what it has, where it can.
            mtdb_memory_refuse(&self->engine);
            return given || mtdb_memory_wanted(&self->engine) == 0 ? MTDB_OK : MPDB_NO_HEAP;
        }
        given = true;
    }
    return given ? MTDB_OK : MTDB_FULL;
}

// Frees a block that the engine has just let go of.
static void give_back(void *memory) {
    #if MICROPY_PY_THREAD && !MICROPY_PY_THREAD_GIL
    // Nothing has pointed to it since, so that a collection under way in another thread may have freed it
    // already and given it to somebody else. Left alone it goes with the next one, without a lock for each write.
    (void)memory;
    #else
    gc_free(memory);
    #endif
}

void mpdb_return_surplus(mpdb_t *self) {
    void *memory;
    while ((memory = mtdb_memory_surplus(&self->engine)) != NULL) {
        give_back(memory);
    }
}

void mpdb_return_all(mpdb_t *self) {
    void *memory;
    while ((memory = mtdb_memory_reclaim(&self->engine)) != NULL) {
        give_back(memory);
    }
}

// Not in the stack of who asks while the engine works.
static MP_NOINLINE uint64_t bytes_used(mpdb_t *self) {
    mtdb_statistics_t statistics;
    mtdb_statistics(&self->engine, &statistics);
    return statistics.bytes_used;
}

// Grows with every record that is written or deleted.
static MP_NOINLINE uint64_t changes(mpdb_t *self) {
    mtdb_statistics_t statistics;
    mtdb_statistics(&self->engine, &statistics);
    return statistics.puts + statistics.deletes;
}

bool mpdb_make_room(mpdb_t *self, int32_t status) {
    // In files memory is a cache. Inside a transaction nothing can be collected, and pages that a rollback needs
    // cannot go.
    if (self->files != NULL || (status != MTDB_FULL && status != MPDB_NO_HEAP) || mtdb_transaction_depth(&self->engine) != 0) {
        return false;
    }
    uint64_t used = bytes_used(self);
    uint64_t now = mpdb_now(self);
    while (mtdb_has_expired(&self->engine, now)) {
        uint32_t removed = 0;
        int32_t step = mtdb_expire(&self->engine, now, MPDB_STEP, &removed);
        if (bytes_used(self) < used) {
            return true;
        }
        if (step < 0 || removed == 0) {
            break;
        }
    }
    if (self->packed_at == changes(self)) {
        return false;
    }
    // A round may have begun somewhere in the middle: only a second one that frees nothing says that there
    // is nothing to be had.
    for (int rounds = 0; rounds < 2;) {
        int32_t step = mtdb_compact(&self->engine, MPDB_COMPACT_STEP);
        if (bytes_used(self) < used) {
            return true;
        }
        if (step < 0) {
            break;
        }
        rounds += step == MTDB_OK;
    }
    self->packed_at = changes(self);
    return false;
}

void mpdb_buffer_grow(mpdb_buffer_t *buffer, size_t size) {
    mpdb_buffer_free(buffer);
    buffer->bytes = m_new(uint8_t, size);
    buffer->size = size;
    buffer->on_heap = true;
}

void mpdb_buffer_free(mpdb_buffer_t *buffer) {
    if (buffer->on_heap) {
        m_del(uint8_t, buffer->bytes, buffer->size);
        buffer->on_heap = false;
    }
    // Growing may raise after this, and a scan is asked again: nothing is to be read into what is not its own.
    buffer->size = 0;
}
