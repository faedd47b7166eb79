// MicroPython's filesystems as the engine's medium: littlefs, FAT, POSIX and whatever else can be mounted. The engine
// calls this from inside of its calls: nothing may be raised through it, and nobody may call it meanwhile.
#include <stdlib.h>
#include <string.h>

#include "py/mperrno.h"
#include "py/objstr.h"
#include "py/runtime.h"
#include "py/stream.h"
#include "extmod/vfs.h"
#if MICROPY_VFS_LFS2
#include "extmod/vfs_lfs.h"
#endif
#if MICROPY_VFS_FAT
#include "extmod/vfs_fat.h"
#endif
#if MICROPY_VFS_POSIX
#include "extmod/vfs_posix.h"
#endif

#include "files.h"

#if !MICROPY_ENABLE_FINALISER || !MICROPY_ENABLE_SCHEDULER
#error "microtetherdb needs MicroPython's finalisers and scheduler"
#endif

// ---- exceptions become error numbers ---------------------------------------------------------------------

// What a file access works on: one struct for all of them, since they differ in little.
typedef struct {
    mpdb_files_t *files;
    uint32_t file;
    uint32_t at;
    void *bytes;
    size_t len;
    mp_obj_t object;
    union {
        uint64_t segments;
        uint64_t space;
        uint32_t size;
        size_t got;
    } result;
} access_t;

static int32_t error_of(mpdb_files_t *files, mp_obj_t exception) {
    if (mp_obj_exception_match(exception, MP_OBJ_FROM_PTR(&mp_type_OSError))) {
        mp_int_t number;
        bool known = mp_obj_get_int_maybe(mp_obj_exception_get_value(exception), &number);
        return known && number > 0 && number <= INT32_MAX ? number : MP_EIO;
    }
    if (mp_obj_exception_match(exception, MP_OBJ_FROM_PTR(&mp_type_MemoryError))) {
        return MP_ENOMEM;
    }
    // KeyboardInterrupt, or what a block device's own code raised: it goes on when the engine has returned.
    if (files->exception == MP_OBJ_NULL) {
        files->exception = exception;
    }
    return MP_EIO;
}

static int32_t protect(access_t *access, int32_t (*action)(access_t *access)) {
    nlr_buf_t nlr;
    int32_t error;
    // rp2's flash driver and block devices written in Python would run callbacks in the middle of this.
    mp_sched_lock();
    if (nlr_push(&nlr) == 0) {
        error = action(access);
        nlr_pop();
    } else {
        error = error_of(access->files, MP_OBJ_FROM_PTR(nlr.ret_val));
    }
    mp_sched_unlock();
    return error;
}

// ---- file objects -----------------------------------------------------------------------------------------

static mp_obj_t path_of(const access_t *access) {
    mpdb_files_t *files = access->files;
    if (access->file == MTDB_FILE_ROOT) {
        return files->path;
    }
    if (access->file == MTDB_FILE_BACKUP) {
        return files->backup;
    }
    vstr_t path;
    vstr_init(&path, 64);
    vstr_add_str(&path, mp_obj_str_get_str(files->path));
    if (access->file == MTDB_FILE_SPARE) {
        vstr_add_str(&path, ".spare");
    } else {
        vstr_printf(&path, ".%04u", (unsigned int)access->file);
    }
    return mp_obj_new_str_from_vstr(&path);
}

static mp_obj_t open_path(mp_obj_t path, qstr mode) {
    mp_obj_t args[2] = { path, MP_OBJ_NEW_QSTR(mode) };
    mp_obj_t file = mp_vfs_open(2, args, (mp_map_t *)&mp_const_empty_map);
    mp_get_stream_raise(file, MP_STREAM_OP_READ | MP_STREAM_OP_WRITE | MP_STREAM_OP_IOCTL);
    return file;
}

static int32_t do_control(mp_obj_t file, mp_uint_t request) {
    int error = 0;
    if (mp_get_stream(file)->ioctl(file, request, 0, &error) == MP_STREAM_ERROR) {
        return error == 0 ? MP_EIO : error;
    }
    return 0;
}

static int32_t do_close(access_t *access) {
    return do_control(access->object, MP_STREAM_CLOSE);
}

