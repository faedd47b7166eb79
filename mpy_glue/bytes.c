// Bytes as values, for nadb: no value that put() takes. Only frozen Python calls these.
#include <string.h>

#include "py/objstr.h"
#include "py/runtime.h"

#include "document.h"

// Longest value; its item begins with its kind and its length.
#define MOST_BYTES 8192
#define ITEM_HEAD 8

static int32_t put_body(mpdb_guard_t *guard, mtdb_record_t *record) {
    int32_t status;
    do {
        status = mpdb_write(guard, record, false, NULL);
    } while (status != MTDB_OK && mpdb_make_room(guard->self, status));
    return status;
}

/// def _put_bytes(self, key: str | None, data, ttl=None) -> str: up to 8,192 bytes of anything with the buffer
/// protocol, under a generated key where key is None. Returns the key.
static mp_obj_t put_bytes(size_t n_args, const mp_obj_t *args) {
    mpdb_handle_t *handle = MP_OBJ_TO_PTR(args[0]);
    mp_obj_t key = args[1];
    mp_buffer_info_t data;
    mp_get_buffer_raise(args[2], &data, MP_BUFFER_READ);
    if (data.len > MOST_BYTES) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("a piece takes at most %u bytes, not %u"), MOST_BYTES,
            (unsigned int)data.len);
    }
    uint64_t ttl = mpdb_ttl(n_args > 3 ? args[3] : mp_const_none);
    mtdb_record_t record = { 0 };
    if (key != mp_const_none) {
        record.key = mpdb_key_bytes(key, &record.key_len);
    }
    mpdb_buffer_t buffer = { .on_heap = false };
    mpdb_buffer_grow(&buffer, data.len + ITEM_HEAD);
    mtdb_encoder_t out;
    mtdb_encoder_start(&out, buffer.bytes, buffer.size);
    int32_t status = mtdb_push_bytes(&out, data.buf, data.len);
    record.body = out.buf;
    record.body_len = out.len;
    uint8_t generated[MTDB_GENERATED_KEY_BYTES];
    mpdb_guard_t guard;
    mpdb_t *self = mpdb_enter(handle, &guard);
    mpdb_check_status(self, status);
    mpdb_begin_write(&guard);
    if (key == mp_const_none) {
        MPDB_CALL(self, status, mtdb_next_key(&self->engine, generated));
        mpdb_check_status(self, status);
        record.key = generated;
        record.key_len = sizeof(generated);
        key = mp_obj_new_str_copy(&mp_type_str, generated, sizeof(generated));
    }
    record.expires = ttl == 0 ? MTDB_FOREVER : mpdb_now(self) + ttl;
    mpdb_end_write(&guard, put_body(&guard, &record), 1);
    mpdb_leave(&guard);
    mpdb_buffer_free(&buffer);
    return key;
}
MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(mpdb_put_bytes_obj, 3, 4, put_bytes);

/// def _read_bytes(self, key: str, offset: int, buffer) -> int: fills the buffer with the value's bytes from there
/// on; how many that were, 0 where there is no such record or it ends there.
static mp_obj_t read_bytes(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    mpdb_handle_t *handle = MP_OBJ_TO_PTR(args[0]);
    mp_int_t offset = mp_obj_get_int(args[2]);
    mp_buffer_info_t to;
    mp_get_buffer_raise(args[3], &to, MP_BUFFER_WRITE);
    mtdb_found_t found;
    size_t count = 0;
    mpdb_guard_t guard;
    mpdb_t *self = mpdb_enter(handle, &guard);
    mpdb_buffer_t buffer = mpdb_scratch(self);
    if (mpdb_read_body(self, args[1], &buffer, &found)) {
        mtdb_reader_t reader = { buffer.bytes, found.body_len, 0 };
        mtdb_item_t item;
        mpdb_check_status(self, mtdb_read(&reader, &item));
        if (found.tag_count == 0 && item.kind == MTDB_BYTES && offset >= 0 && (size_t)offset < item.len) {
            count = MIN(item.len - offset, to.len);
            memcpy(to.buf, item.bytes + offset, count);
        }
    }
    mpdb_leave(&guard);
    mpdb_buffer_free(&buffer);
    return MP_OBJ_NEW_SMALL_INT(count);
}
MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(mpdb_read_bytes_obj, 4, 4, read_bytes);
