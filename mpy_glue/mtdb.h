// The border between the engine (Rust) and whoever embeds it (C): this header is the contract.
// bindgen makes the Rust side of it at build time, the MicroPython glue and the C test client
// include it.
//
// Rules
// * No function raises, prints or keeps a pointer it was given, but for the memory handed over
//   with mtdb_memory_give() and mtdb_init_file(), and the medium. None calls back, but for the functions of
//   the medium below a database in files: those must not raise, and must not call the engine.
// * The engine allocates nothing. In memory mode it says MTDB_NEED_MEMORY; the caller asks
//   mtdb_memory_wanted(), gives that much with mtdb_memory_give() and makes the same call again.
//   Until then nothing has changed.
// * After any negative status the database is as it was before the call.
// * Lengths are bytes, times are milliseconds of a clock that never goes back (`now`), strings are
//   UTF-8 without a terminating zero.
#ifndef MTDB_H
#define MTDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MTDB_FORMAT_VERSION 2
#define MTDB_MAX_DEPTH 32              // containers in containers
#define MTDB_MAX_KEY_BYTES 255         // and a quarter of the page less 8: mtdb_max_key()
#define MTDB_MAX_TAGS 32               // of one record
#define MTDB_MAX_TAG_BYTES 64
#define MTDB_GENERATED_KEY_BYTES 10
#define MTDB_MAX_NAME_NUMBER 511       // name numbers run from 1 to this
#define MTDB_FOREVER 0                 // as a time of expiry

typedef enum {
    MTDB_OK = 0,
    MTDB_ABSENT = 1,        // no such record, or no more of them
    MTDB_MORE = 2,          // the budget of this step is used up: call again to go on
    MTDB_NEED_MEMORY = -1,  // give what mtdb_memory_wanted() says and call again
    MTDB_FULL = -2,         // the memory limit is reached
    MTDB_NO_ROOM = -3,      // the caller's buffer is too short; the length needed is in the result
    MTDB_BAD_KEY = -4,      // length of a key outside 1 .. mtdb_max_key()
    MTDB_BAD_TAG = -5,      // more than MTDB_MAX_TAGS, or one longer than MTDB_MAX_TAG_BYTES
    MTDB_TOO_DEEP = -6,     // containers nested deeper than MTDB_MAX_DEPTH
    MTDB_BAD_QUERY = -7,    // mtdb_query_problem_t says what and where
    MTDB_CORRUPT = -8,      // encoded bytes that this engine did not write
    MTDB_BAD_OPTION = -9,   // a page size other than 512, 1024, 2048 and 4096
    MTDB_TOO_LONG = -10,    // a value longer than MTDB_MAX_VALUE_BYTES
    MTDB_IO = -11,          // the medium failed: MTDB_DETAIL() of the status is its error number
    MTDB_FOREIGN = -12,     // the file of that name is not a database of ours
    MTDB_BTREE = -13,       // it is one of MicroPython's btree module
    MTDB_NEWER = -14,       // it is of a newer format: MTDB_DETAIL() of the status is its version
} mtdb_status_t;

// A negative status holds one of the above and, for some, a detail.
#define MTDB_STATUS(status) ((status) < 0 ? -(-(status) % 256) : (status))
#define MTDB_DETAIL(status) (-(status) / 256)

#define MTDB_MAX_VALUE_BYTES 65535     // encoded; the glue's limit in JSON characters comes first

// ---- the database -----------------------------------------------------------------------------

// State of one open database. Its memory is the caller's, is scanned by the caller's collector (it
// holds the address of the memory given) and must not move.
typedef struct {
    uint64_t opaque[80];
} mtdb_database_t;

typedef struct {
    size_t memory_limit;       // in memory: bytes of pages; raised to the least the engine can work with
    uint32_t page_size;        // 512, 1024, 2048 or 4096; a file that is there has its own
    uint32_t cache_pages;      // in files: at most so many pages are held in memory
    uint32_t flush_threshold;  // writes between two flushes; 0: by the rule
    bool adaptive;             // the rule in memory: every 5 writes if true, every 10 if not; in files 10, 15
                               // or 20 by what has been done if true, every 10 if not
    bool batch_rule;           // with adaptive: a flush_threshold given is raised when most of what is done are
                               // batches: to 30 and half as much again, to 50 and twice as much
} mtdb_options_t;

int32_t mtdb_open_memory(mtdb_database_t *db, const mtdb_options_t *options);

// ---- a database in files ------------------------------------------------------------------------

