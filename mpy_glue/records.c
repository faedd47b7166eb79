// put, get, delete and tags: one record at a time.
#include "py/objstr.h"
#include "py/runtime.h"

#include "document.h"

// Longest TTL in seconds, some three hundred years: what is longer is a mistake.
#define TTL_LONGEST 10000000000

const uint8_t *mpdb_key_bytes(mp_obj_t key, size_t *len) {
    if (!mpdb_is_str(key)) {
        mpdb_raise_type(MP_ERROR_TEXT("a key must be a str, not %s"), key);
    }
    GET_STR_DATA_LEN(key, bytes, key_len);
    *len = key_len;
    return bytes;
}

uint64_t mpdb_ttl(mp_obj_t ttl) {
    if (ttl == mp_const_none) {
        return 0;
    }
    if (mp_obj_is_small_int(ttl)) {
        int64_t seconds = MP_OBJ_SMALL_INT_VALUE(ttl);
        if (seconds >= 0 && seconds <= TTL_LONGEST) {
            return (uint64_t)seconds * 1000;
        }
    } else if (mp_obj_is_float(ttl) || mp_obj_is_int(ttl)) {
        mp_float_t seconds = mp_obj_get_float(ttl);
        // NaN fails both comparisons.
        if (seconds >= 0 && seconds <= (mp_float_t)TTL_LONGEST) {
            // Rounded up, so that no positive TTL becomes 0, which is for ever.
            mp_float_t milliseconds = seconds * 1000;
            uint64_t whole = (uint64_t)milliseconds;
            return (mp_float_t)whole < milliseconds ? whole + 1 : whole;
        }
    } else {
        mpdb_raise_type(MP_ERROR_TEXT("a ttl must be an int, a float or None, not %s"), ttl);
    }
    mp_raise_ValueError(MP_ERROR_TEXT("a ttl must be 0 (for ever) to 10000000000 seconds"));
}

// ---- put ----------------------------------------------------------------------------------------------

bool mpdb_encoded(const mpdb_encoding_t *e, mtdb_record_t *record) {
    record->body = e->out.buf;
    record->body_len = e->out.len;
    record->tag_count = e->tag_count;
    return e->out.literals != 0;
}

int32_t mpdb_write(mpdb_guard_t *guard, mtdb_record_t *record, bool new_names, uint64_t *fingerprint) {
    mpdb_t *self = guard->self;
    // Names that are new get their numbers in the same savepoint, so that a failure takes them back.
    bool own_savepoint = new_names && !guard->undo;
    int32_t status;
    if (own_savepoint) {
        MPDB_CALL(self, status, mtdb_begin(&self->engine));
        if (status != MTDB_OK) {
            return status;
        }
    }
    if (new_names) {
        MPDB_CALL(self, status, mtdb_intern_names(&self->engine, (uint8_t *)record->body, &record->body_len,
            record->tag_count));
        if (status != MTDB_OK) {
            goto end;
        }
    }
    mpdb_compress(self, record);
    if (fingerprint == NULL) {
        MPDB_CALL(self, status, mtdb_put(&self->engine, record));
    } else {
        uint64_t now = mpdb_now_for_lookup(self);
        MPDB_CALL(self, status, mtdb_update(&self->engine, record, *fingerprint, now));
        if (status == MTDB_OK) {
            *fingerprint = record->stored != NULL ? mtdb_fingerprint(record->stored, record->stored_len)
                : mtdb_fingerprint(record->body, record->body_len);
        }
    }
    mpdb_compress_end(record);
    if (own_savepoint && status == MTDB_OK) {
        MPDB_CALL(self, status, mtdb_commit(&self->engine));
    }
end:
    if (own_savepoint && status != MTDB_OK) {
        mtdb_rollback(&self->engine);
    }
    return status;
}

// Its own function, so that what encoding takes of the C stack is given back before the engine writes.
static MP_NOINLINE bool encode(mpdb_t *self, const mpdb_put_t *put, mpdb_buffer_t *buffer, mtdb_record_t *record) {
    mpdb_encoding_t e;
    e.self = self;
    e.value = put->value;
    e.limit = self->max_value;
    e.is_record = true;
    e.tags = put->tags;
    e.node = MP_OBJ_NULL;
    mpdb_encode(&e, buffer);
    return mpdb_encoded(&e, record);
}

int32_t mpdb_store(mpdb_guard_t *guard, const mpdb_put_t *put) {
    mpdb_t *self = guard->self;
    mpdb_buffer_t buffer = mpdb_scratch(self);
    mtdb_record_t record;
    record.key = put->key;
    record.key_len = put->key_len;
    record.expires = put->ttl == 0 ? MTDB_FOREVER : mpdb_now(self) + put->ttl;
    int32_t status;
    do {
        bool new_names = encode(self, put, &buffer, &record);
        status = mpdb_write(guard, &record, new_names, NULL);
    } while (status != MTDB_OK && mpdb_make_room(self, status));
    mpdb_buffer_free(&buffer);
    if (status != MTDB_OK && !(guard->undo && (status == MTDB_FULL || status == MPDB_NO_HEAP))) {
        mpdb_raise_status(self, status);
    }
    return status;
}

