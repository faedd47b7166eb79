// From the engine's statuses to Python's exceptions.
#include <string.h>

#include "py/mperrno.h"
#include "py/objexcept.h"
#include "py/runtime.h"

#include "files.h"
#include "errors.h"

MP_DEFINE_CONST_OBJ_TYPE(
    mpdb_type_DBLock, MP_QSTR_DBLock, MP_TYPE_FLAG_NONE,
    make_new, mp_obj_exception_make_new,
    print, mp_obj_exception_print,
    attr, mp_obj_exception_attr,
    parent, &mp_type_Exception
    );

MP_DEFINE_CONST_OBJ_TYPE(
    mpdb_type_DBCorrupt, MP_QSTR_DBCorrupt, MP_TYPE_FLAG_NONE,
    make_new, mp_obj_exception_make_new,
    print, mp_obj_exception_print,
    attr, mp_obj_exception_attr,
    parent, &mp_type_OSError
    );

// The one table. %u stands for the limit that limit_of() gives.
static const struct {
    int16_t status;
    const mp_obj_type_t *type;
    const char *text;
} errors[] = {
    { MTDB_FULL, &mp_type_MemoryError,
      "the database's memory limit of %u bytes is reached: delete something, or give it a larger ram_percentage" },
    { MPDB_NO_HEAP, &mp_type_MemoryError,
      "the heap has no room for the database to grow; its limit of %u bytes is not reached yet" },
    { MTDB_BAD_KEY, &mp_type_ValueError, "a key must have 1 to %u bytes of UTF-8" },
    { MTDB_BAD_TAG, &mp_type_ValueError, "a record can have at most 32 tags of 1 to 64 bytes each" },
    { MTDB_TOO_DEEP, &mp_type_ValueError, "dicts and lists can be nested at most %u deep" },
    { MTDB_TOO_LONG, &mp_type_ValueError, "a value can take at most %u bytes when encoded" },
    { MTDB_BAD_OPTION, &mp_type_ValueError, "btree_pagesize must be 512, 1024, 2048 or 4096" },
    { MTDB_CORRUPT, &mpdb_type_DBCorrupt, "the database is damaged: it holds bytes that it did not write" },
};

static MP_NOINLINE size_t limit_of(mpdb_t *self, int32_t status) {
    switch (status) {
        case MTDB_FULL:
        case MPDB_NO_HEAP: {
            mtdb_statistics_t statistics;
            mtdb_statistics(&self->engine, &statistics);
            return statistics.bytes_limit;
        }
        case MTDB_BAD_KEY:
            return mtdb_max_key(&self->engine);
        case MTDB_TOO_DEEP:
            return MTDB_MAX_DEPTH;
        default:
            return MTDB_MAX_VALUE_BYTES;
    }
}

NORETURN static void raise_about_file(mpdb_t *self, mp_rom_error_text_t text) {
    mp_raise_msg_varg(&mpdb_type_DBCorrupt, text, mp_obj_str_get_str(self->files->path));
}

// Of a database in files: what concerns the file.
static void raise_file_status(mpdb_t *self, int32_t status) {
    mp_obj_t exception = self->files->exception;
    if (exception != MP_OBJ_NULL) {
        self->files->exception = MP_OBJ_NULL;
        nlr_raise(exception);
    }
    int32_t detail = MTDB_DETAIL(status);
    switch (MTDB_STATUS(status)) {
        case MTDB_IO:
            if (detail == MP_ENOMEM) {
                mp_raise_msg(&mp_type_MemoryError, MP_ERROR_TEXT("the heap has no room for an open file"));
            }
            mp_raise_OSError(detail);
        case MTDB_FOREIGN:
            raise_about_file(self, MP_ERROR_TEXT("'%s' is not a database of microtetherdb, and is left as it is"));
        case MTDB_BTREE:
            raise_about_file(self, MP_ERROR_TEXT("'%s' is a database of MicroPython's btree module, and is left as it is"));
        case MTDB_NEWER:
            mp_raise_msg_varg(&mpdb_type_DBCorrupt,
                MP_ERROR_TEXT("'%s' has format version %d, this program knows up to %d: a newer microtetherdb can open it"),
                mp_obj_str_get_str(self->files->path), (int)detail, MTDB_FORMAT_VERSION);
        case MTDB_CORRUPT:
            raise_about_file(self, MP_ERROR_TEXT("'%s' is damaged: it holds bytes that microtetherdb did not write"));
        default:
            return;
    }
}

NORETURN void mpdb_raise_status(mpdb_t *self, int32_t status) {
    if (self != NULL && self->files != NULL) {
        raise_file_status(self, status);
    }
    for (size_t i = 0; i < MP_ARRAY_SIZE(errors); i++) {
        if (errors[i].status == status) {
            // The texts are not compressed: MP_ERROR_TEXT cannot stand in a constant table.
            mp_raise_msg_varg(errors[i].type, (mp_rom_error_text_t)errors[i].text,
                (unsigned int)limit_of(self, status));
        }
    }
    mp_raise_msg_varg(&mp_type_RuntimeError, MP_ERROR_TEXT("microtetherdb: unexpected status %d"), (int)status);
}

NORETURN void mpdb_raise_query_problem(const mtdb_query_problem_t *problem) {
    // The name lies in the encoded query, which has no zero at its end.
    char name[MTDB_MAX_TAG_BYTES + 1];
    size_t len = MIN(problem->len, sizeof(name) - 1);
    if (len != 0) {
        memcpy(name, problem->text, len);
    }
    name[len] = '\0';
    mp_rom_error_text_t text;
    switch (problem->fault) {
        case MTDB_QUERY_NOT_A_DICT:
            mp_raise_TypeError(MP_ERROR_TEXT("a query must be a dict"));
        case MTDB_QUERY_OPERATOR:
            text = MP_ERROR_TEXT("'%s' is not an operator here; there are %s");
            break;
        case MTDB_QUERY_OPERAND:
            text = MP_ERROR_TEXT("wrong operand for %s: $in takes a list, $exists a bool, $contains a plain value, $gt, $gte, $lt, $lte a number or a str; operators are %s");
            break;
        case MTDB_QUERY_MIXED:
            text = MP_ERROR_TEXT("the condition on '%s' mixes operators with other names; operators are %s");
            break;
        default:
            text = MP_ERROR_TEXT("%s must be an int of 0 or more; operators are %s");
            memcpy(name, "$limit", sizeof("$limit"));
            break;
    }
    mp_raise_msg_varg(&mp_type_ValueError, text, name,
        "$eq, $gt, $gte, $lt, $lte, $in, $ne, $exists, $contains and, for the whole query, $limit");
}

NORETURN void mpdb_raise_type(mp_rom_error_text_t text, mp_obj_t value) {
    mp_raise_msg_varg(&mp_type_TypeError, text, mp_obj_get_type_str(value));
}
