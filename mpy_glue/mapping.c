// The database as a mapping: db[key], db[key] = value, del db[key], key in db.
#include "py/runtime.h"

#include "document.h"

static void store(mpdb_handle_t *handle, mp_obj_t key, mp_obj_t value) {
    mpdb_put_t put = { NULL, 0, value, mp_const_none, 0 };
    put.key = mpdb_key_bytes(key, &put.key_len);
    mpdb_guard_t guard;
    mpdb_enter(handle, &guard);
    mpdb_begin_write(&guard);
    mpdb_end_write(&guard, mpdb_store(&guard, &put), 1);
    mpdb_leave(&guard);
}

mp_obj_t mpdb_subscr(mp_obj_t self_in, mp_obj_t key, mp_obj_t value) {
    mpdb_handle_t *handle = MP_OBJ_TO_PTR(self_in);
    if (value == MP_OBJ_SENTINEL) {
        mp_obj_t found = mpdb_fetch(handle, key, true);
        if (found == MP_OBJ_NULL) {
            mp_raise_type_arg(&mp_type_KeyError, key);
        }
        return found;
    }
    if (value == MP_OBJ_NULL) {
        if (!mpdb_delete_one(handle, key)) {
            mp_raise_type_arg(&mp_type_KeyError, key);
        }
        return mp_const_none;
    }
    store(handle, key, value);
    return mp_const_none;
}

static bool contains(mpdb_handle_t *handle, mp_obj_t key) {
    size_t len;
    const uint8_t *bytes = mpdb_key_bytes(key, &len);
    mtdb_found_t found;
    mpdb_guard_t guard;
    mpdb_t *self = mpdb_enter(handle, &guard);
    uint64_t now = mpdb_now_for_lookup(self);
    int32_t status;
    MPDB_CALL(self, status, mtdb_get(&self->engine, bytes, len, now, NULL, 0, &found));
    // A str that cannot be a key is in no database; and no room is an answer too: there is a record.
    if (status != MTDB_NO_ROOM && status != MTDB_BAD_KEY) {
        mpdb_check_status(self, status);
    }
    mpdb_leave(&guard);
    return status == MTDB_OK || status == MTDB_NO_ROOM;
}

mp_obj_t mpdb_binary_op(mp_binary_op_t op, mp_obj_t self_in, mp_obj_t other) {
    if (op == MP_BINARY_OP_CONTAINS) {
        return mp_obj_new_bool(contains(MP_OBJ_TO_PTR(self_in), other));
    }
    return MP_OBJ_NULL;
}
