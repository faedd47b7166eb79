// The module `microtetherdb`.
#include "py/objstr.h"
#include "py/runtime.h"

#include "database.h"

static const MP_DEFINE_STR_OBJ(version_obj, "0.1.0");

/// def _new_bytes(size: int, fill) -> bytes: filled by fill(bytearray), which is called once and keeps nothing of it.
static mp_obj_t new_bytes(mp_obj_t size, mp_obj_t fill) {
    vstr_t vstr;
    vstr_init_len(&vstr, mp_obj_get_int(size));
    mp_call_function_1(fill, mp_obj_new_bytearray_by_ref(vstr.len, vstr.buf));
    return mp_obj_new_bytes_from_vstr(&vstr);
}
static MP_DEFINE_CONST_FUN_OBJ_2(new_bytes_obj, new_bytes);

// `DB` is frozen Python, imported when somebody asks for it.
// Not static: MicroPython's table of delegations names it.
void mpdb_module_attr(mp_obj_t self, qstr attr, mp_obj_t *dest);
void mpdb_module_attr(mp_obj_t self, qstr attr, mp_obj_t *dest) {
    (void)self;
    if (attr == MP_QSTR_DB && dest[0] == MP_OBJ_NULL) {
        mp_obj_t name = MP_OBJ_NEW_QSTR(MP_QSTR_DB);
        mp_obj_t module = mp_import_name(qstr_from_str("tendrl.lib.tetherdb.TetherDB"), mp_obj_new_tuple(1, &name), MP_OBJ_NEW_SMALL_INT(0));
        dest[0] = mp_load_attr(module, MP_QSTR_DB);
    }
}

static const mp_rom_map_elem_t module_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_microtetherdb) },
    { MP_ROM_QSTR(MP_QSTR___version__), MP_ROM_PTR(&version_obj) },
    { MP_ROM_QSTR(MP_QSTR_MicroTetherDB), MP_ROM_PTR(&mpdb_type_database) },
    { MP_ROM_QSTR(MP_QSTR__new_bytes), MP_ROM_PTR(&new_bytes_obj) },
    { MP_ROM_QSTR(MP_QSTR_DBLock), MP_ROM_PTR(&mpdb_type_DBLock) },
    { MP_ROM_QSTR(MP_QSTR_DBCorrupt), MP_ROM_PTR(&mpdb_type_DBCorrupt) },
};
static MP_DEFINE_CONST_DICT(module_dict, module_table);

const mp_obj_module_t mpdb_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&module_dict,
};

MP_REGISTER_MODULE(MP_QSTR_microtetherdb, mpdb_module);
MP_REGISTER_MODULE_DELEGATION(mpdb_module, mpdb_module_attr);