// What a database in files consists of: the root file, which bears the user's name, and beside it segments
// numbered 0 to MTDB_SEGMENTS - 1 and a spare.
#define MTDB_SEGMENTS 64
#define MTDB_FILE_ROOT 64
#define MTDB_FILE_SPARE 65
#define MTDB_FILE_BACKUP 66  // where mtdb_backup_step() writes to

// The medium. Every function returns 0, or a positive error number (errno) and has then done nothing that
// the engine relies on. They must not raise, and must not call the engine. At most two files are open for
// writing at a time: a segment and one of the others. `file` is one of the numbers above.
typedef struct {
    void *context;
    // Which segments there are: bit n for segment n.
    int32_t (*list)(void *context, uint64_t *segments);
    // Bytes of a file, or ENOENT. What was appended and not yet synced may be missing.
    int32_t (*size)(void *context, uint32_t file, uint32_t *bytes);
    // Reads up to len bytes at `at`; *got is less only at the end of the file. What was appended and not yet
    // synced is never asked for.
    int32_t (*read)(void *context, uint32_t file, uint32_t at, uint8_t *buf, size_t len, size_t *got);
    // Makes a file anew, empty, for appending; one of that name is overwritten.
    int32_t (*create)(void *context, uint32_t file);
    // Opens a file that is there for appending at its end.
    int32_t (*reopen)(void *context, uint32_t file);
    int32_t (*append)(void *context, uint32_t file, const uint8_t *bytes, size_t len);
    // Makes all that was appended durable, the file itself too. After a failure it is never repeated.
    int32_t (*sync)(void *context, uint32_t file);
    // Ends the appending; nothing that was not synced counts. No error is of interest.
    void (*close)(void *context, uint32_t file);
    int32_t (*remove)(void *context, uint32_t file);
    // Free bytes of the medium, UINT64_MAX where nobody knows.
    int32_t (*space)(void *context, uint64_t *bytes);
    // Bytes of a block on a medium like littlefs, which copies the last block of a file when more is appended to it
    // after a sync; 0 on others, and where it is not known yet. May be NULL.
    uint32_t (*copied_block)(void *context);
} mtdb_medium_t;

// Bytes of the block that mtdb_init_file() takes.
size_t mtdb_file_state_bytes(void);
// Prepares a database in files: nothing is read yet. `state`: a block of mtdb_file_state_bytes(), aligned for
// uint64_t, the engine's until mtdb_memory_reclaim() gives it back (or the block is simply dropped with the
// database). *medium is copied.
int32_t mtdb_init_file(mtdb_database_t *db, const mtdb_options_t *options, const mtdb_medium_t *medium, void *state);
// Opens it, or makes it where there is none. `wall`: seconds since 1970, or 0; `seed`: anything that is seldom
// the same. MTDB_NEED_MEMORY: give, and call again. An existing database is not written to by this.
int32_t mtdb_open_file(mtdb_database_t *db, uint64_t wall, uint64_t seed);
// Where the database's clock stood, in milliseconds: `now` has to go on from there.
uint64_t mtdb_clock(const mtdb_database_t *db);
// What time it is; the next commit takes it down. To be said before calls that write.
void mtdb_set_time(mtdb_database_t *db, uint64_t now, uint64_t wall);
// Makes everything durable before the database is closed. (mtdb_flush() allows for generated keys that
// are given after it, this does not: the next ones go on where these ended.)
int32_t mtdb_close_file(mtdb_database_t *db);

// A copy of the whole database in one file (MTDB_FILE_BACKUP) that opens as a database, as it is when this
// begins, whatever is written between the steps. Outside of transactions.
int32_t mtdb_backup_begin(mtdb_database_t *db);
// Copies at most `budget` pages: MTDB_OK when the copy is whole and durable, else MTDB_MORE.
int32_t mtdb_backup_step(mtdb_database_t *db, uint32_t budget);
// Gives up a backup that is not whole; nothing where there is none.
void mtdb_backup_end(mtdb_database_t *db);

// ---- memory ------------------------------------------------------------------------------------------

// How many bytes the engine wants next; 0 when it has what it needs. In files it also says so without an
// MTDB_NEED_MEMORY, when more pages would help: asked between calls, the caller may give them or refuse.
size_t mtdb_memory_wanted(mtdb_database_t *db);
// In files: there is no more memory to be had; the cache stays as large as it is.
void mtdb_memory_refuse(mtdb_database_t *db);
// Hands over `bytes` bytes at `memory`, aligned for uint64_t. Returns a block that is no longer needed
// and is the caller's again, or NULL.
void *mtdb_memory_give(mtdb_database_t *db, void *memory, size_t bytes);
// A block that has become empty and is the caller's again, or NULL. Worth asking after deletes.
void *mtdb_memory_surplus(mtdb_database_t *db);
// On closing: every block in turn, then NULL. The database must not be used afterwards.
void *mtdb_memory_reclaim(mtdb_database_t *db);

