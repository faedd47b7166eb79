// The MicroTetherDB type: making one, closing it, `with`, and the table of its methods.
#include <string.h>

#include "py/builtin.h"
#include "py/gc.h"
#include "py/runtime.h"

#include "awaitable.h"
#include "files.h"
#include "document.h"

// Less than this a database in memory is never given.
#define MEMORY_AT_LEAST 1024
// The clock begins here, so that no time is 0, which means for ever.
#define CLOCK_BEGIN 1000

static size_t memory_limit(const mpdb_options_t *options) {
    gc_collect();
    gc_info_t info;
    gc_info(&info);
    size_t limit = (uint64_t)info.free * options->ram_percentage / 100;
    limit = MAX(limit, MEMORY_AT_LEAST);
    if (options->verbose) {
        mp_printf(&mp_plat_print, "Memory info - Total: %u, Free: %u\n", (unsigned int)info.total, (unsigned int)info.free);
        mp_printf(&mp_plat_print, "Using %u blocks of %u bytes each (%u%% of free memory)\n",
            (unsigned int)(limit / options->btree_pagesize), (unsigned int)options->btree_pagesize,
            (unsigned int)options->ram_percentage);
    }
    return limit;
}

// False where the heap has not even room for the least.
static bool open_in_memory(mpdb_handle_t *handle, const mpdb_options_t *options) {
    mpdb_t *self = mpdb_new_database(options);
    mtdb_options_t engine_options = {
        .memory_limit = memory_limit(options),
        .page_size = options->btree_pagesize,
        .flush_threshold = options->flush_threshold,
        .adaptive = options->adaptive_threshold,
        .batch_rule = options->_batch_rule,
    };
    int32_t status;
    MPDB_CALL(self, status, mtdb_open_memory(&self->engine, &engine_options));
    if (status == MPDB_NO_HEAP) {
        return false;
    }
    mpdb_check_status(self, status);
    self->names.epoch = mtdb_names_epoch(&self->engine);
    handle->db = self;
    handle->open = true;
    return true;
}

static bool is_on_redis(mp_obj_t filename) {
    static const char scheme[] = "redis://";
    if (filename == MP_OBJ_NULL) {
        return false;
    }
    size_t len;
    const char *text = mp_obj_str_get_data(filename, &len);
    return len >= sizeof(scheme) - 1 && memcmp(text, scheme, sizeof(scheme) - 1) == 0;
}

// Records on a Redis server: Python, frozen into the images of boards with a network, which uses this type to judge
// documents.
static mp_obj_t new_on_redis(size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_obj_t name = MP_OBJ_NEW_QSTR(MP_QSTR_Documents);
    mp_obj_t module;
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        module = mp_import_name(qstr_from_str("mtdb_redis.documents"), mp_obj_new_tuple(1, &name), MP_OBJ_NEW_SMALL_INT(0));
        nlr_pop();
    } else if (mp_obj_exception_match(MP_OBJ_FROM_PTR(nlr.ret_val), MP_OBJ_FROM_PTR(&mp_type_ImportError))) {
        mp_raise_msg(&mp_type_ImportError, MP_ERROR_TEXT("redis:// takes a network and the modules mtdb_redis"));
    } else {
        nlr_raise(MP_OBJ_FROM_PTR(nlr.ret_val));
    }
    return mp_call_function_n_kw(mp_load_attr(module, MP_QSTR_Documents), n_args, n_kw, args);
}

mpdb_t *mpdb_new_database(const mpdb_options_t *options) {
    mpdb_t *self = m_new0(mpdb_t, 1);
    self->lock_timeout = options->lock_timeout;
    self->ttl_check_interval = options->ttl_check_interval;
    self->max_value = options->_max_value;
    self->compress_from = options->use_compression ? options->min_compress_size : MPDB_UNSET;
    self->now = CLOCK_BEGIN;
    self->ticks = mp_hal_ticks_ms();
    #if MICROPY_PY_THREAD
    mp_thread_mutex_init(&self->mutex);
    #endif
    return self;
}

void mpdb_forget(mpdb_t *self) {
    self->lock_depth = 0;
    // The handles keep this, but not what it points to.
    memset(&self->engine, 0, sizeof(self->engine));
    self->names.text = NULL;
    self->names.size = 0;
}

// Without a finaliser in memory: all that such a database holds is garbage together with its handle.
static mpdb_handle_t *new_handle(const mp_obj_type_t *type, bool in_memory) {
    mpdb_handle_t *handle = in_memory ? mp_obj_malloc(mpdb_handle_t, type) : mp_obj_malloc_with_finaliser(mpdb_handle_t, type);
    memset((uint8_t *)handle + sizeof(mp_obj_base_t), 0, sizeof(mpdb_handle_t) - sizeof(mp_obj_base_t));
    return handle;
}

