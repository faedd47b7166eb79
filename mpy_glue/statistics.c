// stats(): the counters of a database as a dict.
#include "py/smallint.h"

#include "files.h"

static void store(mp_obj_t dict, qstr name, uint64_t value) {
    mp_obj_t number = value <= (uint64_t)MP_SMALL_INT_MAX ? MP_OBJ_NEW_SMALL_INT(value) : mp_obj_new_int_from_ull(value);
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(name), number);
}

/// def stats(self) -> dict
static mp_obj_t mpdb_stats(mp_obj_t self_in) {
    mpdb_handle_t *handle = MP_OBJ_TO_PTR(self_in);
    size_t records = mpdb_count_records(handle);
    mtdb_statistics_t statistics;
    mpdb_guard_t guard;
    mpdb_t *self = mpdb_enter(handle, &guard);
    mtdb_statistics(&self->engine, &statistics);
    if (self->files != NULL) {
        statistics.free_bytes = mpdb_medium_space(self->files);
    }
    mpdb_leave(&guard);

    mp_obj_t operations = mp_obj_new_dict(5);
    store(operations, MP_QSTR_put, statistics.puts);
    store(operations, MP_QSTR_get, statistics.gets);
    store(operations, MP_QSTR_delete, statistics.deletes);
    store(operations, MP_QSTR_query, statistics.queries);
    store(operations, MP_QSTR_batch, statistics.batches);

    mp_obj_t all = mp_obj_new_dict(14);
    mp_obj_dict_store(all, MP_OBJ_NEW_QSTR(MP_QSTR_operations), operations);
    store(all, MP_QSTR_records, records);
    store(all, MP_QSTR_ttl_records, statistics.ttl_records);
    store(all, MP_QSTR_flushes, statistics.flushes);
    store(all, MP_QSTR_bytes_used, statistics.bytes_used);
    store(all, MP_QSTR_bytes_limit, statistics.bytes_limit);
    if (statistics.free_bytes != UINT64_MAX) {
        store(all, MP_QSTR_free_bytes, statistics.free_bytes);
    }
    store(all, MP_QSTR_compressed_values, statistics.compressed);
    store(all, MP_QSTR_bytes_saved, statistics.saved);
    store(all, MP_QSTR_page_size, statistics.page_size);
    store(all, MP_QSTR_format_version, MTDB_FORMAT_VERSION);
    // All three 0 in memory.
    store(all, MP_QSTR_file_bytes, statistics.file_bytes);
    store(all, MP_QSTR_cache_hits, statistics.cache_hits);
    store(all, MP_QSTR_cache_misses, statistics.cache_misses);
    return all;
}
MP_DEFINE_CONST_FUN_OBJ_1(mpdb_stats_obj, mpdb_stats);
