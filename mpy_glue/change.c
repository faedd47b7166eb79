// How a live dict or list is changed: a plain copy of the node is changed by the base type's own code;
// plain dicts and lists that came in are made live; the record is encoded with the copy in the node's place
// and stored; and only then the node takes over what the copy holds. So a change that is refused is nowhere.
#include "py/objtype.h"
#include "py/runtime.h"

#include "live.h"

// Does to a plain object what was asked of a live one. Returns MP_OBJ_NULL for an operator that is not supported.
static mp_obj_t apply(const mp_obj_type_t *base, mp_obj_t plain, const mpdb_change_t *change) {
    switch (change->kind) {
        case CHANGE_METHOD:
            return mp_call_method_self_n_kw(mpdb_method_of(base, change->method), plain, change->n_args, change->n_kw, change->args);
        case CHANGE_SUBSCR:
            return MP_OBJ_TYPE_GET_SLOT(base, subscr)(plain, change->index, change->value);
        default:
            return MP_OBJ_TYPE_GET_SLOT(base, binary_op)(change->op, plain, change->value);
    }
}

// The node becomes what the plain object is. Allocates nothing.
static void take_over(mp_obj_t node, mp_obj_t plain) {
    if (mpdb_is_live_dict(node)) {
        mp_obj_dict_get_map(node)[0] = mp_obj_dict_get_map(plain)[0];
    } else {
        mp_obj_list_t *to = MP_OBJ_TO_PTR(node);
        const mp_obj_list_t *from = MP_OBJ_TO_PTR(plain);
        to->alloc = from->alloc;
        to->len = from->len;
        to->items = from->items;
    }
}

static bool is_container(mp_obj_t value) {
    if (mp_obj_is_small_int(value) || mpdb_is_str(value) || !mp_obj_is_obj(value)) {
        return false;
    }
    static const mp_obj_type_t *const bases[] = { &mp_type_dict, &mp_type_list, &mp_type_tuple };
    for (size_t i = 0; i < MP_ARRAY_SIZE(bases); i++) {
        if (mp_obj_is_subclass_fast(MP_OBJ_FROM_PTR(mp_obj_get_type(value)), MP_OBJ_FROM_PTR(bases[i]))) {
            return true;
        }
    }
    return false;
}

// A value on its way through its encoded form, inside the guard.
typedef struct {
    mpdb_guard_t guard;
    mpdb_buffer_t buffer;
    mpdb_encoding_t e;
} passage_t;

// The root's value as a record, with `plain` in the place of `node`.
static mpdb_t *enter(passage_t *passage, mpdb_root_t *root, mp_obj_t node, mp_obj_t plain) {
    mpdb_t *self = mpdb_enter(root->handle, &passage->guard);
    passage->buffer = mpdb_scratch(self);
    passage->e = (mpdb_encoding_t) {
        .self = self, .value = root->top, .limit = self->max_value, .is_record = true, .tags = root->tags, .node = node,
        .stand_in = plain,
    };
    return self;
}

static void leave(passage_t *passage) {
    mpdb_leave(&passage->guard);
    mpdb_buffer_free(&passage->buffer);
}

// What was encoded, as objects; live ones where there is a root.
static mp_obj_t decode(passage_t *passage, mpdb_root_t *root) {
    mtdb_found_t found = { .body_len = passage->e.out.len, .tag_count = passage->e.tag_count };
    return mpdb_decode(passage->guard.self, passage->e.out.buf, &found, root);
}

// A live copy of a plain dict, list or tuple: through its encoded form, which checks it as well.
static mp_obj_t live_copy(mpdb_root_t *root, mp_obj_t value) {
    passage_t passage;
    passage.e = (mpdb_encoding_t) { .value = value, .limit = root->handle->db->max_value };
    passage.buffer.on_heap = false;
    mpdb_buffer_grow(&passage.buffer, MPDB_SMALL);
    // Outside the guard: results in it may need the database.
    mpdb_encode(&passage.e, &passage.buffer);
    mpdb_enter(root->handle, &passage.guard);
    mp_obj_t copy = decode(&passage, root);
    leave(&passage);
    return copy;
}

