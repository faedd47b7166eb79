// Databases in files: opening one, sharing it between all who open the same path, closing it with the last of them.
#include <string.h>

#include "py/gc.h"
#include "py/objstr.h"
#include "py/runtime.h"

#include "files.h"

// What auto_flush_seconds is where it was not given, in milliseconds.
#define AUTO_FLUSH 5000

// The open ones. The list keeps a database whose handles are gone until it has been flushed.
MP_REGISTER_ROOT_POINTER(struct _mpdb_files_t *mpdb_files);
// Not 0 when a handle was collected since somebody looked.
MP_REGISTER_ROOT_POINTER(uintptr_t mpdb_dropped);

// ---- the list ---------------------------------------------------------------------------------------------

static mpdb_files_t *find(mp_obj_t path) {
    mpdb_files_t *files = MP_STATE_VM(mpdb_files);
    while (files != NULL && !mp_obj_str_equal(files->path, path)) {
        files = files->next;
    }
    return files;
}

static void unlink_files(mpdb_files_t *files) {
    mpdb_hold_collector();
    mpdb_files_t **link = &MP_STATE_VM(mpdb_files);
    while (*link != NULL && *link != files) {
        link = &(*link)->next;
    }
    if (*link != NULL) {
        *link = files->next;
    }
    mpdb_release_collector();
}

bool mpdb_is_open(mp_obj_t path) {
    mpdb_hold_collector();
    bool found = find(path) != NULL;
    mpdb_release_collector();
    return found;
}

