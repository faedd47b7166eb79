// An open database on the Python side, its handles, and the guard that every call into its engine goes through.
#ifndef MPDB_DATABASE_H
#define MPDB_DATABASE_H

#include "py/mphal.h"
#include "py/mpthread.h"
#include "py/obj.h"
#include "py/runtime.h"

#include "mtdb.h"
#include "errors.h"
#include "names.h"

#if !MICROPY_ENABLE_GC || !MICROPY_PY_BUILTINS_FLOAT
#error "microtetherdb needs MicroPython's collector and floats"
#endif

// A small body lies in the database's scratch of this size, a larger one in a block of the heap.
#define MPDB_SMALL 192
// Records of one step of a long call; between two steps pending events are handled.
#define MPDB_STEP 64
// Expired records that one ordinary write removes at most.
#define MPDB_EXPIRE_PER_WRITE 8
// Pages of one step of compacting.
#define MPDB_COMPACT_STEP 16

// The constructor's parameters. Every number is a uint32_t, so that one table can describe them all;
// times are milliseconds.
typedef struct {
    mp_obj_t filename;
    mp_obj_t event_loop;
    uint32_t in_memory;
    uint32_t ram_percentage;
    uint32_t max_retries;
    uint32_t retry_delay;
    uint32_t lock_timeout;
    uint32_t ttl_check_interval;
    uint32_t btree_cachesize;
    uint32_t btree_pagesize;
    uint32_t adaptive_threshold;
    uint32_t cleanup_interval;
    uint32_t use_compression;
    uint32_t min_compress_size;
    uint32_t flush_threshold;     // 0: by the adaptive rule
    uint32_t auto_flush_seconds;  // MPDB_UNSET: by the default of the store
    uint32_t verbose;
    uint32_t _max_value;          // bytes of JSON; of DB less than MPDB_MAX_JSON
    uint32_t _batch_rule;         // of DB: flushes less often when most operations are batches
    uint32_t awaitable;           // MPDB_UNSET: by the way the database is entered
} mpdb_options_t;

#define MPDB_UNSET UINT32_MAX

// Whom a lock belongs to: a task of asyncio, or a thread outside of any loop.
typedef struct {
    mp_obj_t task;      // MP_OBJ_NULL outside of any loop
    mp_uint_t thread;
} mpdb_owner_t;

// An open database. Handles are the Python objects for it: one in memory has one, those of a file that was opened
// more than once share it.
typedef struct _mpdb_t {
    // The owner of db.lock() or of a transaction, and how often it holds it (owner.c).
    mpdb_owner_t lock_owner;
    mp_obj_t lock_queue;         // of the loop that the owner's task belongs to, or MP_OBJ_NULL
    uint32_t lock_depth;
    uint32_t lock_losses;        // how often an owner was gone
    uint32_t lock_timeout;       // these two as in mpdb_options_t
    uint32_t ttl_check_interval;
    uint32_t max_value;          // bytes of JSON
    uint32_t compress_from;      // encoded values of so many bytes are compressed; MPDB_UNSET: none
    uint32_t unflushed;      // writes of the running transaction; in memory not yet told to the flush rule
    // 0, or 1 + the id of the thread that is inside a call.
    volatile mp_uint_t busy;
    uint32_t retries;        // failures of files that were tried again since then
    #if MICROPY_PY_THREAD
    mp_thread_mutex_t mutex;
    #endif
    mp_uint_t ticks;         // of the port's counter, when `now` was reckoned
    uint64_t now;            // milliseconds since the database was made, and some
    uint64_t expiry_checked; // when ordinary writes last found nothing more to remove
    uint64_t packed_at;      // records written and deleted when compacting last freed nothing
    struct _mpdb_files_t *files;  // NULL in memory
    mpdb_names_t names;
    struct _mpdb_result_t *pending;  // writes that wait for the lock, in their order (awaitable.c)
    mp_uint_t pending_thread;        // the loop's and one more, the only one that does them; 0 while it does
    mtdb_database_t engine;  // in here, so that the collector finds the memory it was given
    uint8_t scratch[MPDB_SMALL];  // of the call that has the guard; the C stack is short
} mpdb_t;