size_t mtdb_max_key(const mtdb_database_t *db);

typedef struct {
    uint64_t puts, gets, deletes, queries, batches;  // since opening; puts and deletes count records
    uint64_t flushes;
    uint64_t bytes_used;    // pages in use, whole
    uint64_t bytes_limit;
    uint64_t free_bytes;    // what is left of the limit; the medium below files is the caller's to ask
    uint64_t file_bytes;    // of all files, as far as written
    uint64_t cache_hits, cache_misses;
    uint32_t records;       // expired but uncollected ones among them
    uint32_t ttl_records;
    uint32_t names;         // field names and tags in the table of names
    uint32_t compressed;    // records whose value is compressed, and
    uint32_t saved;         // by how many bytes that makes them shorter
    uint32_t page_size;
} mtdb_statistics_t;

int32_t mtdb_statistics(mtdb_database_t *db, mtdb_statistics_t *out);
// Count an operation that the engine cannot see as one; a batch with how many records it wrote.
void mtdb_count_batch(mtdb_database_t *db, uint32_t writes);
void mtdb_count_query(mtdb_database_t *db);

// ---- encoded documents: writing ------------------------------------------------------------------

// Pushes append one item each. A value is one push, or a list and its values, or a dict and a
// name before each value. A push that returns MTDB_NO_ROOM has written nothing: move the bytes to a
// larger buffer, set buf and cap, push again. Depth is the caller's to watch.
typedef struct {
    uint8_t *buf;
    size_t cap;
    size_t len;
    size_t json_len;     // of the same value as JSON text with ", " and ": "
    uint32_t literals;   // names written out that the table of names could hold
} mtdb_encoder_t;

// A name: a field of a dict, or a tag. `number` is its number in the table of names; 0: not known, and
// text and len count.
typedef struct {
    const uint8_t *text;
    size_t len;
    uint32_t number;
} mtdb_name_t;

void mtdb_encoder_start(mtdb_encoder_t *encoder, uint8_t *buf, size_t cap);
int32_t mtdb_push_none(mtdb_encoder_t *encoder);
int32_t mtdb_push_bool(mtdb_encoder_t *encoder, bool value);
int32_t mtdb_push_int(mtdb_encoder_t *encoder, int64_t value);
// An int beyond int64_t: sign and big-endian magnitude. json_len: of its digits, with the sign.
int32_t mtdb_push_bigint(mtdb_encoder_t *encoder, bool negative, const uint8_t *magnitude, size_t len,
    size_t json_len);
// Finite. json_len: as this machine's json.dumps would write it.
int32_t mtdb_push_float(mtdb_encoder_t *encoder, double value, size_t json_len);
int32_t mtdb_push_str(mtdb_encoder_t *encoder, const uint8_t *text, size_t len);
// Bytes, for programs whose values are not documents: no query matches them.
int32_t mtdb_push_bytes(mtdb_encoder_t *encoder, const uint8_t *bytes, size_t len);
int32_t mtdb_push_list(mtdb_encoder_t *encoder, size_t items);
int32_t mtdb_push_dict(mtdb_encoder_t *encoder, size_t items);
// text and len are always needed here (for json_len); number, where known, is what is written.
// With number 0 and a database, the table of names is asked and name->number set when it knows it;
// with db NULL the name is written out (as queries want it).
int32_t mtdb_push_name(mtdb_encoder_t *encoder, mtdb_database_t *db, mtdb_name_t *name);
// The same for a tag of a record: pushed before the value, not counted in json_len.
int32_t mtdb_push_tag(mtdb_encoder_t *encoder, mtdb_database_t *db, mtdb_name_t *tag);

// ---- encoded documents: reading --------------------------------------------------------------------

typedef enum {
    MTDB_NONE,
    MTDB_BOOL,    // integer: 0 or 1
    MTDB_INT,     // integer
    MTDB_BIGINT,  // integer: 1 when negative; bytes, len: big-endian magnitude
    MTDB_FLOAT,   // real
    MTDB_STR,     // bytes, len
    MTDB_LIST,    // len: items that follow
    MTDB_DICT,    // len: pairs of name and value that follow
    MTDB_BYTES,   // bytes, len
} mtdb_kind_t;

typedef struct {
    uint32_t kind;  // mtdb_kind_t
    size_t len;
    const uint8_t *bytes;
    int64_t integer;
    double real;
} mtdb_item_t;

