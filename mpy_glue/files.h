// What a database in files has beside what every database has: its place, its open files, its handles.
#ifndef MPDB_FILES_H
#define MPDB_FILES_H

#include "database.h"

typedef struct _mpdb_files_t {
    mp_obj_base_t base;
    struct _mpdb_files_t *next;  // in the list of those that are open
    mpdb_t *db;
    bool open;
    bool on_posix;               // on a VfsPosix, where a scheduled callback may write
    // Handles made, closed, and collected without having been closed; finalisers write only the last.
    uint32_t opened;
    uint32_t closed;
    volatile uint32_t dropped;
    // Of the constructor's parameters; milliseconds.
    uint32_t max_retries;
    uint32_t retry_delay;
    uint32_t auto_flush;
    uint64_t flushed_at;         // on the database's clock
    bool unflushed;              // something was written since
    // ---- of the medium (medium.c) ----
    bool synced;                 // a segment was, since this was last looked at
    bool made;                   // a file, whose name is not durable yet
    uint8_t segment_number;      // which files the next three are
    uint8_t other_number;
    uint8_t reader_number;
    uint32_t copied_block;       // bytes of a block of littlefs, once its space was asked for; 0 elsewhere
    uint32_t reader_at;          // where the reader stands, UINT32_MAX where that is not known
    mp_obj_t segment;            // file objects, or MP_OBJ_NULL: for appending a segment, for another file,
    mp_obj_t other;
    mp_obj_t reader;             // and for reading
    mp_obj_t unclosed;           // a file that could not be closed: its filesystem still knows its address
    mp_obj_t exception;          // that came out of the filesystem and is no OSError, to be raised; or MP_OBJ_NULL
    mp_obj_t path;               // absolute
    mp_obj_t backup;             // the path of the backup being made, or MP_OBJ_NULL
} mpdb_files_t;

// ---- the filesystem as the engine's medium (medium.c) --------------------------------------------------

// Its context is an mpdb_files_t.
extern const mtdb_medium_t mpdb_medium;
// Free bytes of the filesystem, UINT64_MAX where nobody knows.
uint64_t mpdb_medium_space(mpdb_files_t *files);
// Closes every file that is open.
void mpdb_medium_close(mpdb_files_t *files);
// Whether the root file is on a VfsPosix.
bool mpdb_medium_is_posix(mpdb_files_t *files);

// ---- paths (path.c) ------------------------------------------------------------------------------------

// A file name as an absolute path without . and .. in it, a str. Raises where it is no name of a file.
mp_obj_t mpdb_absolute_path(mp_obj_t name);
// Makes the folders above a path that are not there.
void mpdb_make_folders(mp_obj_t path);
// The folder of an absolute path, a str.
mp_obj_t mpdb_folder(mp_obj_t path);
// Where the name begins in it.
const char *mpdb_file_name(mp_obj_t path);

// ---- opening and closing (files.c) -----------------------------------------------------------------------

// Makes `handle` one of the database in files that the options name.
void mpdb_open_files(mpdb_handle_t *handle, const mpdb_options_t *options);
// Flushes, and closes the database when this was its last handle; raises where the flush fails, and then nothing
// is closed. Inside the guard.
void mpdb_close_files(mpdb_handle_t *handle, mpdb_guard_t *guard);
// Of a handle that is being collected: only marks.
void mpdb_drop_handle(mpdb_handle_t *handle);
// Closes what was dropped, where this is no place inside of a file access.
void mpdb_close_dropped(void);
// Whether a database in files is open at an absolute path, or is being opened.
bool mpdb_is_open(mp_obj_t path);

// ---- backups (backup.c) ------------------------------------------------------------------------------------

// Gives up one that is not whole: its file is removed. Inside the guard.
void mpdb_end_backup(mpdb_files_t *files);

// ---- writing (write.c) -------------------------------------------------------------------------------------

// Seconds since 1970, 0 where nobody knows.
uint64_t mpdb_wall_time(void);
// Tells the engine of a database in files what time it is, for its next commit.
void mpdb_set_time(mpdb_t *self);
// What is to be done after a call: more pages for the cache, where the heap has them.
void mpdb_offer_memory(mpdb_t *self);

#endif
