// The module `microtetherdb`.
#include "py/objstr.h"
#include "py/runtime.h"

#include "database.h"

static const MP_DEFINE_STR_OBJ(version_obj, "0.1.0");

static const mp_rom_map_elem_t module_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_microtetherdb) },
    { MP_ROM_QSTR(MP_QSTR___version__), MP_ROM_PTR(&version_obj) },
    { MP_ROM_QSTR(MP_QSTR_MicroTetherDB), MP_ROM_PTR(&mpdb_type_database) },
    { MP_ROM_QSTR(MP_QSTR_DBLock), MP_ROM_PTR(&mpdb_type_DBLock) },
    { MP_ROM_QSTR(MP_QSTR_DBCorrupt), MP_ROM_PTR(&mpdb_type_DBCorrupt) },
};
static MP_DEFINE_CONST_DICT(module_dict, module_table);

const mp_obj_module_t mpdb_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&module_dict,
};

MP_REGISTER_MODULE(MP_QSTR_microtetherdb, mpdb_module);