// Closes a file, whatever that says: what counts is synced.
static void abandon(mpdb_files_t *files, mp_obj_t *slot) {
    access_t access = { .files = files, .object = *slot };
    *slot = MP_OBJ_NULL;
    if (access.object == MP_OBJ_NULL || protect(&access, do_close) == 0 || protect(&access, do_close) == 0) {
        return;
    }
    #if MICROPY_VFS_FAT
    // It keeps what it could not write, and its finaliser would write that when the place may be another file's. As an
    // object of a type without one it is just dropped, which FAT does not mind.
    if (mp_obj_is_type(access.object, &mp_type_vfs_fat_fileio)) {
        ((mp_obj_base_t *)MP_OBJ_TO_PTR(access.object))->type = &mp_type_object;
        return;
    }
    #endif
    // littlefs has it in its list of open files, so that it must not be collected as long as the filesystem is there.
    files->unclosed = access.object;
}

static mp_obj_t *slot_for(mpdb_files_t *files, uint32_t file, uint8_t **number) {
    *number = file < MTDB_SEGMENTS ? &files->segment_number : &files->other_number;
    return file < MTDB_SEGMENTS ? &files->segment : &files->other;
}

// The file object that was opened for appending to a file, or MP_OBJ_NULL.
static mp_obj_t *slot_of(mpdb_files_t *files, uint32_t file) {
    uint8_t *number;
    mp_obj_t *slot = slot_for(files, file, &number);
    return *slot != MP_OBJ_NULL && *number == file ? slot : NULL;
}

// A reader sees its file as that was when it was opened.
static void drop_reader(mpdb_files_t *files, uint32_t file) {
    if (files->reader_number == file) {
        abandon(files, &files->reader);
    }
}

// After a change of a folder that failed: it may have taken place on the device, and littlefs then has wrong places
// for the files that are open in that folder, and would store their next sync in others' entries. So they are not
// used any more: the engine goes on in a new file. (It changes folders when all is synced, so that closing them is safe.)
static void distrust_writers(mpdb_files_t *files, int32_t error) {
    if (error != 0 && error != MP_ENOENT && error != MP_ENOSPC) {
        abandon(files, &files->segment);
        abandon(files, &files->other);
    }
}

// ---- writing ------------------------------------------------------------------------------------------------

static int32_t do_create(access_t *access) {
    access->object = open_path(path_of(access), MP_QSTR_wb);
    return 0;
}

static int32_t do_reopen(access_t *access) {
    // "ab" makes a file where there is none.
    mp_obj_t path = path_of(access);
    mp_vfs_stat(path);
    access->object = open_path(path, MP_QSTR_ab);
    return 0;
}

static int32_t open_for_appending(mpdb_files_t *files, uint32_t file, int32_t (*action)(access_t *access)) {
    uint8_t *number;
    mp_obj_t *slot = slot_for(files, file, &number);
    abandon(files, slot);
    drop_reader(files, file);
    access_t access = { .files = files, .file = file };
    int32_t error = protect(&access, action);
    if (error == 0) {
        *slot = access.object;
        *number = file;
    }
    distrust_writers(files, error);
    return error;
}

static int32_t medium_create(void *context, uint32_t file) {
    mpdb_files_t *files = context;
    int32_t error = open_for_appending(files, file, do_create);
    files->made |= error == 0;
    return error;
}

static int32_t medium_reopen(void *context, uint32_t file) {
    return open_for_appending(context, file, do_reopen);
}

static int32_t do_append(access_t *access) {
    int error = 0;
    mp_uint_t done = mp_stream_rw(access->object, access->bytes, access->len, &error, MP_STREAM_RW_WRITE);
    return error != 0 ? error : done == access->len ? 0 : MP_EIO;
}

static int32_t medium_append(void *context, uint32_t file, const uint8_t *bytes, size_t len) {
    mpdb_files_t *files = context;
    mp_obj_t *slot = slot_of(files, file);
    if (slot == NULL) {
        return MP_EIO;
    }
    access_t access = { .files = files, .object = *slot, .bytes = (void *)bytes, .len = len };
    int32_t error = protect(&access, do_append);
    if (error != 0) {
        abandon(files, slot);
    }
    return error;
}

#if MICROPY_VFS_POSIX
// On the other filesystems a file's own sync makes its name durable.
static int32_t do_sync_folder(access_t *access) {
    access->object = open_path(mpdb_folder(path_of(access)), MP_QSTR_rb);
    return do_control(access->object, MP_STREAM_FLUSH);
}