// One record, from outside the guard; with key MP_OBJ_NULL under a generated key. Returns the key.
static mp_obj_t put_one(mpdb_handle_t *handle, mp_obj_t key, mp_obj_t value, mp_obj_t ttl, mp_obj_t tags) {
    mpdb_put_t put;
    put.value = value;
    put.tags = tags;
    put.ttl = mpdb_ttl(ttl);
    if (key != MP_OBJ_NULL) {
        put.key = mpdb_key_bytes(key, &put.key_len);
    }
    mpdb_guard_t guard;
    mpdb_t *self = mpdb_enter(handle, &guard);
    mpdb_begin_write(&guard);
    uint8_t generated[MTDB_GENERATED_KEY_BYTES];
    if (key == MP_OBJ_NULL) {
        int32_t status;
        MPDB_CALL(self, status, mtdb_next_key(&self->engine, generated));
        mpdb_check_status(self, status);
        put.key = generated;
        put.key_len = sizeof(generated);
        // Made before the record, so that no record is there whose key nobody gets to know.
        key = mp_obj_new_str_copy(&mp_type_str, generated, sizeof(generated));
    }
    mpdb_end_write(&guard, mpdb_store(&guard, &put), 1);
    mpdb_leave(&guard);
    return key;
}

/// def put(self, data, ttl=None, tags=None, _id=None) -> str
/// def put(self, key: str, data, ttl=None, tags=None) -> str
static mp_obj_t mpdb_put(size_t n_args, const mp_obj_t *args, mp_map_t *kw) {
    // self, key, data, ttl, tags
    mp_obj_t slots[5] = { args[0], MP_OBJ_NULL, MP_OBJ_NULL, MP_OBJ_NULL, MP_OBJ_NULL };
    bool data_named = kw->used != 0
        && mp_map_lookup(kw, MP_OBJ_NEW_QSTR(MP_QSTR_data), MP_MAP_LOOKUP) != NULL;
    bool key_first = (n_args >= 3 || data_named) && n_args >= 2 && mpdb_is_str(args[1]);
    size_t first = key_first ? 1 : 2;
    // data, ttl, tags and _id, or key, data, ttl and tags.
    size_t most = 4;
    if (n_args - 1 > most) {
        mp_raise_TypeError(MP_ERROR_TEXT("put takes (data, ttl, tags, _id) or (key, data, ttl, tags)"));
    }
    for (size_t i = 1; i < n_args; i++) {
        // The first form's _id stands last and is the key.
        size_t slot = first + i - 1;
        slots[slot == 5 ? 1 : slot] = args[i];
    }
    for (size_t i = 0; i < kw->alloc; i++) {
        if (!mp_map_slot_is_filled(kw, i)) {
            continue;
        }
        static const uint16_t names[] = { MP_QSTR__id, MP_QSTR_key, MP_QSTR_data, MP_QSTR_ttl, MP_QSTR_tags };
        qstr name = mp_obj_str_get_qstr(kw->table[i].key);
        size_t slot = 0;
        while (slot < MP_ARRAY_SIZE(names) && names[slot] != name) {
            slot++;
        }
        if (slot == MP_ARRAY_SIZE(names) || (slot == 0 && key_first)) {
            mp_raise_msg_varg(&mp_type_TypeError, MP_ERROR_TEXT("put has no argument '%q' here"), name);
        }
        slot = MAX(slot, 1);
        if (slots[slot] != MP_OBJ_NULL) {
            mp_raise_msg_varg(&mp_type_TypeError, MP_ERROR_TEXT("put got '%q' twice"), name);
        }
        slots[slot] = kw->table[i].value;
    }
    if (slots[2] == MP_OBJ_NULL) {
        mp_raise_TypeError(MP_ERROR_TEXT("put needs data"));
    }
    for (size_t i = 3; i < 5; i++) {
        if (slots[i] == MP_OBJ_NULL) {
            slots[i] = mp_const_none;
        }
    }
    // _id=None asks for a generated key.
    if (slots[1] == mp_const_none && !key_first) {
        slots[1] = MP_OBJ_NULL;
    }
    return put_one(MP_OBJ_TO_PTR(slots[0]), slots[1], slots[2], slots[3], slots[4]);
}
MP_DEFINE_CONST_FUN_OBJ_KW(mpdb_put_obj, 1, mpdb_put);

// ---- get, tags, delete -----------------------------------------------------------------------------------

// Reads a record's body into the buffer. Inside the guard.
bool mpdb_read_body(mpdb_t *self, mp_obj_t key, mpdb_buffer_t *buffer, mtdb_found_t *found) {
    size_t len;
    const uint8_t *bytes = mpdb_key_bytes(key, &len);
    uint64_t now = mpdb_now_for_lookup(self);
    int32_t status;
    MPDB_CALL(self, status, mtdb_get(&self->engine, bytes, len, now, buffer->bytes, buffer->size, found));
    while (status == MTDB_NO_ROOM) {
        mpdb_buffer_grow(buffer, found->body_len);
        MPDB_CALL(self, status, mtdb_get(&self->engine, bytes, len, now, buffer->bytes, buffer->size, found));
    }
    mpdb_check_status(self, status);
    return status == MTDB_OK;
}

