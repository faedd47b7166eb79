// From Python values to encoded documents: one walk with a stack of its own.
#include <math.h>
#include <string.h>

#include "py/objint.h"
#include "py/objlist.h"
#include "py/objstr.h"
#include "py/objtuple.h"
#include "py/objtype.h"
#include "py/runtime.h"

#include "awaitable.h"
#include "document.h"

// Longest text of a float that MicroPython writes, and the shortest ("0.0").
#define FLOAT_LONGEST 24
#define FLOAT_SHORTEST 3
// A size is said exactly up to here. What holds one list many times over can be endless as JSON.
#define COUNT_AT_MOST 0x100000

// A container that is being written.
enum { DICT, LIST, TUPLE };
// Deeper ones lie on the heap: the C stack of a board is short.
#define LEVELS_ON_STACK 6
typedef struct {
    const void *container;
    uint32_t next;     // slot of a dict's table, or index into a list or tuple
    uint16_t left;     // items still to come
    uint16_t kind;
} level_t;

mp_obj_t mpdb_native(mp_obj_t value) {
    value = mpdb_value(value);
    if (mp_obj_is_obj(value) && mp_obj_is_instance_type(((mp_obj_base_t *)MP_OBJ_TO_PTR(value))->type)) {
        static const mp_obj_type_t *const bases[] = { &mp_type_dict, &mp_type_list, &mp_type_tuple };
        for (size_t i = 0; i < MP_ARRAY_SIZE(bases); i++) {
            mp_obj_t base = mp_obj_cast_to_native_base(value, MP_OBJ_FROM_PTR(bases[i]));
            if (base != MP_OBJ_NULL) {
                return base;
            }
        }
    }
    return value;
}

bool mpdb_is_dict(mp_obj_t value) {
    return mp_obj_is_dict_or_ordereddict(value);
}

bool mpdb_is_str(mp_obj_t value) {
    return mp_obj_is_str(value);
}

bool mpdb_is_list(mp_obj_t value) {
    return mp_obj_is_type(value, &mp_type_list) || mp_obj_is_type(value, &mpdb_type_live_list);
}

mp_obj_t mpdb_member(mp_map_t *names, qstr name) {
    mp_map_elem_t *elem = mp_map_lookup(names, MP_OBJ_NEW_QSTR(name), MP_MAP_LOOKUP);
    return elem == NULL ? MP_OBJ_NULL : elem->value;
}

// ---- counting JSON exactly ----------------------------------------------------------------------------

static void count_text(void *data, const char *text, size_t len) {
    (void)text;
    *(size_t *)data += len;
}

// A str or int that is too long on its own need not be copied to find out.
static bool is_hopeless(const mpdb_encoding_t *e, size_t bytes) {
    return e->limit != 0 && bytes > e->limit;
}

#if MICROPY_LONGINT_IMPL == MICROPY_LONGINT_IMPL_MPZ
// Bytes that are enough for the magnitude.
static size_t bigint_size(const mpz_t *number) {
    return mpz_max_num_bits(number) / 8 + 1;
}
#endif

// MTDB_TOO_LONG where it is not counted to the end.
static int32_t count_json(mpdb_encoding_t *e, mp_obj_t scalar) {
    #if MICROPY_LONGINT_IMPL == MICROPY_LONGINT_IMPL_MPZ
    if (mp_obj_is_exact_type(scalar, &mp_type_int)) {
        size_t size = bigint_size(&((mp_obj_int_t *)MP_OBJ_TO_PTR(scalar))->mpz);
        if (is_hopeless(e, size)) {
            // Writing it takes a time that grows with the square of its length; a byte makes more than two digits.
            e->out.json_len += 2 * size;
            return MTDB_TOO_LONG;
        }
    }
    #endif
    mp_print_t print = { &e->out.json_len, count_text };
    mp_obj_print_helper(&print, scalar, PRINT_JSON);
    return MTDB_OK;
}

// ---- scalars ------------------------------------------------------------------------------------------