typedef struct {
    const uint8_t *buf;
    size_t len;
    size_t at;
} mtdb_reader_t;

// MTDB_OK or MTDB_CORRUPT. `bytes` and `text` point into the reader's buffer.
int32_t mtdb_read(mtdb_reader_t *reader, mtdb_item_t *item);
// number 0: a name written out, in text and len.
int32_t mtdb_read_name(mtdb_reader_t *reader, mtdb_name_t *name);

// ---- the table of names --------------------------------------------------------------------------

// Grows when numbers were taken away (purge, rollback): what was remembered of names is void then.
uint32_t mtdb_names_epoch(const mtdb_database_t *db);
// The number of a name, or 0.
uint32_t mtdb_name_number(mtdb_database_t *db, const uint8_t *text, size_t len);
// The text of a number into buf (MTDB_MAX_TAG_BYTES is enough): MTDB_OK or MTDB_CORRUPT.
int32_t mtdb_name_text(mtdb_database_t *db, uint32_t number, uint8_t *buf, size_t *len);
// Gives numbers to the names and tags written out in a body (encoder.literals of them) and replaces
// them there: it gets shorter, *len says how long it is then. To be done before mtdb_put when
// encoder.literals is not 0, in the same transaction.
int32_t mtdb_intern_names(mtdb_database_t *db, uint8_t *body, size_t *len, uint32_t tag_count);

// ---- records ----------------------------------------------------------------------------------------

typedef struct {
    const uint8_t *key;
    size_t key_len;
    const uint8_t *body;  // tag_count tags (mtdb_push_tag), then one value
    size_t body_len;
    uint32_t tag_count;
    uint64_t expires;     // or MTDB_FOREVER; later than 2^48 - 1 counts as that
    const uint8_t *stored;  // NULL, or what is stored for the body: the same tags, and what mtdb_compress()
    size_t stored_len;      // made of the value
} mtdb_record_t;

// What get and the cursors give: the body is tag_count tags (mtdb_read_name), then the value
// (mtdb_read), as they were put, compressed or not.
typedef struct {
    size_t body_len;      // without a buffer, as it is stored
    uint32_t tag_count;
    uint64_t expires;
    size_t key_len;
    uint64_t fingerprint; // what mtdb_update() asks for where the value is stored compressed; else 0, and that
                          // of the body is what it asks for
} mtdb_found_t;

// Replaces a record of that key whole. MTDB_OK. MTDB_BAD_TAG also when a tag is written out that the
// table of names has or could hold: mtdb_intern_names first.
int32_t mtdb_put(mtdb_database_t *db, const mtdb_record_t *record);
// Replaces the body of a record (its tags, as it had them, and the new value) and leaves its TTL:
// `expires` of the record given does not count. MTDB_ABSENT when the record is gone or its body, as it is stored,
// no longer has that fingerprint.
int32_t mtdb_update(mtdb_database_t *db, const mtdb_record_t *record, uint64_t fingerprint, uint64_t now);
uint64_t mtdb_fingerprint(const uint8_t *body, size_t len);
// MTDB_OK, MTDB_ABSENT, or MTDB_NO_ROOM with body_len set to the cap that the next step takes: a compressed value
// says so twice, first for what is stored, then for the plain body and some 1 KB of scratch with it. buf may be
// NULL with cap 0 (existence).
int32_t mtdb_get(mtdb_database_t *db, const uint8_t *key, size_t key_len, uint64_t now, uint8_t *buf,
    size_t cap, mtdb_found_t *found);
// MTDB_OK or MTDB_ABSENT. An expired record is absent, and is removed.
int32_t mtdb_delete(mtdb_database_t *db, const uint8_t *key, size_t key_len, uint64_t now);
// Removes everything, the table of names too. *removed: how many unexpired records there were. Never
// MTDB_NEED_MEMORY outside of a transaction.
int32_t mtdb_purge(mtdb_database_t *db, uint64_t now, uint32_t *removed);
// The next generated key, MTDB_GENERATED_KEY_BYTES bytes into buf. Never the same twice.
int32_t mtdb_next_key(mtdb_database_t *db, uint8_t *buf);

// ---- compressed values ------------------------------------------------------------------------------

// What mtdb_compress works in; what is in it before does not matter.
typedef struct {
    uint32_t opaque[1280];
} mtdb_compress_scratch_t;

// Writes how an encoded value is stored compressed to out and gives the length of that, or 0 where it does not
// fit: with a cap of len - 1 what fits is shorter. Reading needs no call: get and the cursors expand it.
size_t mtdb_compress(const uint8_t *plain, size_t len, uint8_t *out, size_t cap,
    mtdb_compress_scratch_t *scratch);

