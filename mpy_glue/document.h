// Python values to encoded documents and back.
#ifndef MPDB_DOCUMENT_H
#define MPDB_DOCUMENT_H

#include "database.h"

// Longest value, in bytes of JSON.
#define MPDB_MAX_JSON 8192

// ---- encoding (encode.c) ----------------------------------------------------------------------------

typedef struct {
    // Set by the caller.
    mpdb_t *self;       // whose names are used (inside its guard); NULL: names are written out
    mp_obj_t value;
    size_t limit;       // of JSON, in bytes; 0: none
    bool is_record;     // a record's body: tags first, and `_tags` of the outermost dict is no part of its value
    mp_obj_t tags;      // of the record; None: what its value has as `_tags`
    mp_obj_t node;      // a dict or list inside of value, or MP_OBJ_NULL
    mp_obj_t stand_in;  // what is encoded instead of it
    // Results.
    mtdb_encoder_t out;
    uint32_t tag_count;
    bool met_node;
    // Of the walk.
    mp_obj_t shown_tags;  // `_tags` of the outermost dict, or MP_OBJ_NULL
    size_t slack;       // how much longer out.json_len can be than the JSON text
    bool counting;      // only out.json_len counts, and is exact
} mpdb_encoding_t;

// Encodes into `buffer`, from its start, growing it. Raises TypeError and ValueError for what cannot be stored.
void mpdb_encode(mpdb_encoding_t *encoding, mpdb_buffer_t *buffer);

// Pushes a record's tags and counts them (tags.c). `tags` is a list or tuple of str; raises where not.
int32_t mpdb_push_tags(mpdb_encoding_t *encoding, mp_obj_t tags);
void mpdb_check_tags(mp_obj_t tags);

// The dict, list or tuple that an object of a class made from one holds, else the object itself.
mp_obj_t mpdb_native(mp_obj_t value);
bool mpdb_is_dict(mp_obj_t value);
// mp_obj_is_str() as a call, which takes less room.
bool mpdb_is_str(mp_obj_t value);
bool mpdb_is_list(mp_obj_t value);

// What stands under a name, or MP_OBJ_NULL.
mp_obj_t mpdb_member(mp_map_t *names, qstr name);

// ---- decoding (decode.c) ----------------------------------------------------------------------------

// The record that live dicts and lists write themselves back to: shared by all of one document.
typedef struct {
    mpdb_handle_t *handle;
    mp_obj_t key;
    mp_obj_t top;          // the outermost dict or list
    mp_obj_t tags;         // a list, or None
    uint64_t fingerprint;  // of the record's body as it was last seen, as it is stored
    mp_obj_t on_change;    // MP_OBJ_NULL, or what is called with the new value instead of storing it here
} mpdb_root_t;

// A value from a record's body, `_tags` put in where it is a dict that has some. With a root, dicts
// and lists are live ones that belong to it. Inside the guard.
mp_obj_t mpdb_decode(mpdb_t *self, const uint8_t *body, const mtdb_found_t *found, mpdb_root_t *root);
// The tags of a record as a list.
mp_obj_t mpdb_decode_tags(mpdb_t *self, const uint8_t *body, const mtdb_found_t *found);

// ---- live dicts and lists (live.c) --------------------------------------------------------------------

extern const mp_obj_type_t mpdb_type_live_dict;
extern const mp_obj_type_t mpdb_type_live_list;

mp_obj_t mpdb_new_live_dict(mpdb_root_t *root, size_t items);
mp_obj_t mpdb_new_live_list(mpdb_root_t *root, size_t items);

// ---- records (records.c) --------------------------------------------------------------------------------

// A key's bytes. Raises TypeError; the length is for the engine to judge.
const uint8_t *mpdb_key_bytes(mp_obj_t key, size_t *len);
// Milliseconds of a TTL in seconds; 0 for none.
uint64_t mpdb_ttl(mp_obj_t ttl);

typedef struct {
    const uint8_t *key;
    size_t key_len;
    mp_obj_t value;
    mp_obj_t tags;      // None: those in the value
    uint64_t ttl;       // milliseconds, 0 for ever
} mpdb_put_t;