static bool is_shown_tags(const mpdb_root_t *root, mp_obj_t node) {
    if (!mpdb_is_live_dict(root->top)) {
        return false;
    }
    return mpdb_member(mp_obj_dict_get_map(root->top), MP_QSTR__tags) == node;
}

// The list of tags cannot be changed: elsewhere in the value it is a list like any other, so a copy of it.
static void adopt_value(mpdb_root_t *root, mp_obj_t *value, mp_obj_t *result) {
    if (is_container(*value) && (mpdb_live_root(*value) != root || is_shown_tags(root, *value))) {
        mp_obj_t live = live_copy(root, *value);
        if (*result == *value) {
            *result = live;
        }
        *value = live;
    }
}

// Makes what came into a node live. `result` is what the change returns, and may be one of those.
static void adopt(mpdb_root_t *root, mp_obj_t plain, mp_obj_t *result) {
    if (mp_obj_is_type(plain, &mp_type_dict)) {
        mp_map_t *map = mp_obj_dict_get_map(plain);
        for (size_t i = 0; i < map->alloc; i++) {
            if (mp_map_slot_is_filled(map, i)) {
                adopt_value(root, &map->table[i].value, result);
            }
        }
    } else {
        mp_obj_list_t *list = MP_OBJ_TO_PTR(plain);
        for (size_t i = 0; i < list->len; i++) {
            adopt_value(root, &list->items[i], result);
        }
    }
}

// One attempt at storing the record. Without effect when the node is no part of it any more.
static int32_t try_write(mpdb_root_t *root, passage_t *passage, uint64_t *fingerprint) {
    mpdb_encode(&passage->e, &passage->buffer);
    if (!passage->e.met_node) {
        return MTDB_OK;
    }
    mtdb_record_t record = { 0 };
    record.key = mpdb_key_bytes(root->key, &record.key_len);
    int32_t status = mpdb_write(&passage->guard, &record, mpdb_encoded(&passage->e, &record), fingerprint);
    if (status == MTDB_ABSENT) {
        // Deleted or replaced since it was read.
        mp_raise_type_arg(&mp_type_KeyError, root->key);
    }
    return status;
}

// The root's value, with `plain` in the place of `node`, encoded and decoded again: checked, and of its own.
// With `live` it is live. MP_OBJ_NULL where the node is no part of it any more.
static mp_obj_t copy_of_value(mpdb_root_t *root, mp_obj_t node, mp_obj_t plain, bool live) {
    passage_t passage;
    enter(&passage, root, node, plain);
    mpdb_encode(&passage.e, &passage.buffer);
    mp_obj_t copy = live || passage.e.met_node ? decode(&passage, live ? root : NULL) : MP_OBJ_NULL;
    leave(&passage);
    return copy;
}

/// def _live(self, value, tags, on_change): a dict or list as db[key] would give it, with a list of tags or
/// None. A change calls on_change(the new value, `_tags` in it), and is made when that has returned.
static mp_obj_t mpdb_live(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    mpdb_root_t *root = m_new_obj(mpdb_root_t);
    root->handle = MP_OBJ_TO_PTR(args[0]);
    root->key = mp_const_none;
    root->top = args[1];
    root->tags = args[2];
    root->on_change = args[3];
    root->top = copy_of_value(root, MP_OBJ_NULL, MP_OBJ_NULL, true);
    return root->top;
}
MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(mpdb_live_obj, 4, 4, mpdb_live);

// Stores the record with `plain` in the place of `node`.
static void write_back(mpdb_root_t *root, mp_obj_t node, mp_obj_t plain) {
    passage_t passage;
    mpdb_t *self = enter(&passage, root, node, plain);
    mpdb_begin_write(&passage.guard);
    uint64_t fingerprint = root->fingerprint;
    int32_t status;
    do {
        status = try_write(root, &passage, &fingerprint);
    } while (status != MTDB_OK && mpdb_make_room(self, status));
    mpdb_end_write(&passage.guard, status, passage.e.met_node);
    root->fingerprint = fingerprint;
    leave(&passage);
}

NORETURN static void raise_tags(void) {
    mp_raise_ValueError(MP_ERROR_TEXT("_tags cannot be changed here: put(key, data, tags=...) sets a record's tags"));
}

