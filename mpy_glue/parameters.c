// The constructor's parameters: names, defaults, types and ranges in one table.
#include <stddef.h>

#include "py/objstr.h"
#include "py/runtime.h"

#include "document.h"

typedef enum {
    KIND_OBJECT,
    KIND_STR,
    KIND_BOOL,
    KIND_INT,      // least and most as they stand
    KIND_SECONDS,  // least and most in milliseconds; given in seconds, as an int or float
    KIND_PAGE_SIZE,
} kind_t;

#define OPTIONAL 0x80  // None is allowed too and leaves the default

typedef struct {
    uint16_t name;
    uint8_t kind;
    uint8_t offset;
    uint32_t least;
    uint32_t most;
} parameter_t;

#define PARAMETER(name, kind, least, most) { MP_QSTR_##name, kind, offsetof(mpdb_options_t, name), least, most }
#define DAYS(n) ((n) * 86400000u)

static const parameter_t parameters[] = {
    PARAMETER(filename, KIND_STR, 0, 0),
    PARAMETER(in_memory, KIND_BOOL, 0, 1),
    PARAMETER(ram_percentage, KIND_INT, 1, 100),
    PARAMETER(max_retries, KIND_INT, 0, 1000),
    PARAMETER(retry_delay, KIND_SECONDS, 0, 60000),
    PARAMETER(lock_timeout, KIND_SECONDS, 0, DAYS(1)),
    PARAMETER(ttl_check_interval, KIND_SECONDS, 0, DAYS(30)),
    PARAMETER(btree_cachesize, KIND_INT, 8, 65535),
    PARAMETER(btree_pagesize, KIND_PAGE_SIZE, 512, 4096),
    PARAMETER(adaptive_threshold, KIND_BOOL, 0, 1),
    PARAMETER(event_loop, KIND_OBJECT, 0, 0),
    // The rest by name only.
    PARAMETER(cleanup_interval, KIND_SECONDS, 0, DAYS(30)),
    PARAMETER(use_compression, KIND_BOOL, 0, 1),
    PARAMETER(min_compress_size, KIND_INT, 0, 65535),
    PARAMETER(flush_threshold, KIND_INT | OPTIONAL, 1, 1000000),
    PARAMETER(auto_flush_seconds, KIND_SECONDS | OPTIONAL, 0, DAYS(30)),
    PARAMETER(verbose, KIND_BOOL, 0, 1),
    PARAMETER(_max_value, KIND_INT, 1, MPDB_MAX_JSON),
    PARAMETER(_batch_rule, KIND_BOOL, 0, 1),
    PARAMETER(awaitable, KIND_BOOL | OPTIONAL, 0, 1),
};

#define POSITIONAL 11

static const MP_DEFINE_STR_OBJ(default_filename_obj, "microtether.db");
static const mpdb_options_t defaults = {
    .filename = MP_OBJ_NULL,
    .event_loop = MP_OBJ_NULL,
    .in_memory = true,
    .ram_percentage = 15,
    .max_retries = 3,
    .retry_delay = 100,
    .lock_timeout = 5000,
    .ttl_check_interval = 60000,
    .btree_cachesize = 32,
    .btree_pagesize = 512,
    .adaptive_threshold = true,
    .cleanup_interval = 3600000,
    .use_compression = true,
    .min_compress_size = 256,
    .flush_threshold = 0,
    .auto_flush_seconds = MPDB_UNSET,
    .verbose = false,
    ._max_value = MPDB_MAX_JSON,
    .awaitable = MPDB_UNSET,
};

NORETURN static void raise_type(const parameter_t *parameter, mp_obj_t value, const char *wanted) {
    mp_raise_msg_varg(&mp_type_TypeError, MP_ERROR_TEXT("%q must be %s, not %s"), (qstr)parameter->name, wanted,
        mp_obj_get_type_str(value));
}

static uint32_t to_bool(const parameter_t *parameter, mp_obj_t value) {
    if (mp_obj_is_bool(value)) {
        return value == mp_const_true;
    }
    if (value == MP_OBJ_NEW_SMALL_INT(0) || value == MP_OBJ_NEW_SMALL_INT(1)) {
        return MP_OBJ_SMALL_INT_VALUE(value);
    }
    raise_type(parameter, value, "True or False");
}

