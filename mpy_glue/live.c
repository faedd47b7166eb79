// The types of live dicts and lists: what does not change anything is the base type's, what does goes
// through mpdb_change().
#include <string.h>

#include "py/gc.h"
#include "py/runtime.h"

#include "live.h"

mp_obj_t mpdb_new_live_dict(mpdb_root_t *root, size_t items) {
    mpdb_live_dict_t *live = m_new_obj(mpdb_live_dict_t);
    mp_obj_dict_init(&live->dict, items);
    live->dict.base.type = &mpdb_type_live_dict;
    live->root = root;
    return MP_OBJ_FROM_PTR(live);
}

mp_obj_t mpdb_new_live_list(mpdb_root_t *root, size_t items) {
    mpdb_live_list_t *live = m_new_obj(mpdb_live_list_t);
    mp_obj_list_init(&live->list, items);
    // The caller fills it while the collector may already look at it.
    memset(live->list.items, 0, items * sizeof(mp_obj_t));
    live->list.base.type = &mpdb_type_live_list;
    live->root = root;
    return MP_OBJ_FROM_PTR(live);
}

// MicroPython's own code can make an object of these types, with
// type(doc)(...) or by copying a dict, and knows nothing of the field behind: such a one is shorter.
mpdb_root_t *mpdb_live_root(mp_obj_t object) {
    if (mpdb_is_live_dict(object) && gc_nbytes(MP_OBJ_TO_PTR(object)) >= sizeof(mpdb_live_dict_t)) {
        return ((mpdb_live_dict_t *)MP_OBJ_TO_PTR(object))->root;
    }
    if (mpdb_is_live_list(object) && gc_nbytes(MP_OBJ_TO_PTR(object)) >= sizeof(mpdb_live_list_t)) {
        return ((mpdb_live_list_t *)MP_OBJ_TO_PTR(object))->root;
    }
    return NULL;
}

mp_obj_t mpdb_plain_copy(mp_obj_t object) {
    if (mpdb_is_live_dict(object)) {
        mp_obj_dict_t plain = *(mp_obj_dict_t *)MP_OBJ_TO_PTR(object);
        plain.base.type = &mp_type_dict;
        return mp_obj_dict_copy(MP_OBJ_FROM_PTR(&plain));
    }
    mp_obj_list_t *list = MP_OBJ_TO_PTR(object);
    return mp_obj_new_list(list->len, list->items);
}

mp_obj_t mpdb_method_of(const mp_obj_type_t *base, qstr name) {
    return mpdb_member(&MP_OBJ_TYPE_GET_SLOT(base, locals_dict)->map, name);
}

// ---- the methods that change, as objects that know their name -------------------------------------------------

typedef struct {
    mp_obj_base_t base;
    qstr name;
} mutator_t;

static mp_obj_t mutator_call(mp_obj_t self_in, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    const mutator_t *self = MP_OBJ_TO_PTR(self_in);
    if (n_args == 0 || !(mpdb_is_live_dict(args[0]) || mpdb_is_live_list(args[0]))
        || mpdb_method_of(mpdb_live_base(args[0]), self->name) == MP_OBJ_NULL) {
        mp_raise_TypeError(MP_ERROR_TEXT("this method belongs to a dict or list from a database"));
    }
    mpdb_change_t change = {
        .kind = CHANGE_METHOD, .method = self->name, .n_args = n_args - 1, .n_kw = n_kw, .args = args + 1,
    };
    return mpdb_change(args[0], &change);
}

static MP_DEFINE_CONST_OBJ_TYPE(
    mpdb_type_mutator, MP_QSTR_function, MP_TYPE_FLAG_BINDS_SELF,
    call, mutator_call
    );

#define MUTATOR(method) static const mutator_t mutator_##method = { { &mpdb_type_mutator }, MP_QSTR_##method }
#define MUTATOR_ENTRY(method) { MP_ROM_QSTR(MP_QSTR_##method), MP_ROM_PTR(&mutator_##method) }

MUTATOR(clear);
MUTATOR(pop);
MUTATOR(popitem);
MUTATOR(setdefault);
MUTATOR(update);
MUTATOR(append);
MUTATOR(extend);
MUTATOR(insert);
MUTATOR(remove);
MUTATOR(reverse);
MUTATOR(sort);

/// def copy(self) -> a plain dict or list
static mp_obj_t live_copy_method(mp_obj_t self_in) {
    return mpdb_plain_copy(self_in);
}
static MP_DEFINE_CONST_FUN_OBJ_1(live_copy_obj, live_copy_method);

static const mp_rom_map_elem_t mpdb_live_dict_table[] = {
    MUTATOR_ENTRY(clear),
    MUTATOR_ENTRY(pop),
    MUTATOR_ENTRY(popitem),
    MUTATOR_ENTRY(setdefault),
    MUTATOR_ENTRY(update),
    { MP_ROM_QSTR(MP_QSTR_copy), MP_ROM_PTR(&live_copy_obj) },
};
static MP_DEFINE_CONST_DICT(live_dict_dict, mpdb_live_dict_table);

static const mp_rom_map_elem_t mpdb_live_list_table[] = {
    MUTATOR_ENTRY(append),
    MUTATOR_ENTRY(clear),
    MUTATOR_ENTRY(extend),
    MUTATOR_ENTRY(insert),
    MUTATOR_ENTRY(pop),
    MUTATOR_ENTRY(remove),
    MUTATOR_ENTRY(reverse),
    MUTATOR_ENTRY(sort),
    { MP_ROM_QSTR(MP_QSTR_copy), MP_ROM_PTR(&live_copy_obj) },
};
static MP_DEFINE_CONST_DICT(live_list_dict, mpdb_live_list_table);