// Runs when the heap goes: a soft reset leaves root pointers as they are, so the list has to be emptied. (Not by
// the module's __init__, which also runs when a second module imports it.)
static mp_obj_t files_del(mp_obj_t files_in) {
    unlink_files(MP_OBJ_TO_PTR(files_in));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(files_del_obj, files_del);

static const mp_rom_map_elem_t files_table[] = {
    { MP_ROM_QSTR(MP_QSTR___del__), MP_ROM_PTR(&files_del_obj) },
};
static MP_DEFINE_CONST_DICT(files_dict, files_table);

static MP_DEFINE_CONST_OBJ_TYPE(
    mpdb_type_files, MP_QSTR_files, MP_TYPE_FLAG_NONE,
    locals_dict, &files_dict
    );

// ---- opening ------------------------------------------------------------------------------------------------

static mpdb_files_t *new_files(const mpdb_options_t *options, mp_obj_t path) {
    mpdb_files_t *files = mp_obj_malloc_with_finaliser(mpdb_files_t, &mpdb_type_files);
    memset((uint8_t *)files + sizeof(mp_obj_base_t), 0, sizeof(*files) - sizeof(mp_obj_base_t));
    files->path = path;
    files->max_retries = options->max_retries;
    files->retry_delay = options->retry_delay;
    files->auto_flush = options->auto_flush_seconds == MPDB_UNSET ? AUTO_FLUSH : options->auto_flush_seconds;
    files->db = mpdb_new_database(options);
    files->db->files = files;
    return files;
}

static uint64_t seed(const mpdb_files_t *files) {
    return ((uint64_t)mp_hal_ticks_us() << 32) ^ mp_hal_time_ns() ^ mp_hal_ticks_cpu() ^ (uintptr_t)files;
}

// Its own function, so that what it takes of the C stack is given back before the engine opens anything.
static MP_NOINLINE void init_engine(mpdb_files_t *files, const mpdb_options_t *options) {
    mpdb_t *self = files->db;
    mtdb_options_t engine_options = {
        .page_size = options->btree_pagesize,
        .cache_pages = options->btree_cachesize,
        .flush_threshold = options->flush_threshold,
        .adaptive = options->adaptive_threshold,
        .batch_rule = options->_batch_rule,
    };
    mtdb_medium_t medium = mpdb_medium;
    medium.context = files;
    // The engine's state holds its address.
    uint64_t *state = m_new0(uint64_t, (mtdb_file_state_bytes() + 7) / 8);
    mpdb_check_status(self, mtdb_init_file(&self->engine, &engine_options, &medium, state));
}

static void open_engine(mpdb_files_t *files, const mpdb_options_t *options) {
    mpdb_t *self = files->db;
    init_engine(files, options);
    mpdb_make_folders(files->path);
    int32_t status;
    MPDB_CALL(self, status, mtdb_open_file(&self->engine, mpdb_wall_time(), seed(files)));
    mpdb_check_status(self, status);
    self->now = MAX(self->now, mtdb_clock(&self->engine));
    files->flushed_at = self->now;
    files->synced = false;
    self->names.epoch = mtdb_names_epoch(&self->engine);
    files->on_posix = mpdb_medium_is_posix(files);
    files->open = true;
}

// After this the files are nobody's.
static void shut(mpdb_files_t *files) {
    mpdb_t *self = files->db;
    mpdb_end_backup(files);
    files->open = false;
    unlink_files(files);
    mpdb_medium_close(files);
    mpdb_return_all(self);
    mpdb_forget(self);
}

typedef struct {
    nlr_jump_callback_node_t node;
    mpdb_files_t *files;
} opening_t;

// What the engine was given is garbage together with it.
static void opening_failed(void *node) {
    mpdb_files_t *files = ((opening_t *)node)->files;
    unlink_files(files);
    mpdb_medium_close(files);
}

static void open_new(mpdb_files_t *files, const mpdb_options_t *options) {
    opening_t opening = { .files = files };
    nlr_push_jump_callback(&opening.node, opening_failed);
    open_engine(files, options);
    nlr_pop_jump_callback(false);
}

void mpdb_open_files(mpdb_handle_t *handle, const mpdb_options_t *options) {
    mpdb_close_dropped();
    mp_obj_t path = mpdb_absolute_path(options->filename);
    while (!handle->open) {
        mpdb_files_t *own = new_files(options, path);
        mpdb_guard_t guard;
        mpdb_hold(own->db, &guard);
        mpdb_hold_collector();
        mpdb_files_t *files = find(path);
        if (files == NULL) {
            own->next = MP_STATE_VM(mpdb_files);
            MP_STATE_VM(mpdb_files) = own;
        }
        mpdb_release_collector();
        if (files == NULL) {
            files = own;
            open_new(files, options);
        } else {
            mpdb_leave(&guard);
            mpdb_hold(files->db, &guard);
        }
        // Not when it was opened elsewhere at the same time, and failed there.
        if (files->open) {
            files->opened++;
            handle->db = files->db;
            handle->open = true;
        }
        mpdb_leave(&guard);
    }
}

// ---- closing --------------------------------------------------------------------------------------------------

static void end_transactions(mpdb_t *self, uint32_t depth) {
    while (mtdb_transaction_depth(&self->engine) > depth) {
        mtdb_rollback(&self->engine);
    }
}

static int32_t close_engine(mpdb_t *self) {
    mpdb_set_time(self);
    int32_t status;
    MPDB_CALL(self, status, mtdb_close_file(&self->engine));
    return status;
}

static bool has_handles(const mpdb_files_t *files) {
    return files->opened != files->closed + files->dropped;
}

void mpdb_close_files(mpdb_handle_t *handle, mpdb_guard_t *guard) {
    mpdb_t *self = guard->self;
    mpdb_files_t *files = self->files;
    // What was begun through this handle ends with it, what others have begun goes on.
    bool last = files->opened - files->closed - files->dropped == 1;
    uint32_t contexts = handle->losses == self->lock_losses ? handle->contexts : 0;
    if (last || contexts != 0) {
        end_transactions(self, last ? 0 : handle->depth);
        self->lock_depth = last ? 0 : self->lock_depth - MIN(self->lock_depth, contexts);
        handle->contexts = 0;
    }
    mpdb_check_status(self, last ? close_engine(self) : mpdb_flush_now(self));
    handle->open = false;
    files->closed++;
    if (!has_handles(files)) {
        shut(files);
    }
}

// ---- collected handles -----------------------------------------------------------------------------------------

// The first that is open without a handle, after `last` in the list.
static mpdb_files_t *next_dropped(mpdb_files_t *last, bool on_posix_only) {
    mpdb_hold_collector();
    mpdb_files_t *files = last == NULL ? MP_STATE_VM(mpdb_files) : last->next;
    while (files != NULL && (!files->open || has_handles(files) || (on_posix_only && !files->on_posix))) {
        files = files->next;
    }
    mpdb_release_collector();
    return files;
}

static void close_dropped(bool on_posix_only) {
    MP_STATE_VM(mpdb_dropped) = 0;
    mpdb_files_t *files = NULL;
    while ((files = next_dropped(files, on_posix_only)) != NULL) {
        mpdb_t *self = files->db;
        // Nobody is left who could give it back.
        self->lock_depth = 0;
        mpdb_guard_t guard;
        mpdb_hold(self, &guard);
        if (files->open && !has_handles(files)) {
            end_transactions(self, 0);
            // Where that fails it stays in the list, is tried again with the next one, and is there for whoever
            // opens its path.
            if (close_engine(self) == MTDB_OK) {
                shut(files);
            }
        }
        mpdb_leave(&guard);
    }
}

void mpdb_close_dropped(void) {
    // The scheduler is locked inside of a file access, where the filesystem must not be entered again.
    if (MP_STATE_VM(mpdb_dropped) != 0 && MP_STATE_VM(sched_state) >= 0) {
        close_dropped(false);
    }
}

static mp_obj_t scheduled(mp_obj_t none) {
    close_dropped(true);
    return none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(scheduled_obj, scheduled);

void mpdb_drop_handle(mpdb_handle_t *handle) {
    mpdb_files_t *files = handle->db->files;
    handle->open = false;
    files->dropped++;
    MP_STATE_VM(mpdb_dropped) = 1;
    // rp2's flash driver and block devices written in Python run scheduled callbacks in the middle of the program's
    // own file accesses. Only POSIX can stand being entered again then: on others it waits for the next call.
    if (files->on_posix) {
        mp_sched_schedule(MP_OBJ_FROM_PTR(&scheduled_obj), mp_const_none);
    }
}
