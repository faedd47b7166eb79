// put_batch and delete_batch: many records in one savepoint, all or nothing.
#include "py/objlist.h"
#include "py/objstr.h"
#include "py/objtuple.h"
#include "py/runtime.h"

#include "document.h"

// The items of a list or tuple. Asked for again for each, since callbacks run between the steps.
static void sequence(mp_obj_t items, size_t *len, mp_obj_t **array) {
    if (mp_obj_is_type(items, &mp_type_tuple)) {
        mp_obj_tuple_get(items, len, array);
    } else {
        mp_obj_list_get(items, len, array);
    }
}

static size_t length(mp_obj_t items) {
    size_t len;
    mp_obj_t *array;
    sequence(items, &len, &array);
    return len;
}

static mp_obj_t item_at(mp_obj_t items, size_t index) {
    size_t len;
    mp_obj_t *array;
    sequence(items, &len, &array);
    if (index >= len) {
        mp_raise_msg(&mp_type_RuntimeError, MP_ERROR_TEXT("a batch was changed while it was worked on"));
    }
    return array[index];
}

static bool is_sequence(mp_obj_t items) {
    return mpdb_is_list(items) || mp_obj_is_type(items, &mp_type_tuple);
}

// An iterable is run through before anything is done: what it runs may use this same database.
static mp_obj_t as_sequence(mp_obj_t items) {
    return is_sequence(items) ? items : mp_obj_list_make_new(&mp_type_list, 1, 0, &items);
}

// Callbacks run here with the savepoint open: to them the database is busy.
static void between_steps(size_t done) {
    if (done % MPDB_STEP == MPDB_STEP - 1) {
        // EXCEPTION: KeyboardInterrupt; the guard rolls the batch back.
        mpdb_between_steps();
    }
}

static int32_t commit(mpdb_guard_t *guard, uint32_t writes) {
    mpdb_t *self = guard->self;
    int32_t status = mpdb_commit(self, writes, false);
    if (status == MTDB_OK) {
        guard->undo = false;
        mtdb_count_batch(&self->engine, writes);
        mpdb_after_write(self, writes);
    }
    return status;
}

// ---- put_batch ------------------------------------------------------------------------------------------

static int32_t put_item(mpdb_guard_t *guard, mp_obj_t value, mp_obj_t ttl, mp_obj_t *key) {
    mpdb_t *self = guard->self;
    uint8_t generated[MTDB_GENERATED_KEY_BYTES];
    int32_t status;
    MPDB_CALL(self, status, mtdb_next_key(&self->engine, generated));
    if (status != MTDB_OK) {
        return status;
    }
    *key = mp_obj_new_str_copy(&mp_type_str, generated, sizeof(generated));
    mpdb_put_t put = { generated, sizeof(generated), value, mp_const_none, mpdb_ttl(ttl) };
    return mpdb_store(guard, &put);
}

static int32_t put_items(mpdb_guard_t *guard, mp_obj_t items, mp_obj_t ttls, mp_obj_list_t *keys) {
    bool one_ttl = !is_sequence(ttls);
    for (size_t i = 0; i < keys->len; i++) {
        mp_obj_t ttl = one_ttl ? ttls : item_at(ttls, i);
        int32_t status = put_item(guard, item_at(items, i), ttl, &keys->items[i]);
        if (status != MTDB_OK) {
            return status;
        }
        between_steps(i);
    }
    return MTDB_OK;
}

static void check_ttls(mp_obj_t ttls, size_t count) {
    if (!is_sequence(ttls)) {
        mpdb_ttl(ttls);
        return;
    }
    if (length(ttls) != count) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("put_batch got %u ttls for %u items"),
            (unsigned int)length(ttls), (unsigned int)count);
    }
    for (size_t i = 0; i < count; i++) {
        mpdb_ttl(item_at(ttls, i));
    }
}