// The MicroTetherDB object. Whoever works with the database on its behalf (scans, live documents, contexts)
// holds the handle: that keeps it alive, and a closed handle is closed for them too.
typedef struct {
    mp_obj_base_t base;
    mpdb_t *db;
    bool open;
    uint32_t contexts;  // transactions and locks that were entered through it, and
    uint32_t depth;     // of how many transactions around them;
    uint32_t losses;    // both count only where this is the database's lock_losses
    bool awaitable;           // operations give results that can be awaited (awaitable.c),
    bool awaitable_if_async;  // or will once it is entered with `async with`
    mp_obj_t upkeep;          // what ends its background upkeep when it is collected, or MP_OBJ_NULL (background.c)
} mpdb_handle_t;

extern const mp_obj_type_t mpdb_type_database;

// A new one, with its clock running. The engine is not opened yet.
mpdb_t *mpdb_new_database(const mpdb_options_t *options);
// Empties what a closed database remembers.
void mpdb_forget(mpdb_t *self);

// Read the constructor's arguments; raises what is wrong with them.
void mpdb_parse_options(mpdb_options_t *options, size_t n_args, size_t n_kw, const mp_obj_t *args);

// ---- the guard (guard.c) ----------------------------------------------------------------------------

// Held around everything that touches the engine. It is given back by mpdb_leave(), or by any
// exception that passes: code between the two may raise.
typedef struct {
    nlr_jump_callback_node_t node;
    mpdb_t *self;
    bool undo;  // a savepoint is open, which an exception rolls back
} mpdb_guard_t;

// Waits for other threads. Raises ValueError when the handle is closed, RuntimeError when this
// thread is inside already, DBLock when another owner keeps its lock too long. Returns the database.
mpdb_t *mpdb_enter(mpdb_handle_t *handle, mpdb_guard_t *guard);
// Raises where the handle is closed; waits for nobody.
void mpdb_check_open(const mpdb_handle_t *handle);
// As mpdb_enter(), but false for a closed handle, and nothing is held then.
bool mpdb_enter_if_open(mpdb_handle_t *handle, mpdb_guard_t *guard);
// The same for a database without a handle.
void mpdb_hold(mpdb_t *self, mpdb_guard_t *guard);
void mpdb_leave(mpdb_guard_t *guard);

// Handles pending events, and gives other threads a turn, between two steps of a long call.
void mpdb_between_steps(void);

// Milliseconds of the monotonic clock, never back and never wrapping. Only inside the guard.
uint64_t mpdb_now(mpdb_t *self);
// The same, but a stale value where no record has a TTL, so that nothing depends on it: asking the
// clock would cost as much as the rest of a get.
uint64_t mpdb_now_for_lookup(mpdb_t *self);
// Whether any record has a TTL.
bool mpdb_has_ttls(mpdb_t *self);

// ---- owners (owner.c) ----------------------------------------------------------------------------------

mp_uint_t mpdb_thread(void);
// Takes and gives back the lock for the owner that calls. Inside the guard.
void mpdb_take_lock(mpdb_t *self);
void mpdb_give_lock(mpdb_t *self);
// For a database whose lock is held. What is to be done about a call that comes now:
typedef enum {
    MPDB_GO_ON,   // it comes from the owner, or the owner is gone and the lock free
    MPDB_WAIT,    // the owner is another thread
    MPDB_REFUSE,  // the owner would have to run on this thread
} mpdb_access_t;
mpdb_access_t mpdb_access(mpdb_t *self);
// Whether a call that comes now would wait for the lock, or be refused. Outside the guard.
bool mpdb_would_wait(mpdb_t *self);
// The DBLock of who has waited for it long enough.
mp_obj_t mpdb_lock_timed_out(const mpdb_t *self);

// ---- memory (memory.c) --------------------------------------------------------------------------------

// What mpdb_after_failure() says beside statuses, all of which are negative there.
#define MPDB_AGAIN 1
// Makes one engine call as often as it takes until it has the memory that it asks for and the files have done their
// part, which may fail max_retries times for as long as the guard is held.
#define MPDB_CALL(self, status, call) \
    do { \
        (status) = (call); \
    } while ((status) < 0 && ((status) = mpdb_after_failure(status, self)) > 0)
