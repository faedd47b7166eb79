// Names of database files: absolute and in one form, so that two names of one file are known to be that.
#include <string.h>

#include "py/mperrno.h"
#include "py/objstr.h"
#include "py/runtime.h"
#include "extmod/vfs.h"

#include "files.h"

// Appends the parts of a path to one that has no slash at its end.
static void append_parts(vstr_t *path, const char *from) {
    while (*from != '\0') {
        size_t len = strcspn(from, "/");
        if (len == 2 && from[0] == '.' && from[1] == '.') {
            while (path->len != 0 && path->buf[--path->len] != '/') {
            }
        } else if (len != 0 && !(len == 1 && from[0] == '.')) {
            vstr_add_char(path, '/');
            vstr_add_strn(path, from, len);
        }
        from += len;
        from += *from == '/';
    }
}

mp_obj_t mpdb_absolute_path(mp_obj_t name) {
    if (!mp_obj_is_str(name)) {
        mpdb_raise_type(MP_ERROR_TEXT("a path must be a str, not %s"), name);
    }
    GET_STR_DATA_LEN(name, bytes, len);
    const char *text = (const char *)bytes;
    const char *last = strrchr(text, '/');
    last = last == NULL ? text : last + 1;
    if (strlen(text) != len || *last == '\0' || strcmp(last, ".") == 0 || strcmp(last, "..") == 0) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("'%s' is no name of a file"), text);
    }
    vstr_t path;
    vstr_init(&path, len + 16);
    if (text[0] != '/') {
        append_parts(&path, mp_obj_str_get_str(mp_vfs_getcwd()));
    }
    append_parts(&path, text);
    return mp_obj_new_str_from_vstr(&path);
}

const char *mpdb_file_name(mp_obj_t path) {
    return strrchr(mp_obj_str_get_str(path), '/') + 1;
}

static mp_obj_t beginning(mp_obj_t path, const char *end) {
    const char *text = mp_obj_str_get_str(path);
    return end == text ? MP_OBJ_NEW_QSTR(MP_QSTR__slash_) : mp_obj_new_str(text, end - text);
}

mp_obj_t mpdb_folder(mp_obj_t path) {
    return beginning(path, mpdb_file_name(path) - 1);
}

static bool is_there(mp_obj_t path) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        mp_vfs_stat(path);
        nlr_pop();
        return true;
    }
    mp_obj_t exception = MP_OBJ_FROM_PTR(nlr.ret_val);
    if (!mp_obj_exception_match(exception, MP_OBJ_FROM_PTR(&mp_type_OSError))
        || mp_obj_exception_get_value(exception) != MP_OBJ_NEW_SMALL_INT(MP_ENOENT)) {
        nlr_jump(nlr.ret_val);
    }
    return false;
}

void mpdb_make_folders(mp_obj_t path) {
    if (is_there(mpdb_folder(path))) {
        return;
    }
    for (const char *end = mp_obj_str_get_str(path); (end = strchr(end + 1, '/')) != NULL;) {
        mp_obj_t folder = beginning(path, end);
        if (!is_there(folder)) {
            mp_vfs_mkdir(folder);
        }
    }
}