static int32_t push_bigint(mpdb_encoding_t *e, mp_obj_t value) {
    #if MICROPY_LONGINT_IMPL == MICROPY_LONGINT_IMPL_MPZ
    mpz_t magnitude = ((mp_obj_int_t *)MP_OBJ_TO_PTR(value))->mpz;
    bool negative = magnitude.neg;
    magnitude.neg = 0;
    size_t size = bigint_size(&magnitude);
    if (is_hopeless(e, size)) {
        return MTDB_TOO_LONG;
    }
    uint8_t small[32];
    uint8_t *bytes = size <= sizeof(small) ? small : m_new(uint8_t, size);
    mpz_as_bytes(&magnitude, true, false, size, bytes);
    size_t zeros = 0;
    while (zeros < size && bytes[zeros] == 0) {
        zeros++;
    }
    const uint8_t *start = bytes + zeros;
    size_t len = size - zeros;
    int32_t status;
    if (len <= 8) {
        uint64_t number = 0;
        for (size_t i = 0; i < len; i++) {
            number = number << 8 | start[i];
        }
        if (number <= (uint64_t)INT64_MAX + negative) {
            // Negated as unsigned: the least int64_t has no positive counterpart.
            return mtdb_push_int(&e->out, negative ? (int64_t)(0 - number) : (int64_t)number);
        }
    }
    size_t bits = len * 8;
    for (uint8_t top = start[0]; !(top & 0x80); top <<= 1) {
        bits--;
    }
    // log10(2) is a little under 0.30103: at most one digit too many.
    size_t digits = bits * 30103 / 100000 + 1;
    e->slack += 1;
    status = mtdb_push_bigint(&e->out, negative, start, len, digits + negative);
    if (bytes != small) {
        m_del(uint8_t, bytes, size);
    }
    return status;
    #elif MICROPY_LONGINT_IMPL == MICROPY_LONGINT_IMPL_LONGLONG
    return mtdb_push_int(&e->out, ((mp_obj_int_t *)MP_OBJ_TO_PTR(value))->val);
    #else
    return mtdb_push_int(&e->out, mp_obj_int_get_truncated(value));
    #endif
}

static int32_t push_float(mpdb_encoding_t *e, mp_obj_t value) {
    mp_float_t number = mp_obj_float_get(value);
    if (!isfinite(number)) {
        mp_raise_ValueError(MP_ERROR_TEXT("a float must be finite: NaN and infinities cannot be stored"));
    }
    e->slack += FLOAT_LONGEST - FLOAT_SHORTEST;
    return mtdb_push_float(&e->out, (double)number, FLOAT_LONGEST);
}

static int32_t push_str(mpdb_encoding_t *e, mp_obj_t value) {
    GET_STR_DATA_LEN(value, text, len);
    if (is_hopeless(e, len)) {
        return MTDB_TOO_LONG;
    }
    return mtdb_push_str(&e->out, text, len);
}

static int32_t push_scalar(mpdb_encoding_t *e, mp_obj_t value) {
    const mp_obj_type_t *type = mp_obj_get_type(value);
    if (type == &mpdb_type_result) {
        return push_scalar(e, mpdb_value(value));
    }
    bool is_str = type == &mp_type_str;
    bool is_int = type == &mp_type_int;
    bool is_float = type == &mp_type_float;
    if (!is_str && !is_int && !is_float && type != &mp_type_bool && type != &mp_type_NoneType) {
        mpdb_raise_type(MP_ERROR_TEXT("cannot store %s: values are dict, list, tuple, str, int, float, bool and None"), value);
    }
    if (e->counting) {
        return count_json(e, value);
    } else if (is_str) {
        return push_str(e, value);
    } else if (mp_obj_is_small_int(value)) {
        return mtdb_push_int(&e->out, MP_OBJ_SMALL_INT_VALUE(value));
    } else if (is_float) {
        return push_float(e, value);
    } else if (is_int) {
        return push_bigint(e, value);
    } else if (value == mp_const_none) {
        return mtdb_push_none(&e->out);
    }
    return mtdb_push_bool(&e->out, value == mp_const_true);
}

// ---- containers ---------------------------------------------------------------------------------------

static int32_t push_name(mpdb_encoding_t *e, mp_obj_t key) {
    if (!mpdb_is_str(key)) {
        mpdb_raise_type(MP_ERROR_TEXT("the keys of a dict must be str, not %s"), key);
    }
    if (e->counting) {
        count_json(e, key);
        e->out.json_len += 2;
        return MTDB_OK;
    }
    GET_STR_DATA_LEN(key, text, len);
    mtdb_name_t name = { text, len, 0 };
    if (e->self == NULL) {
        return mtdb_push_name(&e->out, NULL, &name);
    }
    uint32_t known = mpdb_names_number(&e->self->names, key);
    name.number = known;
    int32_t status;
    MPDB_CALL(e->self, status, mtdb_push_name(&e->out, &e->self->engine, &name));
    if (name.number != known) {
        mpdb_names_learn(&e->self->names, key, name.number);
    }
    return status;
}