static uint32_t to_int(const parameter_t *parameter, mp_obj_t value) {
    if (!mp_obj_is_int(value)) {
        raise_type(parameter, value, "an int");
    }
    if (mp_obj_is_small_int(value)) {
        mp_int_t number = MP_OBJ_SMALL_INT_VALUE(value);
        if (number >= (mp_int_t)parameter->least && number <= (mp_int_t)parameter->most) {
            return number;
        }
    }
    mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("%q must be %u to %u"), (qstr)parameter->name,
        (unsigned int)parameter->least, (unsigned int)parameter->most);
}

static uint32_t to_milliseconds(const parameter_t *parameter, mp_obj_t value) {
    if (!mp_obj_is_int(value) && !mp_obj_is_float(value)) {
        raise_type(parameter, value, "an int or float");
    }
    mp_float_t seconds = mp_obj_get_float(value);
    // NaN fails both comparisons.
    if (seconds >= 0 && seconds <= (mp_float_t)(parameter->most / 1000)) {
        return (uint32_t)(seconds * 1000);
    }
    mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("%q must be 0 to %u seconds"), (qstr)parameter->name,
        (unsigned int)(parameter->most / 1000));
}

static uint32_t to_page_size(const parameter_t *parameter, mp_obj_t value) {
    if (!mp_obj_is_int(value)) {
        raise_type(parameter, value, "an int");
    }
    for (uint32_t size = parameter->least; size <= parameter->most; size *= 2) {
        if (value == MP_OBJ_NEW_SMALL_INT(size)) {
            return size;
        }
    }
    mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("%q must be a power of two, %u to %u"), (qstr)parameter->name,
        (unsigned int)parameter->least, (unsigned int)parameter->most);
}

static void set(mpdb_options_t *options, const parameter_t *parameter, mp_obj_t value) {
    if ((parameter->kind & OPTIONAL) && value == mp_const_none) {
        return;
    }
    void *field = (uint8_t *)options + parameter->offset;
    switch (parameter->kind & ~OPTIONAL) {
        case KIND_STR:
            if (!mpdb_is_str(value)) {
                raise_type(parameter, value, "a str");
            }
            MP_FALLTHROUGH
        case KIND_OBJECT:
            *(mp_obj_t *)field = value;
            break;
        case KIND_BOOL:
            *(uint32_t *)field = to_bool(parameter, value);
            break;
        case KIND_INT:
            *(uint32_t *)field = to_int(parameter, value);
            break;
        case KIND_SECONDS:
            *(uint32_t *)field = to_milliseconds(parameter, value);
            break;
        default:
            *(uint32_t *)field = to_page_size(parameter, value);
            break;
    }
}

static const parameter_t *find(qstr name) {
    for (size_t i = 0; i < MP_ARRAY_SIZE(parameters); i++) {
        if (parameters[i].name == name) {
            return &parameters[i];
        }
    }
    mp_raise_msg_varg(&mp_type_TypeError, MP_ERROR_TEXT("MicroTetherDB has no parameter '%q'"), name);
}

void mpdb_parse_options(mpdb_options_t *options, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    *options = defaults;
    options->filename = MP_OBJ_FROM_PTR(&default_filename_obj);
    if (n_args > POSITIONAL) {
        mp_raise_msg_varg(&mp_type_TypeError, MP_ERROR_TEXT("MicroTetherDB takes at most %u arguments by position"),
            (unsigned int)POSITIONAL);
    }
    for (size_t i = 0; i < n_args; i++) {
        set(options, &parameters[i], args[i]);
    }
    for (size_t i = 0; i < n_kw; i++) {
        const mp_obj_t *pair = &args[n_args + 2 * i];
        const parameter_t *parameter = find(mp_obj_str_get_qstr(pair[0]));
        if ((size_t)(parameter - parameters) < n_args) {
            mp_raise_msg_varg(&mp_type_TypeError, MP_ERROR_TEXT("MicroTetherDB got '%q' twice"), (qstr)parameter->name);
        }
        set(options, parameter, pair[1]);
    }
}
