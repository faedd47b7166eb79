// From encoded documents to Python values: one walk with a stack of its own.
#include <string.h>

#include "py/objint.h"
#include "py/objlist.h"
#include "py/objstr.h"
#include "py/runtime.h"
#include "py/smallint.h"

#include "document.h"

// A container that is being filled. Deeper ones lie on the heap: the C stack of a board is short.
#define LEVELS_ON_STACK 6
typedef struct {
    mp_obj_t container;
    uint16_t left;     // items still to come
    uint16_t is_dict;
} level_t;

static mp_obj_t new_int(int64_t number) {
    if ((mp_int_t)number == number && MP_SMALL_INT_FITS((mp_int_t)number)) {
        return MP_OBJ_NEW_SMALL_INT((mp_int_t)number);
    }
    return mp_obj_new_int_from_ll(number);
}

static mp_obj_t new_bigint(const mtdb_item_t *item) {
    #if MICROPY_LONGINT_IMPL == MICROPY_LONGINT_IMPL_MPZ
    mp_obj_t number = mp_obj_int_from_bytes_impl(true, item->len, item->bytes);
    // Ours alone so far, so that it can still be changed.
    ((mp_obj_int_t *)MP_OBJ_TO_PTR(number))->mpz.neg = item->integer != 0;
    return number;
    #else
    mp_raise_msg(&mp_type_OverflowError, MP_ERROR_TEXT("the record holds an int too large for this machine"));
    #endif
}

static mp_obj_t new_str(const uint8_t *text, size_t len) {
    if (len == 0) {
        return MP_OBJ_NEW_QSTR(MP_QSTR_);
    }
    // Not looked for among the interned strings: that takes longer than all the rest.
    return mp_obj_new_str_copy(&mp_type_str, text, len);
}

static mp_obj_t new_scalar(mpdb_t *self, const mtdb_item_t *item) {
    switch (item->kind) {
        case MTDB_NONE:
            return mp_const_none;
        case MTDB_BOOL:
            return mp_obj_new_bool(item->integer != 0);
        case MTDB_INT:
            return new_int(item->integer);
        case MTDB_BIGINT:
            return new_bigint(item);
        case MTDB_FLOAT:
            return mp_obj_new_float((mp_float_t)item->real);
        case MTDB_STR:
            return new_str(item->bytes, item->len);
        case MTDB_BYTES:
            return mp_obj_new_bytes(item->bytes, item->len);
        default:
            mpdb_raise_status(self, MTDB_CORRUPT);
    }
}

static mp_obj_t new_container(mpdb_root_t *root, bool is_dict, size_t items, size_t more) {
    if (root != NULL) {
        return is_dict ? mpdb_new_live_dict(root, items + more) : mpdb_new_live_list(root, items);
    }
    return is_dict ? mp_obj_new_dict(items + more) : mp_obj_new_list(items, NULL);
}

static mp_obj_t read_name(mpdb_t *self, mtdb_reader_t *reader) {
    mtdb_name_t name;
    mpdb_check_status(self, mtdb_read_name(reader, &name));
    if (name.number != 0) {
        return mpdb_names_text(self, name.number);
    }
    return mp_obj_new_str((const char *)name.text, name.len);
}

static mp_obj_t read_tags(mpdb_t *self, mtdb_reader_t *reader, size_t count, mpdb_root_t *root) {
    mp_obj_t tags = new_container(root, false, count, 0);
    mp_obj_list_t *list = MP_OBJ_TO_PTR(tags);
    for (size_t i = 0; i < count; i++) {
        list->items[i] = mp_const_none;
    }
    for (size_t i = 0; i < count; i++) {
        list->items[i] = read_name(self, reader);
    }
    return tags;
}

static void insert(level_t *level, mp_obj_t name, mp_obj_t value) {
    if (level->is_dict) {
        mp_obj_dict_store(level->container, name, value);
    } else {
        mp_obj_list_t *list = MP_OBJ_TO_PTR(level->container);
        list->items[list->len - level->left] = value;
    }
}

static mp_obj_t read_value(mpdb_t *self, mtdb_reader_t *reader, mp_obj_t tags, mpdb_root_t *root) {
    level_t first[LEVELS_ON_STACK];
    level_t *levels = first;
    size_t depth = 0;
    mp_obj_t result = MP_OBJ_NULL;
    mp_obj_t name = MP_OBJ_NULL;
    for (;;) {
        mtdb_item_t item;
        mpdb_check_status(self, mtdb_read(reader, &item));
        mp_obj_t value;
        bool is_dict = item.kind == MTDB_DICT;
        bool is_container = is_dict || item.kind == MTDB_LIST;
        if (is_container) {
            if (depth == MTDB_MAX_DEPTH || item.len > UINT16_MAX) {
                mpdb_raise_status(self, MTDB_CORRUPT);
            }
            bool tagged = depth == 0 && is_dict && tags != MP_OBJ_NULL;
            value = new_container(root, is_dict, item.len, tagged);
            if (tagged) {
                mp_obj_dict_store(value, MP_OBJ_NEW_QSTR(MP_QSTR__tags), tags);
            }
        } else {
            value = new_scalar(self, &item);
        }
        if (depth == 0) {
            result = value;
        } else {
            insert(&levels[depth - 1], name, value);
            levels[depth - 1].left--;
        }
        if (is_container) {
            if (depth == LEVELS_ON_STACK && levels == first) {
                levels = memcpy(m_new(level_t, MTDB_MAX_DEPTH), first, sizeof(first));
            }
            levels[depth++] = (level_t) { value, item.len, is_dict };
        }
        while (depth != 0 && levels[depth - 1].left == 0) {
            depth--;
        }
        if (depth == 0) {
            return result;
        }
        if (levels[depth - 1].is_dict) {
            name = read_name(self, reader);
        }
    }
}

mp_obj_t mpdb_decode(mpdb_t *self, const uint8_t *body, const mtdb_found_t *found, mpdb_root_t *root) {
    mpdb_names_refresh(self);
    mtdb_reader_t reader = { body, found->body_len, 0 };
    mp_obj_t tags = MP_OBJ_NULL;
    if (found->tag_count != 0) {
        tags = read_tags(self, &reader, found->tag_count, root);
    }
    return read_value(self, &reader, tags, root);
}

mp_obj_t mpdb_decode_tags(mpdb_t *self, const uint8_t *body, const mtdb_found_t *found) {
    mpdb_names_refresh(self);
    mtdb_reader_t reader = { body, found->body_len, 0 };
    return read_tags(self, &reader, found->tag_count, NULL);
}