static int32_t sync_folder(mpdb_files_t *files, uint32_t file) {
    access_t access = { .files = files, .file = file };
    int32_t error = protect(&access, do_sync_folder);
    abandon(files, &access.object);
    return error;
}
#endif

static int32_t do_sync(access_t *access) {
    return do_control(access->object, MP_STREAM_FLUSH);
}

static int32_t medium_sync(void *context, uint32_t file) {
    mpdb_files_t *files = context;
    mp_obj_t *slot = slot_of(files, file);
    if (slot == NULL) {
        return MP_EIO;
    }
    access_t access = { .files = files, .object = *slot };
    int32_t error = protect(&access, do_sync);
    #if MICROPY_VFS_POSIX
    if (error == 0 && files->made && mp_obj_is_type(access.object, &mp_type_vfs_posix_fileio)) {
        error = sync_folder(files, file);
    }
    #endif
    drop_reader(files, file);
    if (error != 0) {
        abandon(files, slot);
        return error;
    }
    files->made = false;
    files->synced |= file < MTDB_SEGMENTS;
    return 0;
}

static void medium_close_file(void *context, uint32_t file) {
    mpdb_files_t *files = context;
    mp_obj_t *slot = slot_of(files, file);
    if (slot != NULL) {
        abandon(files, slot);
        drop_reader(files, file);
    }
}

static int32_t do_remove(access_t *access) {
    mp_vfs_remove(path_of(access));
    return 0;
}

static int32_t medium_remove(void *context, uint32_t file) {
    mpdb_files_t *files = context;
    medium_close_file(files, file);
    drop_reader(files, file);
    access_t access = { .files = files, .file = file };
    int32_t error = protect(&access, do_remove);
    distrust_writers(files, error);
    return error;
}

// ---- reading -------------------------------------------------------------------------------------------------

// Makes the reader stand at a place. It goes there by the file's beginning: after a read that ended with a block,
// littlefs 2.8 takes a place in the next block for one in its cache of that one (lfs2_file_seek), and reads there.
static mp_off_t seek_reader(mpdb_files_t *files, uint32_t at, int *error) {
    if (files->reader_at == at) {
        return at;
    }
    mp_off_t begin = mp_stream_seek(files->reader, 0, MP_SEEK_SET, error);
    return begin == (mp_off_t)-1 ? begin : mp_stream_seek(files->reader, at, MP_SEEK_SET, error);
}

static int32_t do_read(access_t *access) {
    mpdb_files_t *files = access->files;
    if (files->reader == MP_OBJ_NULL) {
        files->reader = open_path(path_of(access), MP_QSTR_rb);
        files->reader_number = access->file;
        files->reader_at = 0;
    }
    int error = 0;
    mp_off_t at = seek_reader(files, access->at, &error);
    files->reader_at = UINT32_MAX;
    if (at == (mp_off_t)-1) {
        return error == 0 ? MP_EIO : error;
    }
    if (at != (mp_off_t)access->at) {
        // FAT does not say whether it stopped at the end of the file or could not read its table. Reading tells.
        mp_uint_t got = mp_stream_rw(files->reader, access->bytes, MIN(access->len, 1), &error, MP_STREAM_RW_READ);
        return error == 0 && got != 0 ? MP_EIO : error;
    }
    access->result.got = mp_stream_rw(files->reader, access->bytes, access->len, &error, MP_STREAM_RW_READ);
    files->reader_at = access->at + access->result.got;
    return error;
}

static int32_t medium_read(void *context, uint32_t file, uint32_t at, uint8_t *buf, size_t len, size_t *got) {
    mpdb_files_t *files = context;
    if (files->reader_number != file) {
        abandon(files, &files->reader);
    }
    access_t access = { .files = files, .file = file, .at = at, .bytes = buf, .len = len };
    int32_t error = protect(&access, do_read);
    if (error != 0) {
        abandon(files, &files->reader);
    }
    *got = access.result.got;
    return error;
}

static mp_obj_t item_of(mp_obj_t tuple, size_t index) {
    size_t len;
    mp_obj_t *items;
    mp_obj_get_array(tuple, &len, &items);
    if (index >= len) {
        mp_raise_OSError(MP_EIO);
    }
    return items[index];
}

