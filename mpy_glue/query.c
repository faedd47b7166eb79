// query and find: a dict of conditions, compiled by the engine, run over the encoded records.
#include <string.h>

#include "py/gc.h"
#include "py/runtime.h"

#include "document.h"

// A match costs more than a record that is passed over: so many end a step.
#define MATCHES_PER_STEP 8
// Bytes that most encoded queries fit in.
#define QUERY_AT_FIRST 64

// Into a heap block that lives as long as the scan.
static void encode_query(mpdb_scan_t *scan, mp_obj_t query) {
    mpdb_buffer_t buffer = { NULL, 0, false };
    mpdb_buffer_grow(&buffer, QUERY_AT_FIRST);
    mpdb_encoding_t e;
    e.self = NULL;
    e.value = query;
    e.limit = 0;
    e.is_record = false;
    e.node = MP_OBJ_NULL;
    mpdb_encode(&e, &buffer);
    scan->query.encoded = buffer.bytes;
    scan->query.encoded_len = e.out.len;
}

static mpdb_scan_t *new_query(mpdb_handle_t *handle, mp_obj_t query, bool keys) {
    if (!mp_obj_is_obj(query) || !mp_obj_is_subclass_fast(MP_OBJ_FROM_PTR(mp_obj_get_type(query)), MP_OBJ_FROM_PTR(&mp_type_dict))) {
        mpdb_raise_type(MP_ERROR_TEXT("a query must be a dict, not %s"), query);
    }
    mpdb_scan_t *scan = mpdb_scan_new(handle, keys ? MPDB_SCAN_ITEMS : MPDB_SCAN_VALUES);
    scan->is_query = true;
    encode_query(scan, query);
    size_t terms = 0;
    mtdb_query_problem_t problem;
    int32_t status = mtdb_query_check(scan->query.encoded, scan->query.encoded_len, &terms, &problem);
    if (status == MTDB_BAD_QUERY) {
        mpdb_raise_query_problem(&problem);
    }
    mpdb_check_status(handle->db, status);
    scan->query.terms = m_new0(mtdb_term_t, terms + 1);
    scan->query.term_count = terms;
    mpdb_guard_t guard;
    mpdb_t *self = mpdb_enter(handle, &guard);
    MPDB_CALL(self, status, mtdb_query_compile(&self->engine, &scan->query));
    mpdb_check_status(self, status);
    mtdb_count_query(&self->engine);
    mpdb_leave(&guard);
    return scan;
}

mpdb_scan_t *mpdb_query_begin(size_t n_args, const mp_obj_t *args, mp_map_t *kw) {
    enum { ARG_q, ARG_keys };
    static const mp_arg_t allowed[] = {
        { MP_QSTR_q, MP_ARG_REQUIRED | MP_ARG_OBJ, { .u_rom_obj = MP_ROM_NONE } },
        { MP_QSTR_keys, MP_ARG_BOOL, { .u_bool = false } },
    };
    mp_arg_val_t values[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args - 1, args + 1, kw, MP_ARRAY_SIZE(allowed), allowed, values);
    return new_query(MP_OBJ_TO_PTR(args[0]), values[ARG_q].u_obj, values[ARG_keys].u_bool);
}

bool mpdb_query_step(mpdb_scan_t *scan, mp_obj_t results) {
    mpdb_guard_t guard;
    mpdb_enter(scan->handle, &guard);
    size_t matches = 0;
    int32_t status;
    do {
        status = mpdb_scan_step(scan);
        if (status == MTDB_OK) {
            mp_obj_list_append(results, mpdb_scan_object(scan));
        }
    } while (status == MTDB_OK && ++matches < MATCHES_PER_STEP);
    mpdb_leave(&guard);
    return status != MTDB_ABSENT;
}

/// def query(self, q: dict, keys=False) -> list
static mp_obj_t mpdb_query(size_t n_args, const mp_obj_t *args, mp_map_t *kw) {
    mpdb_scan_t *scan = mpdb_query_begin(n_args, args, kw);
    mp_obj_t results = mp_obj_new_list(0, NULL);
    while (mpdb_query_step(scan, results)) {
        // EXCEPTION: KeyboardInterrupt; nothing was written.
        mpdb_between_steps();
    }
    mpdb_buffer_free(&scan->body);
    m_del(uint8_t, (uint8_t *)scan->query.encoded, gc_nbytes(scan->query.encoded));
    m_del(mtdb_term_t, scan->query.terms, scan->query.term_count + 1);
    m_del_obj(mpdb_scan_t, scan);
    return results;
}
MP_DEFINE_CONST_FUN_OBJ_KW(mpdb_query_obj, 1, mpdb_query);

/// def find(self, q: dict, keys=False) -> Iterator
static mp_obj_t mpdb_find(size_t n_args, const mp_obj_t *args, mp_map_t *kw) {
    return MP_OBJ_FROM_PTR(mpdb_query_begin(n_args, args, kw));
}
MP_DEFINE_CONST_FUN_OBJ_KW(mpdb_find_obj, 1, mpdb_find);