// ---- the slots of both types ----------------------------------------------------------------------------------

// Methods that do not change anything are the base type's: a native type does not look there by itself.
static void live_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    if (dest[0] != MP_OBJ_NULL) {
        return;
    }
    const mp_obj_type_t *type = mp_obj_get_type(self_in);
    mp_obj_t member = mpdb_method_of(type, attr);
    if (member == MP_OBJ_NULL) {
        type = mpdb_live_base(self_in);
        member = mpdb_method_of(type, attr);
    }
    if (member != MP_OBJ_NULL) {
        mp_convert_member_lookup(self_in, type, member, dest);
    }
}

// The base types compare and print only what is exactly of their type: they are shown a plain head
// over the same items, on the C stack.
typedef union {
    mp_obj_base_t base;
    mp_obj_dict_t dict;
    mp_obj_list_t list;
} plain_head_t;

static mp_obj_t plain_view(mp_obj_t object, plain_head_t *head) {
    if (mpdb_is_live_dict(object)) {
        head->dict = *(mp_obj_dict_t *)MP_OBJ_TO_PTR(object);
        head->base.type = &mp_type_dict;
    } else if (mpdb_is_live_list(object)) {
        head->list = *(mp_obj_list_t *)MP_OBJ_TO_PTR(object);
        head->base.type = &mp_type_list;
    } else {
        return object;
    }
    return MP_OBJ_FROM_PTR(head);
}

static void live_print(const mp_print_t *print, mp_obj_t self_in, mp_print_kind_t kind) {
    plain_head_t head;
    mp_obj_print_helper(print, plain_view(self_in, &head), kind);
}

static mp_obj_t live_unary_op(mp_unary_op_t op, mp_obj_t self_in) {
    return MP_OBJ_TYPE_GET_SLOT(mpdb_live_base(self_in), unary_op)(op, self_in);
}

static mp_obj_t live_binary_op(mp_binary_op_t op, mp_obj_t self_in, mp_obj_t other) {
    switch (op) {
        case MP_BINARY_OP_INPLACE_OR:
        case MP_BINARY_OP_INPLACE_ADD:
        case MP_BINARY_OP_INPLACE_MULTIPLY: {
            mpdb_change_t change = { .kind = CHANGE_OPERATOR, .op = op, .value = other };
            if (op == MP_BINARY_OP_INPLACE_MULTIPLY) {
                change.op = MP_BINARY_OP_MULTIPLY;
            }
            return mpdb_change(self_in, &change);
        }
        default: {
            plain_head_t left, right;
            mp_obj_t lhs = plain_view(self_in, &left);
            mp_obj_t rhs = plain_view(other, &right);
            #if MICROPY_PY_REVERSE_SPECIAL_METHODS
            if (op == MP_BINARY_OP_REVERSE_ADD || op == MP_BINARY_OP_REVERSE_MULTIPLY) {
                // [1] + live: the list on the left did not know the type on the right.
                if (!(op == MP_BINARY_OP_REVERSE_ADD ? mpdb_is_list(rhs) : mp_obj_is_int(rhs))) {
                    return MP_OBJ_NULL;
                }
                return op == MP_BINARY_OP_REVERSE_ADD ? mp_binary_op(MP_BINARY_OP_ADD, rhs, lhs)
                    : mp_binary_op(MP_BINARY_OP_MULTIPLY, lhs, rhs);
            }
            #endif
            return MP_OBJ_TYPE_GET_SLOT(mpdb_live_base(self_in), binary_op)(op, lhs, rhs);
        }
    }
}

static mp_obj_t live_subscr(mp_obj_t self_in, mp_obj_t index, mp_obj_t value) {
    if (value == MP_OBJ_SENTINEL) {
        return MP_OBJ_TYPE_GET_SLOT(mpdb_live_base(self_in), subscr)(self_in, index, value);
    }
    mpdb_change_t change = { .kind = CHANGE_SUBSCR, .index = index, .value = value };
    return mpdb_change(self_in, &change);
}

static mp_obj_t live_getiter(mp_obj_t self_in, mp_obj_iter_buf_t *iter_buf) {
    mp_getiter_fun_t getiter = (mp_getiter_fun_t)MP_OBJ_TYPE_GET_SLOT(mpdb_live_base(self_in), iter);
    return getiter(self_in, iter_buf);
}

// MicroPython takes for a dict what has dict's make_new.
MP_DEFINE_CONST_OBJ_TYPE(
    mpdb_type_live_dict, MP_QSTR_LiveDict, MP_TYPE_FLAG_ITER_IS_GETITER | MP_TYPE_FLAG_EQ_CHECKS_OTHER_TYPE,
    make_new, mp_obj_dict_make_new,
    print, live_print,
    unary_op, live_unary_op,
    binary_op, live_binary_op,
    attr, live_attr,
    subscr, live_subscr,
    iter, live_getiter,
    parent, &mp_type_dict,
    locals_dict, &live_dict_dict
    );

MP_DEFINE_CONST_OBJ_TYPE(
    mpdb_type_live_list, MP_QSTR_LiveList, MP_TYPE_FLAG_ITER_IS_GETITER | MP_TYPE_FLAG_EQ_CHECKS_OTHER_TYPE,
    make_new, mp_obj_list_make_new,
    print, live_print,
    unary_op, live_unary_op,
    binary_op, live_binary_op,
    attr, live_attr,
    subscr, live_subscr,
    iter, live_getiter,
    parent, &mp_type_list,
    locals_dict, &live_list_dict
    );
