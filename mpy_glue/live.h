// Live dicts and lists: what db[key] gives, subtypes of dict and list that write themselves back to the
// record when they, or what lies inside them, are changed.
#ifndef MPDB_LIVE_H
#define MPDB_LIVE_H

#include "py/objlist.h"

#include "document.h"

typedef struct {
    mp_obj_dict_t dict;
    mpdb_root_t *root;
} mpdb_live_dict_t;

typedef struct {
    mp_obj_list_t list;
    mpdb_root_t *root;
} mpdb_live_list_t;

static inline bool mpdb_is_live_dict(mp_obj_t object) {
    return mp_obj_is_type(object, &mpdb_type_live_dict);
}

static inline bool mpdb_is_live_list(mp_obj_t object) {
    return mp_obj_is_type(object, &mpdb_type_live_list);
}

static inline const mp_obj_type_t *mpdb_live_base(mp_obj_t object) {
    return mpdb_is_live_dict(object) ? &mp_type_dict : &mp_type_list;
}

// NULL for what is not live.
mpdb_root_t *mpdb_live_root(mp_obj_t object);
// A method of a type's own table, or MP_OBJ_NULL.
mp_obj_t mpdb_method_of(const mp_obj_type_t *type, qstr name);
mp_obj_t mpdb_plain_copy(mp_obj_t object);

// One call of a method, subscript or operator that changes its object.
typedef struct {
    enum { CHANGE_METHOD, CHANGE_SUBSCR, CHANGE_OPERATOR } kind;
    qstr method;
    mp_binary_op_t op;
    mp_obj_t index;        // of CHANGE_SUBSCR
    mp_obj_t value;        // of CHANGE_SUBSCR (MP_OBJ_NULL deletes) and CHANGE_OPERATOR
    size_t n_args, n_kw;   // of CHANGE_METHOD
    const mp_obj_t *args;
} mpdb_change_t;

// Changes a node in the store and then in memory (change.c). Returns what the call returns, or MP_OBJ_NULL for an
// operator that is not supported.
mp_obj_t mpdb_change(mp_obj_t node, const mpdb_change_t *change);

#endif