static void check_count(mpdb_encoding_t *e, size_t items) {
    // More items than this cannot fit, and level_t could not count them.
    if (items > UINT16_MAX) {
        mp_raise_msg_varg(&mp_type_ValueError,
            MP_ERROR_TEXT("a dict or list of %u items is too large to be stored"), (unsigned int)items);
    }
    if (e->counting) {
        e->out.json_len += 2 + (items == 0 ? 0 : 2 * (items - 1));
    }
}

// Opens a container. Returns false when value is none, and has not written anything then.
static bool open_container(mpdb_encoding_t *e, mp_obj_t value, level_t *level, bool outermost, int32_t *status) {
    value = mpdb_native(value);
    if (!mp_obj_is_obj(value)) {
        return false;
    }
    const mp_obj_type_t *type = ((mp_obj_base_t *)MP_OBJ_TO_PTR(value))->type;
    level->container = MP_OBJ_TO_PTR(value);
    level->next = 0;
    size_t items;
    if (MP_OBJ_TYPE_GET_SLOT_OR_NULL(type, make_new) == mp_obj_dict_make_new) {
        level->kind = DICT;
        items = mp_obj_dict_get_map(value)->used - (outermost && e->shown_tags != MP_OBJ_NULL);
    } else if (type == &mp_type_list || type == &mpdb_type_live_list) {
        level->kind = LIST;
        items = ((mp_obj_list_t *)level->container)->len;
    } else if (MP_OBJ_TYPE_GET_SLOT_OR_NULL(type, iter) == (const void *)mp_obj_tuple_getiter) {
        level->kind = TUPLE;
        items = ((mp_obj_tuple_t *)level->container)->len;
    } else {
        return false;
    }
    check_count(e, items);
    level->left = items;
    if (!e->counting) {
        *status = level->kind == DICT ? mtdb_push_dict(&e->out, items) : mtdb_push_list(&e->out, items);
    }
    return true;
}

// Only another thread can do that.
NORETURN static void raise_changed(void) {
    mp_raise_msg(&mp_type_RuntimeError, MP_ERROR_TEXT("a dict or list was changed while it was stored"));
}

// Not mp_obj_equal(), which would run __eq__ of a key that is no str, in the middle of the walk.
static bool is_tags_name(mp_obj_t key) {
    return mpdb_is_str(key) && mp_obj_str_equal(key, MP_OBJ_NEW_QSTR(MP_QSTR__tags));
}

// The next item of a container: a dict's name is written, its value returned.
static mp_obj_t next_item(mpdb_encoding_t *e, level_t *level, bool outermost, int32_t *status) {
    if (level->kind == DICT) {
        const mp_map_t *map = &((const mp_obj_dict_t *)level->container)->map;
        while (level->next < map->alloc) {
            size_t slot = level->next++;
            if (mp_map_slot_is_filled(map, slot)) {
                if (outermost && e->shown_tags != MP_OBJ_NULL && map->table[slot].value == e->shown_tags
                    && is_tags_name(map->table[slot].key)) {
                    continue;
                }
                *status = push_name(e, map->table[slot].key);
                return map->table[slot].value;
            }
        }
    } else if (level->kind == LIST) {
        const mp_obj_list_t *list = level->container;
        if (level->next < list->len) {
            return list->items[level->next++];
        }
    } else {
        const mp_obj_tuple_t *tuple = level->container;
        return tuple->items[level->next++];
    }
    raise_changed();
}

static bool too_long(const mpdb_encoding_t *e) {
    if (e->counting) {
        return e->out.json_len > COUNT_AT_MOST;
    }
    return e->limit != 0 && e->out.json_len > e->limit + e->slack;
}