// MPDB_AGAIN where another attempt is due, else the status that the call has in the end.
int32_t mpdb_after_failure(int32_t status, mpdb_t *self);

// Between the two no thread collects. Without a GIL the others run on while one collects, and may move what
// it has not come to yet to where it has been: a block whose only pointer moves would count as garbage.
#if MICROPY_PY_THREAD && !MICROPY_PY_THREAD_GIL
void mpdb_hold_collector(void);
void mpdb_release_collector(void);
#else
static inline void mpdb_hold_collector(void) {
}
static inline void mpdb_release_collector(void) {
}
#endif

int32_t mpdb_give_memory(mpdb_t *self);
// Gives blocks that have become empty back to the collector.
void mpdb_return_surplus(mpdb_t *self);
void mpdb_return_all(mpdb_t *self);
// After MTDB_FULL or MPDB_NO_HEAP: collects what has expired, else packs the pages closer. True when that
// freed something and the write is worth another try.
bool mpdb_make_room(mpdb_t *self, int32_t status);

// A buffer that begins in the database's scratch and moves to the heap.
typedef struct {
    uint8_t *bytes;
    size_t size;
    bool on_heap;
} mpdb_buffer_t;

// Inside the guard.
static inline mpdb_buffer_t mpdb_scratch(mpdb_t *self) {
    return (mpdb_buffer_t) { self->scratch, MPDB_SMALL, false };
}
// The content is lost.
void mpdb_buffer_grow(mpdb_buffer_t *buffer, size_t size);
void mpdb_buffer_free(mpdb_buffer_t *buffer);

// ---- writing (write.c) --------------------------------------------------------------------------------------

// A savepoint, which an exception that leaves the guard rolls back.
int32_t mpdb_begin(mpdb_guard_t *guard);
// Ends the innermost transaction; in files `writes` are counted, and all is flushed where the rule or `flush` says so.
// After a failure it is still open.
int32_t mpdb_commit(mpdb_t *self, uint32_t writes, bool flush);
// Rolls back what mpdb_begin() began.
void mpdb_undo(mpdb_guard_t *guard);

// Around the engine calls of one write, which in files is a transaction of its own. `status` is theirs, `writes` how
// many records they wrote. The second raises, with nothing changed, where something failed.
void mpdb_begin_write(mpdb_guard_t *guard);
void mpdb_end_write(mpdb_guard_t *guard, int32_t status, uint32_t writes);

// ---- upkeep (upkeep.c) ------------------------------------------------------------------------------------

// To be called inside the guard after `count` writes: the flush rule, and removing a few of what has expired.
void mpdb_after_write(mpdb_t *self, uint32_t count);
// Makes everything before durable, outside of transactions. Returns the engine's status.
int32_t mpdb_flush_now(mpdb_t *self);
// One step of removing what has expired, and of compacting, not inside the guard: whether there is more to do.
bool mpdb_expire_step(mpdb_handle_t *handle, uint32_t *removed);
bool mpdb_compact_step(mpdb_handle_t *handle);
// One step of what the background task does, inside the guard: in how many milliseconds the next is due, 0 at once.
mp_uint_t mpdb_upkeep_step(mpdb_t *self);
// Removes all that has expired, in steps; not inside the guard. Returns how many.
uint32_t mpdb_remove_expired(mpdb_handle_t *handle);
size_t mpdb_count_records(mpdb_handle_t *handle);

MP_DECLARE_CONST_FUN_OBJ_1(mpdb_cleanup_obj);
MP_DECLARE_CONST_FUN_OBJ_1(mpdb_flush_obj);
MP_DECLARE_CONST_FUN_OBJ_1(mpdb_compact_obj);
MP_DECLARE_CONST_FUN_OBJ_2(mpdb_backup_obj);
MP_DECLARE_CONST_FUN_OBJ_1(mpdb_stats_obj);
MP_DECLARE_CONST_FUN_OBJ_1(mpdb_transaction_obj);
MP_DECLARE_CONST_FUN_OBJ_1(mpdb_lock_obj);
// Enters a context that lock() or transaction() gave.
mp_obj_t mpdb_context_enter(mp_obj_t context);

#endif