mp_obj_t mpdb_fetch(mpdb_handle_t *handle, mp_obj_t key, bool live) {
    mpdb_root_t *root = NULL;
    if (live) {
        root = m_new_obj(mpdb_root_t);
        root->handle = handle;
        root->key = key;
        root->on_change = MP_OBJ_NULL;
    }
    mtdb_found_t found;
    mp_obj_t value = MP_OBJ_NULL;
    mpdb_guard_t guard;
    mpdb_t *self = mpdb_enter(handle, &guard);
    mpdb_buffer_t buffer = mpdb_scratch(self);
    if (mpdb_read_body(self, key, &buffer, &found)) {
        value = mpdb_decode(self, buffer.bytes, &found, root);
        if (root != NULL) {
            root->top = value;
            root->tags = found.tag_count == 0 ? mp_const_none : mpdb_decode_tags(self, buffer.bytes, &found);
            root->fingerprint = found.fingerprint != 0 ? found.fingerprint : mtdb_fingerprint(buffer.bytes, found.body_len);
        }
    }
    mpdb_leave(&guard);
    mpdb_buffer_free(&buffer);
    return value;
}

/// def get(self, key: str)
static mp_obj_t mpdb_get(mp_obj_t self_in, mp_obj_t key) {
    mp_obj_t value = mpdb_fetch(MP_OBJ_TO_PTR(self_in), key, false);
    return value == MP_OBJ_NULL ? mp_const_none : value;
}
MP_DEFINE_CONST_FUN_OBJ_2(mpdb_get_obj, mpdb_get);

/// def tags(self, key: str) -> list, empty where there is no such record
static mp_obj_t mpdb_tags(mp_obj_t self_in, mp_obj_t key) {
    mtdb_found_t found;
    mpdb_guard_t guard;
    mpdb_t *self = mpdb_enter(MP_OBJ_TO_PTR(self_in), &guard);
    mpdb_buffer_t buffer = mpdb_scratch(self);
    if (!mpdb_read_body(self, key, &buffer, &found)) {
        found.tag_count = 0;
    }
    mp_obj_t tags = mpdb_decode_tags(self, buffer.bytes, &found);
    mpdb_leave(&guard);
    mpdb_buffer_free(&buffer);
    return tags;
}
MP_DEFINE_CONST_FUN_OBJ_2(mpdb_tags_obj, mpdb_tags);

bool mpdb_delete_one(mpdb_handle_t *handle, mp_obj_t key) {
    size_t len;
    const uint8_t *bytes = mpdb_key_bytes(key, &len);
    mpdb_guard_t guard;
    mpdb_t *self = mpdb_enter(handle, &guard);
    mpdb_begin_write(&guard);
    uint64_t now = mpdb_now_for_lookup(self);
    int32_t status;
    MPDB_CALL(self, status, mtdb_delete(&self->engine, bytes, len, now));
    mpdb_end_write(&guard, status, status == MTDB_OK);
    mpdb_leave(&guard);
    return status == MTDB_OK;
}

static uint32_t purge(mpdb_handle_t *handle) {
    uint32_t removed = 0;
    mpdb_guard_t guard;
    mpdb_t *self = mpdb_enter(handle, &guard);
    mpdb_begin_write(&guard);
    uint64_t now = mpdb_now_for_lookup(self);
    int32_t status;
    MPDB_CALL(self, status, mtdb_purge(&self->engine, now, &removed));
    mpdb_end_write(&guard, status, removed);
    mpdb_leave(&guard);
    return removed;
}

/// def delete(self, key=None, purge=False) -> int
static mp_obj_t mpdb_delete(size_t n_args, const mp_obj_t *args, mp_map_t *kw) {
    mpdb_handle_t *handle = MP_OBJ_TO_PTR(args[0]);
    if (n_args == 2 && kw->used == 0 && args[1] != mp_const_none) {
        return MP_OBJ_NEW_SMALL_INT(mpdb_delete_one(handle, args[1]));
    }
    enum { ARG_key, ARG_purge };
    static const mp_arg_t allowed[] = {
        { MP_QSTR_key, MP_ARG_OBJ, { .u_rom_obj = MP_ROM_NONE } },
        { MP_QSTR_purge, MP_ARG_BOOL, { .u_bool = false } },
    };
    mp_arg_val_t values[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args - 1, args + 1, kw, MP_ARRAY_SIZE(allowed), allowed, values);
    mp_obj_t key = values[ARG_key].u_obj;
    if ((key != mp_const_none) == values[ARG_purge].u_bool) {
        mp_raise_ValueError(MP_ERROR_TEXT("delete takes a key, or purge=True to delete everything: one of the two"));
    }
    if (key != mp_const_none) {
        return MP_OBJ_NEW_SMALL_INT(mpdb_delete_one(handle, key));
    }
    return mp_obj_new_int_from_uint(purge(handle));
}
MP_DEFINE_CONST_FUN_OBJ_KW(mpdb_delete_obj, 1, mpdb_delete);