static mp_obj_t database_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mpdb_options_t options;
    mpdb_parse_options(&options, n_args, n_kw, args);
    if (is_on_redis(options.filename)) {
        return new_on_redis(n_args, n_kw, args);
    }
    mpdb_handle_t *handle = new_handle(type, options.in_memory);
    if (options.in_memory && !open_in_memory(handle, &options)) {
        mp_printf(&mp_plat_print, "microtetherdb: no memory for a database in memory, using the file '%s'\n",
            mp_obj_str_get_str(options.filename));
        options.in_memory = false;
        handle = new_handle(type, false);
    }
    if (!options.in_memory) {
        mpdb_open_files(handle, &options);
    }
    bool has_loop = options.event_loop != MP_OBJ_NULL && options.event_loop != mp_const_none;
    handle->awaitable = options.awaitable == true;
    handle->awaitable_if_async = options.awaitable == MPDB_UNSET && !has_loop;
    if (has_loop) {
        mpdb_start_upkeep(handle);
    }
    return MP_OBJ_FROM_PTR(handle);
}

// False where a class made from the type was given redis://: its objects hold another one then.
static bool is_handle(const mpdb_handle_t *handle) {
    return handle->base.type == &mpdb_type_database;
}

/// def close(self) -> None
static mp_obj_t database_close(mp_obj_t self_in) {
    mpdb_handle_t *handle = MP_OBJ_TO_PTR(self_in);
    mpdb_guard_t guard;
    if (is_handle(handle) && !handle->open) {
        return mp_const_none;
    }
    if (!mpdb_enter_if_open(handle, &guard)) {
        return mp_const_none;
    }
    if (guard.self->files != NULL) {
        mpdb_close_files(handle, &guard);
    } else {
        handle->open = false;
        mpdb_return_all(guard.self);
        mpdb_forget(guard.self);
    }
    mpdb_leave(&guard);
    mpdb_end_upkeep(handle);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(database_close_obj, database_close);

/// def __del__(self) -> None
static mp_obj_t database_del(mp_obj_t self_in) {
    mpdb_handle_t *handle = MP_OBJ_TO_PTR(self_in);
    if (is_handle(handle) && handle->open && handle->db->files != NULL) {
        mpdb_drop_handle(handle);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(database_del_obj, database_del);

static mp_obj_t database_enter(mp_obj_t self_in) {
    mpdb_guard_t guard;
    mpdb_enter(MP_OBJ_TO_PTR(self_in), &guard);
    mpdb_leave(&guard);
    return self_in;
}
static MP_DEFINE_CONST_FUN_OBJ_1(database_enter_obj, database_enter);

static mp_obj_t database_exit(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    return database_close(args[0]);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(database_exit_obj, 4, 4, database_exit);

// ---- methods -------------------------------------------------------------------------------------------------

#define METHOD(name, fun, kind) \
    static const mpdb_method_t name##_method = { { &mpdb_type_method }, MP_ROM_PTR(&fun), MPDB_METHOD_##kind }
METHOD(put, mpdb_put_obj, AT_ONCE);
METHOD(get, mpdb_get_obj, AT_ONCE);
METHOD(delete, mpdb_delete_obj, AT_ONCE);
METHOD(put_batch, mpdb_put_batch_obj, AT_ONCE);
METHOD(delete_batch, mpdb_delete_batch_obj, AT_ONCE);
METHOD(query, mpdb_query_obj, QUERY);
METHOD(tags, mpdb_tags_obj, AT_ONCE);
METHOD(cleanup, mpdb_cleanup_obj, CLEANUP);
METHOD(flush, mpdb_flush_obj, AT_ONCE);
METHOD(compact, mpdb_compact_obj, COMPACT);
METHOD(backup, mpdb_backup_obj, AT_ONCE);
METHOD(stats, mpdb_stats_obj, AT_ONCE);
METHOD(close, database_close_obj, AT_ONCE);

/// async def __aenter__(self)
static mp_obj_t database_aenter(mp_obj_t self_in) {
    mpdb_handle_t *handle = MP_OBJ_TO_PTR(self_in);
    mpdb_check_open(handle);
    handle->awaitable |= handle->awaitable_if_async;
    mpdb_start_upkeep(handle);
    return mpdb_new_result(self_in);
}
static MP_DEFINE_CONST_FUN_OBJ_1(database_aenter_obj, database_aenter);

/// async def __aexit__(self, exc_type, exc, tb)
static mp_obj_t database_aexit(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    return mpdb_result_of_call(MP_OBJ_TO_PTR(args[0]), &close_method);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(database_aexit_obj, 4, 4, database_aexit);

static mp_obj_t database_binary_op(mp_binary_op_t op, mp_obj_t self_in, mp_obj_t other) {
    return mpdb_binary_op(op, self_in, mpdb_value(other));
}

static mp_obj_t database_subscr(mp_obj_t self_in, mp_obj_t key, mp_obj_t value) {
    return mpdb_subscr(self_in, mpdb_value(key), value == MP_OBJ_NULL || value == MP_OBJ_SENTINEL ? value : mpdb_value(value));
}

static mp_obj_t database_unary_op(mp_unary_op_t op, mp_obj_t self_in) {
    switch (op) {
        case MP_UNARY_OP_LEN:
            return mp_obj_new_int_from_uint(mpdb_count_records(MP_OBJ_TO_PTR(self_in)));
        case MP_UNARY_OP_BOOL:
            // `if self.db:` asks whether there is a database, not whether it has records.
            return mp_const_true;
        case MP_UNARY_OP_HASH:
            return MP_OBJ_NEW_SMALL_INT((mp_uint_t)self_in);
        default:
            return MP_OBJ_NULL;
    }
}

static const mp_rom_map_elem_t database_table[] = {
    { MP_ROM_QSTR(MP_QSTR_put), MP_ROM_PTR(&put_method) },
    { MP_ROM_QSTR(MP_QSTR_get), MP_ROM_PTR(&get_method) },
    { MP_ROM_QSTR(MP_QSTR_delete), MP_ROM_PTR(&delete_method) },
    { MP_ROM_QSTR(MP_QSTR_put_batch), MP_ROM_PTR(&put_batch_method) },
    { MP_ROM_QSTR(MP_QSTR_delete_batch), MP_ROM_PTR(&delete_batch_method) },
    { MP_ROM_QSTR(MP_QSTR_query), MP_ROM_PTR(&query_method) },
    { MP_ROM_QSTR(MP_QSTR_find), MP_ROM_PTR(&mpdb_find_obj) },
    { MP_ROM_QSTR(MP_QSTR_tags), MP_ROM_PTR(&tags_method) },
    { MP_ROM_QSTR(MP_QSTR_keys), MP_ROM_PTR(&mpdb_keys_obj) },
    { MP_ROM_QSTR(MP_QSTR_values), MP_ROM_PTR(&mpdb_values_obj) },
    { MP_ROM_QSTR(MP_QSTR_items), MP_ROM_PTR(&mpdb_items_obj) },
    { MP_ROM_QSTR(MP_QSTR__live), MP_ROM_PTR(&mpdb_live_obj) },
    { MP_ROM_QSTR(MP_QSTR__put_bytes), MP_ROM_PTR(&mpdb_put_bytes_obj) },
    { MP_ROM_QSTR(MP_QSTR__read_bytes), MP_ROM_PTR(&mpdb_read_bytes_obj) },
    { MP_ROM_QSTR(MP_QSTR_transaction), MP_ROM_PTR(&mpdb_transaction_obj) },
    { MP_ROM_QSTR(MP_QSTR_lock), MP_ROM_PTR(&mpdb_lock_obj) },
    { MP_ROM_QSTR(MP_QSTR_cleanup), MP_ROM_PTR(&cleanup_method) },
    { MP_ROM_QSTR(MP_QSTR_flush), MP_ROM_PTR(&flush_method) },
    { MP_ROM_QSTR(MP_QSTR_compact), MP_ROM_PTR(&compact_method) },
    { MP_ROM_QSTR(MP_QSTR_backup), MP_ROM_PTR(&backup_method) },
    { MP_ROM_QSTR(MP_QSTR_stats), MP_ROM_PTR(&stats_method) },
    { MP_ROM_QSTR(MP_QSTR_close), MP_ROM_PTR(&close_method) },
    { MP_ROM_QSTR(MP_QSTR___del__), MP_ROM_PTR(&database_del_obj) },
    { MP_ROM_QSTR(MP_QSTR___enter__), MP_ROM_PTR(&database_enter_obj) },
    { MP_ROM_QSTR(MP_QSTR___exit__), MP_ROM_PTR(&database_exit_obj) },
    { MP_ROM_QSTR(MP_QSTR___aenter__), MP_ROM_PTR(&database_aenter_obj) },
    { MP_ROM_QSTR(MP_QSTR___aexit__), MP_ROM_PTR(&database_aexit_obj) },
    // So that they can be called by name and through super() as well.
    { MP_ROM_QSTR(MP_QSTR___getitem__), MP_ROM_PTR(&mp_op_getitem_obj) },
    { MP_ROM_QSTR(MP_QSTR___setitem__), MP_ROM_PTR(&mp_op_setitem_obj) },
    { MP_ROM_QSTR(MP_QSTR___delitem__), MP_ROM_PTR(&mp_op_delitem_obj) },
};
static MP_DEFINE_CONST_DICT(database_dict, database_table);

MP_DEFINE_CONST_OBJ_TYPE(
    mpdb_type_database, MP_QSTR_MicroTetherDB, MP_TYPE_FLAG_ITER_IS_GETITER,
    make_new, database_make_new,
    unary_op, database_unary_op,
    binary_op, database_binary_op,
    subscr, database_subscr,
    iter, mpdb_getiter,
    locals_dict, &database_dict
    );
