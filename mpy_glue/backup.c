// backup(path): a copy of a database in one file, made in steps between which it can be read and written.
#include "py/runtime.h"
#include "extmod/vfs.h"

#include "files.h"

// Pages of one step.
#define PAGES_PER_STEP 16

// Inside the guard.
static void begin(mpdb_t *self, mp_obj_t path) {
    mpdb_files_t *files = self->files;
    if (files == NULL) {
        mp_raise_ValueError(MP_ERROR_TEXT("only a database in a file can be backed up, this one is in memory"));
    }
    if (files->backup != MP_OBJ_NULL) {
        mp_raise_msg(&mp_type_RuntimeError, MP_ERROR_TEXT("a backup of this database is being made already"));
    }
    if (mtdb_transaction_depth(&self->engine) != 0) {
        mp_raise_msg(&mp_type_RuntimeError, MP_ERROR_TEXT("a backup is made outside of transactions"));
    }
    if (mpdb_is_open(path)) {
        mp_raise_ValueError(MP_ERROR_TEXT("a backup cannot be made over a database that is open"));
    }
    mpdb_make_folders(path);
    files->backup = path;
    int32_t status;
    MPDB_CALL(self, status, mtdb_backup_begin(&self->engine));
    if (status < 0) {
        files->backup = MP_OBJ_NULL;
        mpdb_raise_status(self, status);
    }
}

static void copy(mpdb_handle_t *handle) {
    int32_t status;
    do {
        // EXCEPTION: KeyboardInterrupt, or that the database was closed meanwhile.
        mpdb_between_steps();
        mpdb_guard_t guard;
        mpdb_t *self = mpdb_enter(handle, &guard);
        MPDB_CALL(self, status, mtdb_backup_step(&self->engine, PAGES_PER_STEP));
        mpdb_check_status(self, status);
        if (status != MTDB_MORE) {
            self->files->backup = MP_OBJ_NULL;
        }
        mpdb_leave(&guard);
    } while (status == MTDB_MORE);
}

void mpdb_end_backup(mpdb_files_t *files) {
    if (files->backup != MP_OBJ_NULL) {
        mtdb_backup_end(&files->db->engine);
        mpdb_medium.close(files, MTDB_FILE_BACKUP);
        mpdb_medium.remove(files, MTDB_FILE_BACKUP);
        files->backup = MP_OBJ_NULL;
    }
}

/// def backup(self, path: str) -> None
static mp_obj_t mpdb_backup(mp_obj_t self_in, mp_obj_t path_in) {
    mpdb_handle_t *handle = MP_OBJ_TO_PTR(self_in);
    mp_obj_t path = mpdb_absolute_path(path_in);
    mpdb_guard_t guard;
    begin(mpdb_enter(handle, &guard), path);
    mpdb_leave(&guard);
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        copy(handle);
        nlr_pop();
        return mp_const_none;
    }
    // Where it was closed that ended it already.
    if (mpdb_enter_if_open(handle, &guard)) {
        mpdb_end_backup(guard.self->files);
        mpdb_leave(&guard);
    }
    nlr_jump(nlr.ret_val);
}
MP_DEFINE_CONST_FUN_OBJ_2(mpdb_backup_obj, mpdb_backup);