/// def put_batch(self, items, ttls=None) -> list
static mp_obj_t mpdb_put_batch(size_t n_args, const mp_obj_t *args, mp_map_t *kw) {
    enum { ARG_items, ARG_ttls };
    static const mp_arg_t allowed[] = {
        { MP_QSTR_items, MP_ARG_REQUIRED | MP_ARG_OBJ, { .u_rom_obj = MP_ROM_NONE } },
        { MP_QSTR_ttls, MP_ARG_OBJ, { .u_rom_obj = MP_ROM_NONE } },
    };
    mp_arg_val_t values[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args - 1, args + 1, kw, MP_ARRAY_SIZE(allowed), allowed, values);
    mpdb_handle_t *handle = MP_OBJ_TO_PTR(args[0]);
    mp_obj_t items = values[ARG_items].u_obj;
    mp_obj_t ttls = values[ARG_ttls].u_obj;
    // Both are iterable, but a batch of names or letters is not what was meant.
    if (mpdb_is_dict(items) || mpdb_is_str(items)) {
        mpdb_raise_type(MP_ERROR_TEXT("put_batch takes a list of values, not %s"), items);
    }
    items = as_sequence(items);
    size_t count = length(items);
    check_ttls(ttls, count);
    mp_obj_t keys = mp_obj_new_list(count, NULL);
    mp_obj_list_t *list = MP_OBJ_TO_PTR(keys);
    for (size_t i = 0; i < count; i++) {
        list->items[i] = mp_const_none;
    }
    for (bool retried = false;; retried = true) {
        mpdb_guard_t guard;
        mpdb_t *self = mpdb_enter(handle, &guard);
        int32_t status = mpdb_begin(&guard);
        if (status == MTDB_OK) {
            status = put_items(&guard, items, ttls, list);
            if (status == MTDB_OK) {
                status = commit(&guard, count);
            }
            if (status != MTDB_OK) {
                mpdb_undo(&guard);
            }
        }
        if (status != MTDB_OK) {
            if (retried || !mpdb_make_room(self, status)) {
                mpdb_raise_status(self, status);
            }
            while (mpdb_make_room(self, status)) {
            }
        }
        mpdb_leave(&guard);
        if (status == MTDB_OK) {
            return keys;
        }
    }
}
MP_DEFINE_CONST_FUN_OBJ_KW(mpdb_put_batch_obj, 1, mpdb_put_batch);

// ---- delete_batch ---------------------------------------------------------------------------------------

static int32_t delete_item(mpdb_t *self, mp_obj_t key, uint64_t now, uint32_t *deleted) {
    size_t len;
    const uint8_t *bytes = mpdb_key_bytes(key, &len);
    int32_t status;
    MPDB_CALL(self, status, mtdb_delete(&self->engine, bytes, len, now));
    *deleted += status == MTDB_OK;
    return status == MTDB_ABSENT ? MTDB_OK : status;
}

static int32_t delete_items(mpdb_guard_t *guard, mp_obj_t keys, bool in_steps, uint32_t *deleted) {
    uint64_t now = mpdb_now_for_lookup(guard->self);
    int32_t status = MTDB_OK;
    size_t count = length(keys);
    for (size_t i = 0; i < count && status == MTDB_OK; i++) {
        status = delete_item(guard->self, item_at(keys, i), now, deleted);
        if (in_steps) {
            between_steps(i);
        }
    }
    return status;
}

// Where a savepoint finds no room single deletes still work, and cannot fail once the keys are known to be
// good: so nothing needs to be undone, as long as nobody interrupts.
static void delete_without_savepoint(mpdb_guard_t *guard, mp_obj_t keys, uint32_t *deleted) {
    mpdb_t *self = guard->self;
    size_t count = length(keys);
    for (size_t i = 0; i < count; i++) {
        size_t len;
        mpdb_key_bytes(item_at(keys, i), &len);
        if (len == 0 || len > mtdb_max_key(&self->engine)) {
            mpdb_raise_status(self, MTDB_BAD_KEY);
        }
    }
    mpdb_check_status(self, delete_items(guard, keys, false, deleted));
    mtdb_count_batch(&self->engine, *deleted);
    mpdb_after_write(self, *deleted);
}

/// def delete_batch(self, keys) -> int
static mp_obj_t mpdb_delete_batch(mp_obj_t self_in, mp_obj_t keys) {
    if (mpdb_is_str(keys)) {
        keys = mp_obj_new_list(1, &keys);
    }
    keys = as_sequence(keys);
    uint32_t deleted = 0;
    mpdb_guard_t guard;
    mpdb_t *self = mpdb_enter(MP_OBJ_TO_PTR(self_in), &guard);
    int32_t status = mpdb_begin(&guard);
    if (status == MTDB_OK) {
        status = delete_items(&guard, keys, true, &deleted);
        if (status == MTDB_OK) {
            status = commit(&guard, deleted);
        }
        if (status != MTDB_OK) {
            mpdb_undo(&guard);
        }
    }
    if ((status == MTDB_FULL || status == MPDB_NO_HEAP) && self->files == NULL && mtdb_transaction_depth(&self->engine) == 0) {
        deleted = 0;
        status = MTDB_OK;
        delete_without_savepoint(&guard, keys, &deleted);
    }
    mpdb_check_status(self, status);
    mpdb_leave(&guard);
    return MP_OBJ_NEW_SMALL_INT(deleted);
}
MP_DEFINE_CONST_FUN_OBJ_2(mpdb_delete_batch_obj, mpdb_delete_batch);