// `_tags` of the outermost dict is shown as get() shows it, but is not part of the value. Takes it out of the
// copy and returns it.
static mp_obj_t take_tags_out(mp_obj_t plain, const mpdb_change_t *change) {
    mp_obj_t name = MP_OBJ_NEW_QSTR(MP_QSTR__tags);
    bool named = change->kind == CHANGE_SUBSCR ? mp_obj_equal(change->index, name)
        : change->kind == CHANGE_METHOD && change->n_args != 0 && mpdb_is_str(change->args[0]) && mp_obj_equal(change->args[0], name);
    if (named) {
        raise_tags();
    }
    mp_obj_t tags = mpdb_member(mp_obj_dict_get_map(plain), MP_QSTR__tags);
    if (tags != MP_OBJ_NULL) {
        mp_obj_dict_delete(plain, name);
    }
    return tags;
}

static void put_tags_back(mp_obj_t plain, mp_obj_t tags) {
    mp_obj_t now = mpdb_member(mp_obj_dict_get_map(plain), MP_QSTR__tags);
    // update() with another document's fields may bring the same tags along.
    if (now != MP_OBJ_NULL && (tags == MP_OBJ_NULL || !mp_obj_equal(now, tags))) {
        raise_tags();
    }
    if (tags != MP_OBJ_NULL) {
        mp_obj_dict_store(plain, MP_OBJ_NEW_QSTR(MP_QSTR__tags), tags);
    }
}

// Where a node has its items. No change leaves them there: see take_over().
static const void *items_of(mp_obj_t node) {
    if (mpdb_is_live_dict(node)) {
        return mp_obj_dict_get_map(node)->table;
    }
    return ((mp_obj_list_t *)MP_OBJ_TO_PTR(node))->items;
}

// `doc["list"] += [1]` changes the list and then stores it where it is: the second needs no writing.
static bool is_no_change(mp_obj_t node, const mpdb_change_t *change) {
    if (change->kind != CHANGE_SUBSCR || change->value == MP_OBJ_NULL || mpdb_live_root(change->value) == NULL) {
        return false;
    }
    if (mpdb_is_live_dict(node)) {
        mp_map_elem_t *elem = mp_map_lookup(mp_obj_dict_get_map(node), change->index, MP_MAP_LOOKUP);
        return elem != NULL && elem->value == change->value;
    }
    return mp_obj_is_small_int(change->index)
        && MP_OBJ_TYPE_GET_SLOT(&mp_type_list, subscr)(node, change->index, MP_OBJ_SENTINEL) == change->value;
}

mp_obj_t mpdb_change(mp_obj_t node, const mpdb_change_t *change) {
    mpdb_root_t *root = mpdb_live_root(node);
    if (root != NULL && is_no_change(node, change)) {
        return mp_const_none;
    }
    if (root != NULL && is_shown_tags(root, node)) {
        raise_tags();
    }
    mp_obj_t plain = mpdb_plain_copy(node);
    bool tagged = root != NULL && node == root->top && mpdb_is_live_dict(node);
    mp_obj_t tags = tagged ? take_tags_out(plain, change) : MP_OBJ_NULL;
    const void *items = items_of(node);
    // EXCEPTION: whatever the method raises; only the copy has changed.
    mp_obj_t result = apply(mpdb_live_base(node), plain, change);
    if (items_of(node) != items) {
        // An iterable, a key function, __eq__: storing the copy now would take back what that did.
        mp_raise_msg(&mp_type_RuntimeError, MP_ERROR_TEXT("a dict or list was changed by what changes it"));
    }
    if (result == MP_OBJ_NULL) {
        return MP_OBJ_NULL;
    }
    if (change->kind == CHANGE_OPERATOR) {
        // An operator gives its object, changed, or a new one.
        plain = result;
        result = node;
    }
    if (root != NULL) {
        adopt(root, plain, &result);
    }
    if (tagged) {
        put_tags_back(plain, tags);
    }
    if (root != NULL && root->on_change != MP_OBJ_NULL) {
        mp_obj_t value = copy_of_value(root, node, plain, false);
        if (value != MP_OBJ_NULL) {
            // EXCEPTION: whatever it raises; nothing has changed yet.
            mp_call_function_1(root->on_change, value);
        }
    } else if (root != NULL) {
        write_back(root, node, plain);
    }
    take_over(node, plain);
    return result;
}