// ---- expiry, upkeep ------------------------------------------------------------------------------------

// Removes at most `budget` expired records, adds their number to *removed. MTDB_OK when none is left,
// else MTDB_MORE. Inside a transaction nothing is done.
int32_t mtdb_expire(mtdb_database_t *db, uint64_t now, uint32_t budget, uint32_t *removed);
// True when a record's time has come. O(1).
bool mtdb_has_expired(const mtdb_database_t *db, uint64_t now);
// Packs at most `budget` pages closer. MTDB_OK when a whole round is done, else MTDB_MORE.
int32_t mtdb_compact(mtdb_database_t *db, uint32_t budget);
// In memory, for writes outside of transactions: counts them towards the flush rule. In files a write is begun
// with mtdb_begin() and ended with mtdb_commit_writes(), which see.
int32_t mtdb_wrote(mtdb_database_t *db, uint32_t writes);
// Makes everything before durable, all or nothing. Inside a transaction nothing is done.
int32_t mtdb_flush(mtdb_database_t *db);

// ---- transactions ---------------------------------------------------------------------------------------

// A transaction in a transaction is a savepoint. commit and rollback never fail.
int32_t mtdb_begin(mtdb_database_t *db);
int32_t mtdb_commit(mtdb_database_t *db);
// Ends the innermost transaction as mtdb_commit() does and counts `writes` writes. When it was the outermost
// one and the flush rule says so, or `flush` does, everything is made durable with it; when that fails
// (MTDB_IO) the transaction is still open, as it was, and the caller rolls it back.
int32_t mtdb_commit_writes(mtdb_database_t *db, uint32_t writes, bool flush);
int32_t mtdb_rollback(mtdb_database_t *db);
uint32_t mtdb_transaction_depth(const mtdb_database_t *db);

// ---- cursors and queries -----------------------------------------------------------------------------------

// A place in the key order. Records added and removed meanwhile neither break it nor show a record
// twice. Its memory is the caller's; it holds no pointer.
typedef struct {
    uint64_t opaque[64];
} mtdb_cursor_t;

void mtdb_cursor_start(mtdb_cursor_t *cursor);
// The next unexpired record: its key into key (MTDB_MAX_KEY_BYTES bytes), its body into buf unless buf
// is NULL. MTDB_NO_ROOM does not move the cursor.
int32_t mtdb_cursor_next(mtdb_database_t *db, mtdb_cursor_t *cursor, uint64_t now, uint8_t *key,
    uint8_t *buf, size_t cap, mtdb_found_t *found);

typedef enum {
    MTDB_QUERY_NOT_A_DICT = 1,
    MTDB_QUERY_OPERATOR,      // an unknown operator: its name is in text
    MTDB_QUERY_OPERAND,       // an operand of the wrong type for the operator in text
    MTDB_QUERY_MIXED,         // operators and other names in one dict: the field is in text
    MTDB_QUERY_LIMIT,         // $limit is no non-negative int
} mtdb_query_fault_t;

typedef struct {
    uint32_t fault;  // mtdb_query_fault_t
    const uint8_t *text;
    size_t len;
} mtdb_query_problem_t;

typedef struct {
    uint64_t opaque[2];
} mtdb_term_t;

// A compiled query: the encoded query, and terms of it in the caller's memory. Both stay
// where they are while it is used.
typedef struct {
    const uint8_t *encoded;
    size_t encoded_len;
    mtdb_term_t *terms;
    size_t term_count;
    uint64_t remaining;    // matches left to give, by $limit
    uint32_t names;        // the state of the table of names that the terms know
    uint32_t names_epoch;
} mtdb_query_t;

// Checks an encoded query (a dict with its names written out) and sets *term_count to how many
// terms it needs. MTDB_OK, or MTDB_BAD_QUERY with *problem set.
int32_t mtdb_query_check(const uint8_t *encoded, size_t len, size_t *term_count,
    mtdb_query_problem_t *problem);
// Compiles it: encoded, encoded_len, terms, term_count of `query` are set by the caller.
int32_t mtdb_query_compile(mtdb_database_t *db, mtdb_query_t *query);
// The next match, as mtdb_cursor_next. Looks at no more than `budget` records: MTDB_MORE. A record too
// large to be matched in its page is read into buf first: MTDB_NO_ROOM says how much that takes.
int32_t mtdb_query_next(mtdb_database_t *db, mtdb_query_t *query, mtdb_cursor_t *cursor, uint64_t now,
    uint32_t budget, uint8_t *key, uint8_t *buf, size_t cap, mtdb_found_t *found);

#endif