// Reads a record's body into the buffer; false where there is none. Inside the guard.
bool mpdb_read_body(mpdb_t *self, mp_obj_t key, mpdb_buffer_t *buffer, mtdb_found_t *found);
// Stores one record. Inside the guard; returns MTDB_FULL or MPDB_NO_HEAP where a transaction is open, raises
// everything else.
int32_t mpdb_store(mpdb_guard_t *guard, const mpdb_put_t *put);
// Puts what was encoded into a record. True where it has names that are new to the database.
bool mpdb_encoded(const mpdb_encoding_t *encoding, mtdb_record_t *record);
// Writes an encoded record: as a new one, or where `fingerprint` is given in the place of the one that has it, which is
// then the new one's. `new_names` is what mpdb_encoded() said. Inside the guard.
int32_t mpdb_write(mpdb_guard_t *guard, mtdb_record_t *record, bool new_names, uint64_t *fingerprint);
// Has a record's value stored compressed where it is to be and that makes it shorter (compress.c). What
// mpdb_write() has done is then to be told, to free the memory.
void mpdb_compress(mpdb_t *self, mtdb_record_t *record);
void mpdb_compress_end(mtdb_record_t *record);
// The value of a record, or MP_OBJ_NULL.
mp_obj_t mpdb_fetch(mpdb_handle_t *handle, mp_obj_t key, bool live);
bool mpdb_delete_one(mpdb_handle_t *handle, mp_obj_t key);

MP_DECLARE_CONST_FUN_OBJ_VAR_BETWEEN(mpdb_live_obj);
MP_DECLARE_CONST_FUN_OBJ_VAR_BETWEEN(mpdb_put_bytes_obj);
MP_DECLARE_CONST_FUN_OBJ_VAR_BETWEEN(mpdb_read_bytes_obj);
MP_DECLARE_CONST_FUN_OBJ_KW(mpdb_put_obj);
MP_DECLARE_CONST_FUN_OBJ_2(mpdb_get_obj);
MP_DECLARE_CONST_FUN_OBJ_KW(mpdb_delete_obj);
MP_DECLARE_CONST_FUN_OBJ_2(mpdb_tags_obj);
MP_DECLARE_CONST_FUN_OBJ_KW(mpdb_put_batch_obj);
MP_DECLARE_CONST_FUN_OBJ_2(mpdb_delete_batch_obj);

// ---- scans and the mapping side (scan.c, query.c, mapping.c) ---------------------------------------------

// What a scan gives for each record.
typedef enum {
    MPDB_SCAN_KEYS,
    MPDB_SCAN_VALUES,
    MPDB_SCAN_ITEMS,
} mpdb_scan_kind_t;

// A walk over the records in key order, of all or of those that a query matches; an iterator.
typedef struct {
    mp_obj_base_t base;
    mpdb_handle_t *handle;  // NULL at its end
    mpdb_scan_kind_t kind;
    bool is_query;
    mpdb_buffer_t body;     // always on the heap
    mtdb_found_t found;
    mtdb_query_t query;
    mtdb_cursor_t cursor;
    uint8_t key[MTDB_MAX_KEY_BYTES];
} mpdb_scan_t;

mpdb_scan_t *mpdb_scan_new(mpdb_handle_t *handle, mpdb_scan_kind_t kind);
// MTDB_OK with a record in key and body, MTDB_ABSENT, or MTDB_MORE. Inside the guard.
int32_t mpdb_scan_step(mpdb_scan_t *scan);
// The object for the record it stands on. Inside the guard.
mp_obj_t mpdb_scan_object(mpdb_scan_t *scan);

// A query, checked and compiled, of query()'s arguments; and one step of it, false at its end.
mpdb_scan_t *mpdb_query_begin(size_t n_args, const mp_obj_t *args, mp_map_t *kw);
bool mpdb_query_step(mpdb_scan_t *scan, mp_obj_t results);

MP_DECLARE_CONST_FUN_OBJ_KW(mpdb_query_obj);
MP_DECLARE_CONST_FUN_OBJ_KW(mpdb_find_obj);
MP_DECLARE_CONST_FUN_OBJ_1(mpdb_keys_obj);
MP_DECLARE_CONST_FUN_OBJ_1(mpdb_values_obj);
MP_DECLARE_CONST_FUN_OBJ_1(mpdb_items_obj);

mp_obj_t mpdb_subscr(mp_obj_t self_in, mp_obj_t key, mp_obj_t value);
mp_obj_t mpdb_binary_op(mp_binary_op_t op, mp_obj_t self_in, mp_obj_t other);
mp_obj_t mpdb_getiter(mp_obj_t self_in, mp_obj_iter_buf_t *iter_buf);

#endif
