// Walks over the records in key order: what iteration, keys(), values(), items() and find() give.
#include "py/gc.h"
#include "py/objstr.h"
#include "py/objtuple.h"
#include "py/runtime.h"

#include "document.h"

// A body that is larger than this makes its buffer grow.
#define BODY_AT_FIRST 128

static mp_obj_t scan_iternext(mp_obj_t self_in);

static MP_DEFINE_CONST_OBJ_TYPE(
    mpdb_type_scan, MP_QSTR_iterator, MP_TYPE_FLAG_ITER_IS_ITERNEXT,
    iter, scan_iternext
    );

mpdb_scan_t *mpdb_scan_new(mpdb_handle_t *handle, mpdb_scan_kind_t kind) {
    mpdb_scan_t *scan = mp_obj_malloc(mpdb_scan_t, &mpdb_type_scan);
    scan->handle = handle;
    scan->kind = kind;
    scan->is_query = false;
    scan->query.encoded = NULL;
    scan->query.terms = NULL;
    scan->body.bytes = NULL;
    scan->body.size = 0;
    scan->body.on_heap = false;
    if (kind != MPDB_SCAN_KEYS) {
        mpdb_buffer_grow(&scan->body, BODY_AT_FIRST);
    }
    mtdb_cursor_start(&scan->cursor);
    return scan;
}

static int32_t advance(mpdb_scan_t *scan, uint64_t now) {
    mpdb_t *self = scan->handle->db;
    int32_t status;
    uint8_t *body = scan->body.bytes;
    size_t size = scan->body.size;
    if (scan->is_query) {
        MPDB_CALL(self, status, mtdb_query_next(&self->engine, &scan->query, &scan->cursor, now, MPDB_STEP, scan->key,
            body, size, &scan->found));
    } else {
        MPDB_CALL(self, status, mtdb_cursor_next(&self->engine, &scan->cursor, now, scan->key, body, size, &scan->found));
    }
    return status;
}

int32_t mpdb_scan_step(mpdb_scan_t *scan) {
    mpdb_t *self = scan->handle->db;
    uint64_t now = mpdb_now_for_lookup(self);
    int32_t status = advance(scan, now);
    while (status == MTDB_NO_ROOM) {
        mpdb_buffer_grow(&scan->body, MAX(scan->found.body_len, 2 * scan->body.size));
        status = advance(scan, now);
    }
    mpdb_check_status(self, status);
    return status;
}

mp_obj_t mpdb_scan_object(mpdb_scan_t *scan) {
    mp_obj_t key = MP_OBJ_NULL;
    if (scan->kind != MPDB_SCAN_VALUES) {
        key = mp_obj_new_str_copy(&mp_type_str, scan->key, scan->found.key_len);
        if (scan->kind == MPDB_SCAN_KEYS) {
            return key;
        }
    }
    mp_obj_t value = mpdb_decode(scan->handle->db, scan->body.bytes, &scan->found, NULL);
    if (scan->kind == MPDB_SCAN_VALUES) {
        return value;
    }
    mp_obj_t pair[2] = { key, value };
    return mp_obj_new_tuple(2, pair);
}

static mp_obj_t scan_iternext(mp_obj_t self_in) {
    mpdb_scan_t *scan = MP_OBJ_TO_PTR(self_in);
    mpdb_handle_t *handle;
    while ((handle = scan->handle) != NULL) {
        mpdb_guard_t guard;
        mpdb_enter(handle, &guard);
        // Another thread that has the same scan may have come to its end meanwhile.
        int32_t status = scan->handle == NULL ? MTDB_ABSENT : mpdb_scan_step(scan);
        mp_obj_t object = status == MTDB_OK ? mpdb_scan_object(scan) : MP_OBJ_STOP_ITERATION;
        if (status == MTDB_ABSENT) {
            scan->handle = NULL;
            mpdb_buffer_free(&scan->body);
        }
        mpdb_leave(&guard);
        if (status != MTDB_MORE) {
            return object;
        }
        // EXCEPTION: KeyboardInterrupt; the scan goes on from here when it is asked again.
        mpdb_between_steps();
    }
    return MP_OBJ_STOP_ITERATION;
}

// ---- the mapping's views -----------------------------------------------------------------------------

static mp_obj_t new_view(mp_obj_t self_in, mpdb_scan_kind_t kind) {
    mpdb_handle_t *handle = MP_OBJ_TO_PTR(self_in);
    // Only to say at once, not at the first record, that the database is closed.
    mpdb_guard_t guard;
    mpdb_enter(handle, &guard);
    mpdb_leave(&guard);
    return MP_OBJ_FROM_PTR(mpdb_scan_new(handle, kind));
}

/// def keys(self) -> Iterator[str]
static mp_obj_t mpdb_keys(mp_obj_t self_in) {
    return new_view(self_in, MPDB_SCAN_KEYS);
}
MP_DEFINE_CONST_FUN_OBJ_1(mpdb_keys_obj, mpdb_keys);

/// def values(self) -> Iterator
static mp_obj_t mpdb_values(mp_obj_t self_in) {
    return new_view(self_in, MPDB_SCAN_VALUES);
}
MP_DEFINE_CONST_FUN_OBJ_1(mpdb_values_obj, mpdb_values);

/// def items(self) -> Iterator[tuple]
static mp_obj_t mpdb_items(mp_obj_t self_in) {
    return new_view(self_in, MPDB_SCAN_ITEMS);
}
MP_DEFINE_CONST_FUN_OBJ_1(mpdb_items_obj, mpdb_items);

mp_obj_t mpdb_getiter(mp_obj_t self_in, mp_obj_iter_buf_t *iter_buf) {
    (void)iter_buf;
    return new_view(self_in, MPDB_SCAN_KEYS);
}