// Walks the value once. MTDB_OK; MTDB_NO_ROOM; or MTDB_TOO_LONG as soon as the limit is passed for sure, or
// counting goes too far.
static int32_t walk(mpdb_encoding_t *e) {
    level_t first[LEVELS_ON_STACK];
    level_t *levels = first;
    size_t depth = 0;
    mp_obj_t value = e->value;
    int32_t status = MTDB_OK;
    for (;;) {
        if (e->node != MP_OBJ_NULL && value == e->node) {
            value = e->stand_in;
            e->met_node = true;
        }
        if (mp_obj_is_small_int(value) || mp_obj_is_qstr(value)) {
            status = push_scalar(e, value);
        } else {
            level_t level;
            if (open_container(e, value, &level, depth == 0, &status)) {
                if (depth == MTDB_MAX_DEPTH) {
                    return MTDB_TOO_DEEP;
                }
                if (depth == LEVELS_ON_STACK && levels == first) {
                    levels = memcpy(m_new(level_t, MTDB_MAX_DEPTH), first, sizeof(first));
                }
                levels[depth++] = level;
            } else {
                status = push_scalar(e, value);
            }
        }
        if (status != MTDB_OK) {
            return status;
        }
        if (too_long(e)) {
            return MTDB_TOO_LONG;
        }
        while (depth != 0 && levels[depth - 1].left == 0) {
            depth--;
        }
        if (depth == 0) {
            return MTDB_OK;
        }
        levels[depth - 1].left--;
        value = next_item(e, &levels[depth - 1], depth == 1, &status);
        if (status != MTDB_OK) {
            return status;
        }
    }
}

// Raises when the JSON text is longer than the limit.
static MP_NOINLINE void check_exactly(mpdb_encoding_t *e) {
    e->counting = true;
    e->out.json_len = 0;
    int32_t status = walk(e);
    if (status != MTDB_TOO_LONG) {
        mpdb_check_status(e->self, status);
    }
    if (status == MTDB_TOO_LONG || e->out.json_len > e->limit) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("the value takes %s%u bytes as JSON, the limit is %u"),
            status == MTDB_OK ? "" : "at least ", (unsigned int)e->out.json_len, (unsigned int)e->limit);
    }
}

// `_tags` of a dict, or MP_OBJ_NULL.
static mp_obj_t shown_tags(mp_map_t *map) {
    if (!map->all_keys_are_qstrs) {
        // A lookup would run __eq__ of a key that is no str.
        for (size_t i = 0; i < map->alloc; i++) {
            if (mp_map_slot_is_filled(map, i) && is_tags_name(map->table[i].key)) {
                return map->table[i].value;
            }
        }
        return MP_OBJ_NULL;
    }
    if (map->alloc <= 16) {
        // Looking through a small table is faster than hashing.
        for (size_t i = 0; i < map->alloc; i++) {
            if (map->table[i].key == MP_OBJ_NEW_QSTR(MP_QSTR__tags)) {
                return map->table[i].value;
            }
        }
        return MP_OBJ_NULL;
    }
    return mpdb_member(map, MP_QSTR__tags);
}

// A record's tags stand before its value.
static int32_t push_tags(mpdb_encoding_t *e) {
    mp_obj_t value = mpdb_native(e->value == e->node ? e->stand_in : e->value);
    if (mpdb_is_dict(value)) {
        e->shown_tags = shown_tags(mp_obj_dict_get_map(value));
    }
    if (e->tags != mp_const_none) {
        if (e->shown_tags != MP_OBJ_NULL) {
            mpdb_check_tags(e->shown_tags);
        }
        return mpdb_push_tags(e, e->tags);
    }
    return e->shown_tags == MP_OBJ_NULL ? MTDB_OK : mpdb_push_tags(e, e->shown_tags);
}

void mpdb_encode(mpdb_encoding_t *e, mpdb_buffer_t *buffer) {
    if (e->self != NULL) {
        mpdb_names_refresh(e->self);
    }
    for (;;) {
        e->shown_tags = MP_OBJ_NULL;
        e->tag_count = 0;
        e->met_node = false;
        e->counting = false;
        e->slack = 0;
        mtdb_encoder_start(&e->out, buffer->bytes, buffer->size);
        int32_t status = e->is_record ? push_tags(e) : MTDB_OK;
        if (status == MTDB_OK) {
            status = walk(e);
        }
        if (status == MTDB_NO_ROOM) {
            // From the start again: this is rare, and so nothing is allocated half-way.
            mpdb_buffer_grow(buffer, buffer->size * 2);
            continue;
        }
        if (status == MTDB_TOO_LONG || (status == MTDB_OK && e->limit != 0 && e->out.json_len > e->limit)) {
            check_exactly(e);
            if (status == MTDB_TOO_LONG) {
                raise_changed();
            }
        }
        if (status != MTDB_OK) {
            mpdb_raise_status(e->self, status);
        }
        return;
    }
}