static int32_t do_size(access_t *access) {
    mp_obj_t stat = mp_vfs_stat(path_of(access));
    if (mp_obj_get_int(item_of(stat, 0)) & MP_S_IFDIR) {
        return MP_EISDIR;
    }
    uint64_t size = (mp_uint_t)mp_obj_get_int_truncated(item_of(stat, 6));
    access->result.size = MIN(size, UINT32_MAX);
    return 0;
}

static int32_t medium_size(void *context, uint32_t file, uint32_t *bytes) {
    access_t access = { .files = context, .file = file };
    int32_t error = protect(&access, do_size);
    *bytes = access.result.size;
    return error;
}

static int32_t do_list(access_t *access) {
    mp_obj_t path = access->files->path;
    const char *name = mpdb_file_name(path);
    size_t len = strlen(name);
    mp_obj_t folder = mpdb_folder(path);
    mp_obj_t entries = mp_vfs_ilistdir(1, &folder);
    mp_obj_t entry;
    while ((entry = mp_iternext(entries)) != MP_OBJ_STOP_ITERATION) {
        size_t entry_len;
        const char *text = mp_obj_str_get_data(item_of(entry, 0), &entry_len);
        if (entry_len != len + 5 || memcmp(text, name, len) != 0 || text[len] != '.') {
            continue;
        }
        unsigned int number = 0;
        size_t digits = 0;
        while (digits < 4 && unichar_isdigit(text[len + 1 + digits])) {
            number = number * 10 + text[len + 1 + digits++] - '0';
        }
        if (digits == 4 && number < MTDB_SEGMENTS) {
            access->result.segments |= (uint64_t)1 << number;
        }
    }
    return 0;
}

static int32_t medium_list(void *context, uint64_t *segments) {
    access_t access = { .files = context };
    int32_t error = protect(&access, do_list);
    *segments = access.result.segments;
    return error;
}

#if MICROPY_VFS_LFS2
static bool is_on_littlefs(mpdb_files_t *files) {
    const char *rest;
    mp_vfs_mount_t *mount = mp_vfs_lookup_path(mp_obj_str_get_str(files->path), &rest);
    return mount != MP_VFS_NONE && mount != MP_VFS_ROOT && mp_obj_is_type(mount->obj, &mp_type_vfs_lfs2);
}
#else
#define is_on_littlefs(files) (false)
#endif

static int32_t do_space(access_t *access) {
    mp_obj_t statvfs = mp_vfs_statvfs(mpdb_folder(access->files->path));
    mp_int_t block = mp_obj_get_int_truncated(item_of(statvfs, 1));
    access->files->copied_block = is_on_littlefs(access->files) ? block : 0;
    mp_int_t blocks = mp_obj_get_int_truncated(item_of(statvfs, 2));
    mp_int_t free = mp_obj_get_int_truncated(item_of(statvfs, 4));
    // A full littlefs can count some blocks twice, and have less than none left.
    access->result.space = block <= 0 || free < 0 || free > blocks ? 0 : (uint64_t)block * free;
    return 0;
}

uint64_t mpdb_medium_space(mpdb_files_t *files) {
    access_t access = { .files = files };
    return protect(&access, do_space) == 0 ? access.result.space : UINT64_MAX;
}

static uint32_t medium_copied_block(void *context) {
    return ((mpdb_files_t *)context)->copied_block;
}

static int32_t medium_space(void *context, uint64_t *bytes) {
    *bytes = mpdb_medium_space(context);
    return 0;
}

bool mpdb_medium_is_posix(mpdb_files_t *files) {
    #if MICROPY_VFS_POSIX
    const char *rest;
    mp_vfs_mount_t *mount = mp_vfs_lookup_path(mp_obj_str_get_str(files->path), &rest);
    return mount != MP_VFS_NONE && mount != MP_VFS_ROOT && mp_obj_is_type(mount->obj, &mp_type_vfs_posix);
    #else
    (void)files;
    return false;
    #endif
}

void mpdb_medium_close(mpdb_files_t *files) {
    abandon(files, &files->segment);
    abandon(files, &files->other);
    abandon(files, &files->reader);
}

const mtdb_medium_t mpdb_medium = {
    .list = medium_list,
    .size = medium_size,
    .read = medium_read,
    .create = medium_create,
    .reopen = medium_reopen,
    .append = medium_append,
    .sync = medium_sync,
    .close = medium_close_file,
    .remove = medium_remove,
    .space = medium_space,
    .copied_block = medium_copied_block,
};
