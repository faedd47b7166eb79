// stats(): the counters of a database as a dict.
#include <stddef.h>

#include "py/smallint.h"

#include "files.h"

typedef struct {
    uint16_t name;
    uint8_t offset;
    bool is_wide;
} field_t;

#define FIELD(name, field) \
    { MP_QSTR_##name, offsetof(mtdb_statistics_t, field), sizeof(((mtdb_statistics_t *)0)->field) == sizeof(uint64_t) }

static const field_t operations[] = {
    FIELD(put, puts),
    FIELD(get, gets),
    FIELD(delete, deletes),
    FIELD(query, queries),
    FIELD(batch, batches),
};

static const field_t fields[] = {
    FIELD(records, records),
    FIELD(ttl_records, ttl_records),
    FIELD(flushes, flushes),
    FIELD(bytes_used, bytes_used),
    FIELD(bytes_limit, bytes_limit),
    FIELD(compressed_values, compressed),
    FIELD(bytes_saved, saved),
    FIELD(page_size, page_size),
    // All three 0 in memory.
    FIELD(file_bytes, file_bytes),
    FIELD(cache_hits, cache_hits),
    FIELD(cache_misses, cache_misses),
    // The last, which not every medium knows.
    FIELD(free_bytes, free_bytes),
};

static mp_obj_t dict_of(const mtdb_statistics_t *statistics, const field_t *field, size_t count) {
    mp_obj_t dict = mp_obj_new_dict(count + 2);
    for (; count != 0; count--, field++) {
        const void *place = (const uint8_t *)statistics + field->offset;
        uint64_t value = field->is_wide ? *(const uint64_t *)place : *(const uint32_t *)place;
        mp_obj_t number = value <= (uint64_t)MP_SMALL_INT_MAX ? MP_OBJ_NEW_SMALL_INT(value) : mp_obj_new_int_from_ull(value);
        mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(field->name), number);
    }
    return dict;
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
    statistics.records = records;
    bool space_known = statistics.free_bytes != UINT64_MAX;
    mp_obj_t all = dict_of(&statistics, fields, MP_ARRAY_SIZE(fields) - !space_known);
    mp_obj_dict_store(all, MP_OBJ_NEW_QSTR(MP_QSTR_operations),
        dict_of(&statistics, operations, MP_ARRAY_SIZE(operations)));
    mp_obj_dict_store(all, MP_OBJ_NEW_QSTR(MP_QSTR_format_version), MP_OBJ_NEW_SMALL_INT(MTDB_FORMAT_VERSION));
    return all;
}
MP_DEFINE_CONST_FUN_OBJ_1(mpdb_stats_obj, mpdb_stats);
