// A client of the ABI in plain C: what mpy_glue/mtdb.h promises, function by function, with malloc for
// memory. tools/c_client.sh builds and runs it. The last line is "N passed, N failed".
#include "mtdb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- a host ------------------------------------------------------------------------------------

#define MAX_BLOCKS 256
#define PLENTY SIZE_MAX

typedef struct {
    mtdb_database_t db;
    void *blocks[MAX_BLOCKS];
    size_t held;
    size_t allowance;  // how many more blocks it may have
} host_t;

static int checks_failed;

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            printf("FAIL %s:%d: %s\n", __FILE__, __LINE__, #condition); \
            checks_failed++; \
        } \
    } while (0)

static void take_back(host_t *host, void *block) {
    for (size_t i = 0; i < host->held; i++) {
        if (host->blocks[i] == block) {
            host->blocks[i] = host->blocks[--host->held];
            free(block);
            return;
        }
    }
    CHECK(!"a block that was given");
}

static bool feed(host_t *host) {
    size_t wanted;
    while ((wanted = mtdb_memory_wanted(&host->db)) != 0) {
        if (host->allowance == 0 || host->held == MAX_BLOCKS) {
            return false;
        }
        host->allowance--;
        void *block = malloc(wanted);
        host->blocks[host->held++] = block;
        void *old = mtdb_memory_give(&host->db, block, wanted);
        if (old != NULL) {
            take_back(host, old);
        }
    }
    return true;
}

// Makes a call, again and again for as long as it wants memory that there is.
#define FED(host, status, call) \
    do { \
        (status) = (call); \
    } while ((status) == MTDB_NEED_MEMORY && feed(host))

static void open_host(host_t *host, size_t limit) {
    mtdb_options_t options = {.memory_limit = limit, .page_size = 512, .adaptive = true};
    memset(host, 0, sizeof *host);
    host->allowance = PLENTY;
    CHECK(mtdb_open_memory(&host->db, &options) == MTDB_OK);
}

static void close_host(host_t *host) {
    void *block;
    while ((block = mtdb_memory_reclaim(&host->db)) != NULL) {
        take_back(host, block);
    }
    CHECK(host->held == 0);
}

static mtdb_statistics_t statistics(host_t *host) {
    mtdb_statistics_t out;
    CHECK(mtdb_statistics(&host->db, &out) == MTDB_OK);
    return out;
}

#define BYTES(text) (const uint8_t *)(text), strlen(text)

static bool same(const uint8_t *bytes, size_t len, const char *text) {
    return len == strlen(text) && memcmp(bytes, text, len) == 0;
}

static void push_name(mtdb_encoder_t *encoder, mtdb_database_t *db, const char *text) {
    mtdb_name_t name = {BYTES(text), 0};
    CHECK(mtdb_push_name(encoder, db, &name) == MTDB_OK);
}

// {"n": n}, with a tag unless it is NULL.
static int32_t put(host_t *host, const char *key, const char *tag, int64_t n, uint64_t expires) {
    uint8_t body[256];
    mtdb_encoder_t encoder;
    mtdb_encoder_start(&encoder, body, sizeof body);
    if (tag != NULL) {
        mtdb_name_t name = {BYTES(tag), 0};
        CHECK(mtdb_push_tag(&encoder, &host->db, &name) == MTDB_OK);
    }
    CHECK(mtdb_push_dict(&encoder, 1) == MTDB_OK);
    push_name(&encoder, &host->db, "n");
    CHECK(mtdb_push_int(&encoder, n) == MTDB_OK);
    int32_t status;
    FED(host, status, mtdb_begin(&host->db));
    if (status != MTDB_OK) {
        return status;
    }
    if (encoder.literals != 0) {
        FED(host, status, mtdb_intern_names(&host->db, body, &encoder.len, tag != NULL));
    }
    if (status == MTDB_OK) {
        mtdb_record_t record = {BYTES(key), body, encoder.len, tag != NULL, expires, NULL, 0};
        FED(host, status, mtdb_put(&host->db, &record));
    }
    CHECK((status == MTDB_OK ? mtdb_commit(&host->db) : mtdb_rollback(&host->db)) == MTDB_OK);
    return status;
}

static int32_t get(host_t *host, const char *key, uint64_t now) {
    mtdb_found_t found;
    return mtdb_get(&host->db, BYTES(key), now, NULL, 0, &found);
}

// The n of a record, or -1.
static int64_t number_of(host_t *host, const char *key, uint64_t now) {
    uint8_t body[256];
    mtdb_found_t found;
    if (mtdb_get(&host->db, BYTES(key), now, body, sizeof body, &found) != MTDB_OK) {
        return -1;
    }
    mtdb_reader_t reader = {body, found.body_len, 0};
    mtdb_name_t name;
    mtdb_item_t item;
    for (uint32_t i = 0; i < found.tag_count; i++) {
        CHECK(mtdb_read_name(&reader, &name) == MTDB_OK);
    }
    CHECK(mtdb_read(&reader, &item) == MTDB_OK && item.kind == MTDB_DICT && item.len == 1);
    CHECK(mtdb_read_name(&reader, &name) == MTDB_OK);
    CHECK(mtdb_read(&reader, &item) == MTDB_OK && item.kind == MTDB_INT);
    CHECK(reader.at == found.body_len);
    return item.integer;
}

// ---- the database and its memory -----------------------------------------------------------------

static void opening_takes_pages_of_four_sizes_only(void) {
    const uint32_t sizes[] = {512, 1024, 2048, 4096};
    const size_t longest[] = {120, 248, 255, 255};
    mtdb_database_t db;
    mtdb_options_t options = {.memory_limit = 100000};
    for (size_t i = 0; i < 4; i++) {
        options.page_size = sizes[i];
        CHECK(mtdb_open_memory(&db, &options) == MTDB_OK);
        CHECK(mtdb_max_key(&db) == longest[i]);
        CHECK(mtdb_memory_reclaim(&db) == NULL);
    }
    const uint32_t wrong[] = {0, 256, 513, 8192};
    for (size_t i = 0; i < 4; i++) {
        options.page_size = wrong[i];
        CHECK(mtdb_open_memory(&db, &options) == MTDB_BAD_OPTION);
    }
}

static void a_call_that_wants_memory_has_changed_nothing(void) {
    host_t host;
    open_host(&host, 100000);
    CHECK(mtdb_memory_wanted(&host.db) == 0);
    const uint8_t body[] = {0xe0};
    mtdb_record_t record = {BYTES("key"), body, sizeof body, 0, MTDB_FOREVER, NULL, 0};
    CHECK(mtdb_put(&host.db, &record) == MTDB_NEED_MEMORY);
    CHECK(get(&host, "key", 1) == MTDB_ABSENT);
    CHECK(statistics(&host).bytes_used == 0);
    size_t wanted = mtdb_memory_wanted(&host.db);
    CHECK(wanted > 0 && wanted % 8 == 0);
    uint64_t other[4];
    CHECK(mtdb_memory_give(&host.db, other, sizeof other) == other);
    CHECK(feed(&host));
    CHECK(mtdb_put(&host.db, &record) == MTDB_OK);
    CHECK(get(&host, "key", 1) == MTDB_OK);
    close_host(&host);
}

static void a_full_database_says_so_and_can_be_emptied(void) {
    host_t host;
    open_host(&host, 40000);
    char key[16];
    int64_t count = 0;
    int32_t status;
    do {
        snprintf(key, sizeof key, "key%06d", (int)count);
        status = put(&host, key, "red", count, 1000000);
    } while (status == MTDB_OK && ++count < 100000);
    CHECK(status == MTDB_FULL);
    CHECK(count > 100 && statistics(&host).records == count && statistics(&host).bytes_limit <= 40000);
    CHECK(statistics(&host).free_bytes == statistics(&host).bytes_limit - statistics(&host).bytes_used);
    CHECK(get(&host, key, 1) == MTDB_ABSENT);
    size_t held = host.held;
    host.allowance = 0;
    for (int64_t n = 0; n < count; n++) {
        snprintf(key, sizeof key, "key%06d", (int)n);
        CHECK(number_of(&host, key, 1) == n);
        CHECK(mtdb_delete(&host.db, BYTES(key), 1) == MTDB_OK);
    }
    void *block;
    while ((block = mtdb_memory_surplus(&host.db)) != NULL) {
        take_back(&host, block);
    }
    CHECK(host.held <= 4 && host.held < held);
    host.allowance = PLENTY;
    CHECK(put(&host, "again", NULL, 1, MTDB_FOREVER) == MTDB_OK);
    close_host(&host);
}

static void statistics_count_what_was_done(void) {
    host_t host;
    open_host(&host, 100000);
    CHECK(put(&host, "a", "red", 1, MTDB_FOREVER) == MTDB_OK);
    CHECK(put(&host, "b", NULL, 2, 500) == MTDB_OK);
    CHECK(get(&host, "a", 1) == MTDB_OK);
    CHECK(mtdb_delete(&host.db, BYTES("a"), 1) == MTDB_OK);
    mtdb_count_batch(&host.db, 2);
    mtdb_count_query(&host.db);
    mtdb_statistics_t counted = statistics(&host);
    CHECK(counted.puts == 2 && counted.gets == 1 && counted.deletes == 1);
    CHECK(counted.batches == 1 && counted.queries == 1);
    CHECK(counted.records == 1 && counted.ttl_records == 1 && counted.names == 2);
    CHECK(counted.page_size == 512 && counted.bytes_used == 1024);
    close_host(&host);
}

static void a_flush_is_due_after_so_many_writes(void) {
    mtdb_database_t db;
    mtdb_options_t options = {.memory_limit = 100000, .page_size = 512, .flush_threshold = 3};
    CHECK(mtdb_open_memory(&db, &options) == MTDB_OK);
    mtdb_statistics_t counted;
    CHECK(mtdb_wrote(&db, 2) == MTDB_OK && mtdb_statistics(&db, &counted) == MTDB_OK && counted.flushes == 0);
    CHECK(mtdb_wrote(&db, 1) == MTDB_OK && mtdb_statistics(&db, &counted) == MTDB_OK && counted.flushes == 1);
    CHECK(mtdb_flush(&db) == MTDB_OK && mtdb_statistics(&db, &counted) == MTDB_OK && counted.flushes == 1);
    CHECK(mtdb_wrote(&db, 1) == MTDB_OK && mtdb_flush(&db) == MTDB_OK);
    CHECK(mtdb_statistics(&db, &counted) == MTDB_OK && counted.flushes == 2);
}

// ---- documents and names ---------------------------------------------------------------------------

static void values_of_every_kind_come_back(void) {
    uint8_t buf[256];
    const uint8_t magnitude[] = {1, 0, 0, 0, 0, 0, 0, 0, 0};
    mtdb_encoder_t encoder;
    mtdb_encoder_start(&encoder, buf, sizeof buf);
    CHECK(mtdb_push_list(&encoder, 8) == MTDB_OK);
    CHECK(mtdb_push_none(&encoder) == MTDB_OK);
    CHECK(mtdb_push_bool(&encoder, true) == MTDB_OK);
    CHECK(mtdb_push_int(&encoder, -5000000000) == MTDB_OK);
    CHECK(mtdb_push_bigint(&encoder, true, magnitude, sizeof magnitude, 21) == MTDB_OK);
    CHECK(mtdb_push_float(&encoder, 0.1, 3) == MTDB_OK);
    CHECK(mtdb_push_str(&encoder, BYTES("h\"i")) == MTDB_OK);
    CHECK(mtdb_push_list(&encoder, 0) == MTDB_OK);
    CHECK(mtdb_push_dict(&encoder, 1) == MTDB_OK);
    push_name(&encoder, NULL, "field");
    CHECK(mtdb_push_bool(&encoder, false) == MTDB_OK);
    CHECK(encoder.json_len ==
        strlen("[null, true, -5000000000, -18446744073709551616, 0.1, \"h\\\"i\", [], {\"field\": false}]"));

    mtdb_reader_t reader = {buf, encoder.len, 0};
    mtdb_item_t item;
    CHECK(mtdb_read(&reader, &item) == MTDB_OK && item.kind == MTDB_LIST && item.len == 8);
    CHECK(mtdb_read(&reader, &item) == MTDB_OK && item.kind == MTDB_NONE);
    CHECK(mtdb_read(&reader, &item) == MTDB_OK && item.kind == MTDB_BOOL && item.integer == 1);
    CHECK(mtdb_read(&reader, &item) == MTDB_OK && item.kind == MTDB_INT && item.integer == -5000000000);
    CHECK(mtdb_read(&reader, &item) == MTDB_OK && item.kind == MTDB_BIGINT && item.integer == 1);
    CHECK(item.len == sizeof magnitude && memcmp(item.bytes, magnitude, item.len) == 0);
    CHECK(mtdb_read(&reader, &item) == MTDB_OK && item.kind == MTDB_FLOAT && item.real == 0.1);
    CHECK(mtdb_read(&reader, &item) == MTDB_OK && item.kind == MTDB_STR && same(item.bytes, item.len, "h\"i"));
    CHECK(mtdb_read(&reader, &item) == MTDB_OK && item.kind == MTDB_LIST && item.len == 0);
    CHECK(mtdb_read(&reader, &item) == MTDB_OK && item.kind == MTDB_DICT && item.len == 1);
    mtdb_name_t name;
    CHECK(mtdb_read_name(&reader, &name) == MTDB_OK && name.number == 0 && same(name.text, name.len, "field"));
    CHECK(mtdb_read(&reader, &item) == MTDB_OK && item.kind == MTDB_BOOL && item.integer == 0);
    CHECK(reader.at == encoder.len);
    CHECK(mtdb_read(&reader, &item) == MTDB_CORRUPT);
    CHECK(mtdb_read_name(&reader, &name) == MTDB_CORRUPT);
    CHECK(reader.at == encoder.len);
}

static void a_push_without_room_writes_nothing_and_goes_on_in_a_larger_buffer(void) {
    uint8_t small[4], large[16];
    mtdb_encoder_t encoder;
    mtdb_encoder_start(&encoder, small, sizeof small);
    CHECK(mtdb_push_list(&encoder, 1) == MTDB_OK);
    CHECK(mtdb_push_str(&encoder, BYTES("text")) == MTDB_NO_ROOM);
    CHECK(encoder.len == 1 && encoder.json_len == 2);
    memcpy(large, small, encoder.len);
    encoder.buf = large;
    encoder.cap = sizeof large;
    CHECK(mtdb_push_str(&encoder, BYTES("text")) == MTDB_OK);
    CHECK(encoder.len == 6 && encoder.json_len == 8);
}

static void names_get_numbers_and_lose_them_with_a_rollback(void) {
    host_t host;
    open_host(&host, 100000);
    uint8_t body[64], text[MTDB_MAX_TAG_BYTES];
    mtdb_encoder_t encoder;
    mtdb_encoder_start(&encoder, body, sizeof body);
    mtdb_name_t tag = {BYTES("red"), 0}, field = {BYTES("temperature"), 0};
    CHECK(mtdb_push_tag(&encoder, &host.db, &tag) == MTDB_OK);
    CHECK(mtdb_push_dict(&encoder, 1) == MTDB_OK);
    CHECK(mtdb_push_name(&encoder, &host.db, &field) == MTDB_OK);
    CHECK(mtdb_push_int(&encoder, 20) == MTDB_OK);
    CHECK(encoder.literals == 2 && tag.number == 0 && field.number == 0);
    mtdb_record_t record = {BYTES("key"), body, encoder.len, 1, MTDB_FOREVER, NULL, 0};
    CHECK(mtdb_put(&host.db, &record) == MTDB_BAD_TAG);

    int32_t status;
    uint32_t epoch = mtdb_names_epoch(&host.db);
    FED(&host, status, mtdb_begin(&host.db));
    FED(&host, status, mtdb_intern_names(&host.db, body, &encoder.len, 1));
    CHECK(status == MTDB_OK && encoder.len == 4);
    uint32_t number = mtdb_name_number(&host.db, BYTES("temperature"));
    CHECK(number >= 1 && number <= MTDB_MAX_NAME_NUMBER);
    size_t len = 0;
    CHECK(mtdb_name_text(&host.db, number, text, &len) == MTDB_OK && same(text, len, "temperature"));
    CHECK(mtdb_push_name(&encoder, &host.db, &field) == MTDB_OK && field.number == number);
    CHECK(mtdb_names_epoch(&host.db) == epoch);
    CHECK(mtdb_rollback(&host.db) == MTDB_OK);
    CHECK(mtdb_names_epoch(&host.db) > epoch);
    CHECK(mtdb_name_number(&host.db, BYTES("temperature")) == 0);
    CHECK(mtdb_name_text(&host.db, number, text, &len) == MTDB_CORRUPT);
    CHECK(mtdb_name_text(&host.db, 70000, text, &len) == MTDB_CORRUPT);
    close_host(&host);
}

// ---- records -----------------------------------------------------------------------------------------

static void what_is_no_record_is_refused(void) {
    host_t host;
    open_host(&host, 400000);
    uint8_t key[256], body[128];
    memset(key, 'k', sizeof key);
    memset(body, 0xc1, sizeof body);  // a list in a list in a list …
    body[sizeof body - 1] = 0xc0;
    mtdb_found_t found;
    size_t longest = mtdb_max_key(&host.db);
    mtdb_record_t record = {key, longest, body + sizeof body - 1, 1, 0, MTDB_FOREVER, NULL, 0};
    int32_t status;
    FED(&host, status, mtdb_put(&host.db, &record));
    CHECK(status == MTDB_OK);
    const size_t wrong[] = {0, longest + 1};
    for (size_t i = 0; i < 2; i++) {
        record.key_len = wrong[i];
        CHECK(mtdb_put(&host.db, &record) == MTDB_BAD_KEY);
        CHECK(mtdb_get(&host.db, key, wrong[i], 1, NULL, 0, &found) == MTDB_BAD_KEY);
        CHECK(mtdb_delete(&host.db, key, wrong[i], 1) == MTDB_BAD_KEY);
        CHECK(mtdb_update(&host.db, &record, 0, 1) == MTDB_BAD_KEY);
    }
    record = (mtdb_record_t){BYTES("key"), body, sizeof body, 0, MTDB_FOREVER, NULL, 0};
    CHECK(mtdb_put(&host.db, &record) == MTDB_TOO_DEEP);
    record.body_len = 2;
    CHECK(mtdb_put(&host.db, &record) == MTDB_CORRUPT);
    record.tag_count = MTDB_MAX_TAGS + 1;
    CHECK(mtdb_put(&host.db, &record) == MTDB_BAD_TAG);
    uint8_t *long_body = malloc(MTDB_MAX_VALUE_BYTES + 1);
    memset(long_body, 'x', MTDB_MAX_VALUE_BYTES + 1);
    memcpy(long_body, "\xeb\xfb\xff\x03", 4);  // a str of 65,531 bytes
    record = (mtdb_record_t){BYTES("key"), long_body, MTDB_MAX_VALUE_BYTES + 1, 0, MTDB_FOREVER, NULL, 0};
    CHECK(mtdb_put(&host.db, &record) == MTDB_TOO_LONG);
    CHECK(statistics(&host).records == 1 && get(&host, "key", 1) == MTDB_ABSENT);
    record.body_len = MTDB_MAX_VALUE_BYTES;
    FED(&host, status, mtdb_put(&host.db, &record));
    CHECK(status == MTDB_OK);
    CHECK(mtdb_get(&host.db, BYTES("key"), 1, body, sizeof body, &found) == MTDB_NO_ROOM);
    CHECK(found.body_len == MTDB_MAX_VALUE_BYTES);
    uint8_t *copy = malloc(found.body_len);
    CHECK(mtdb_get(&host.db, BYTES("key"), 1, copy, found.body_len, &found) == MTDB_OK);
    CHECK(memcmp(copy, long_body, found.body_len) == 0);
    free(copy);
    free(long_body);
    close_host(&host);
}

static void a_record_comes_back_until_it_is_deleted(void) {
    host_t host;
    open_host(&host, 100000);
    CHECK(get(&host, "key", 1) == MTDB_ABSENT);
    CHECK(put(&host, "key", "red", 5, 900) == MTDB_OK);
    mtdb_found_t found;
    CHECK(mtdb_get(&host.db, BYTES("key"), 1, NULL, 0, &found) == MTDB_OK);
    CHECK(found.body_len == 4 && found.tag_count == 1 && found.expires == 900 && found.key_len == 3);
    CHECK(number_of(&host, "key", 1) == 5);
    CHECK(put(&host, "key", NULL, 6, MTDB_FOREVER) == MTDB_OK);
    CHECK(number_of(&host, "key", 1000) == 6);
    CHECK(mtdb_delete(&host.db, BYTES("key"), 1) == MTDB_OK);
    CHECK(mtdb_delete(&host.db, BYTES("key"), 1) == MTDB_ABSENT);
    close_host(&host);
}

static void an_update_takes_the_fingerprint_of_what_it_replaces(void) {
    host_t host;
    open_host(&host, 100000);
    CHECK(put(&host, "key", NULL, 5, 900) == MTDB_OK);
    uint8_t body[16];
    mtdb_found_t found;
    CHECK(mtdb_get(&host.db, BYTES("key"), 1, body, sizeof body, &found) == MTDB_OK);
    uint64_t before = mtdb_fingerprint(body, found.body_len);
    body[found.body_len - 1]++;  // the small int
    mtdb_record_t record = {BYTES("key"), body, found.body_len, 0, MTDB_FOREVER, NULL, 0};
    int32_t status;
    FED(&host, status, mtdb_update(&host.db, &record, before, 1));
    CHECK(status == MTDB_OK && number_of(&host, "key", 1) == 6);
    CHECK(mtdb_get(&host.db, BYTES("key"), 1, NULL, 0, &found) == MTDB_OK && found.expires == 900);
    CHECK(mtdb_update(&host.db, &record, before, 1) == MTDB_ABSENT);
    CHECK(mtdb_update(&host.db, &record, mtdb_fingerprint(body, found.body_len), 900) == MTDB_ABSENT);
    close_host(&host);
}

static void records_expire_in_steps(void) {
    host_t host;
    open_host(&host, 100000);
    CHECK(!mtdb_has_expired(&host.db, 1000000));
    char key[] = "key0";
    for (; key[3] < '8'; key[3]++) {
        CHECK(put(&host, key, "red", 1, 500) == MTDB_OK);
    }
    CHECK(!mtdb_has_expired(&host.db, 499) && mtdb_has_expired(&host.db, 500));
    CHECK(get(&host, "key1", 499) == MTDB_OK && get(&host, "key1", 500) == MTDB_ABSENT);
    CHECK(mtdb_delete(&host.db, BYTES("key0"), 500) == MTDB_ABSENT);
    uint32_t removed = 10;
    int32_t status;
    FED(&host, status, mtdb_begin(&host.db));
    CHECK(mtdb_expire(&host.db, 500, 5, &removed) == MTDB_OK && removed == 10);
    CHECK(mtdb_commit(&host.db) == MTDB_OK);
    CHECK(mtdb_expire(&host.db, 500, 5, &removed) == MTDB_MORE && removed == 15);
    CHECK(mtdb_expire(&host.db, 500, 5, &removed) == MTDB_OK && removed == 17);
    CHECK(statistics(&host).records == 0 && !mtdb_has_expired(&host.db, 500));
    close_host(&host);
}

static void a_purge_takes_everything_and_a_generated_key_never_comes_twice(void) {
    host_t host;
    open_host(&host, 100000);
    char keys[3][MTDB_GENERATED_KEY_BYTES + 1] = {{0}};
    CHECK(mtdb_next_key(&host.db, (uint8_t *)keys[0]) == MTDB_OK);
    CHECK(mtdb_next_key(&host.db, (uint8_t *)keys[1]) == MTDB_OK);
    CHECK(strcmp(keys[0], keys[1]) < 0);
    CHECK(put(&host, keys[0], "red", 1, MTDB_FOREVER) == MTDB_OK);
    CHECK(put(&host, keys[1], NULL, 1, 500) == MTDB_OK);
    uint32_t removed = 0, epoch = mtdb_names_epoch(&host.db);
    host.allowance = 0;
    CHECK(mtdb_purge(&host.db, 500, &removed) == MTDB_OK && removed == 1);
    CHECK(statistics(&host).records == 0 && statistics(&host).names == 0);
    CHECK(mtdb_names_epoch(&host.db) > epoch);
    CHECK(mtdb_next_key(&host.db, (uint8_t *)keys[2]) == MTDB_OK);
    CHECK(strcmp(keys[1], keys[2]) < 0);
    close_host(&host);
}

static void compaction_packs_what_deletes_have_thinned(void) {
    host_t host;
    open_host(&host, 400000);
    char key[16];
    for (int n = 0; n < 1000; n++) {
        snprintf(key, sizeof key, "key%06d", n);
        CHECK(put(&host, key, NULL, n, MTDB_FOREVER) == MTDB_OK);
    }
    uint64_t full = statistics(&host).bytes_used;
    for (int n = 0; n < 1000; n++) {
        snprintf(key, sizeof key, "key%06d", n);
        CHECK(n % 5 >= 2 || mtdb_delete(&host.db, BYTES(key), 1) == MTDB_OK);
    }
    CHECK(mtdb_compact(&host.db, 2) == MTDB_MORE);
    while (mtdb_compact(&host.db, 2) == MTDB_MORE) {
    }
    CHECK(statistics(&host).bytes_used * 100 < full * 75);
    CHECK(number_of(&host, "key000999", 1) == 999 && get(&host, "key000001", 1) == MTDB_ABSENT);
    close_host(&host);
}

// ---- transactions, cursors, queries ------------------------------------------------------------------

static void a_rollback_undoes_one_savepoint(void) {
    host_t host;
    open_host(&host, 100000);
    int32_t status;
    CHECK(put(&host, "key", NULL, 0, MTDB_FOREVER) == MTDB_OK);
    for (int n = 1; n <= 3; n++) {
        FED(&host, status, mtdb_begin(&host.db));
        CHECK(status == MTDB_OK && mtdb_transaction_depth(&host.db) == (uint32_t)n);
        CHECK(put(&host, "key", "red", n, MTDB_FOREVER) == MTDB_OK);
    }
    CHECK(mtdb_rollback(&host.db) == MTDB_OK && number_of(&host, "key", 1) == 2);
    CHECK(mtdb_commit(&host.db) == MTDB_OK && number_of(&host, "key", 1) == 2);
    CHECK(mtdb_rollback(&host.db) == MTDB_OK && number_of(&host, "key", 1) == 0);
    CHECK(mtdb_transaction_depth(&host.db) == 0);
    close_host(&host);
}

static void a_cursor_gives_the_records_in_order(void) {
    host_t host;
    open_host(&host, 100000);
    CHECK(put(&host, "b", "red", 2, MTDB_FOREVER) == MTDB_OK);
    CHECK(put(&host, "a", NULL, 1, MTDB_FOREVER) == MTDB_OK);
    CHECK(put(&host, "expired", NULL, 1, 100) == MTDB_OK);
    mtdb_cursor_t cursor;
    mtdb_found_t found;
    uint8_t key[MTDB_MAX_KEY_BYTES], buf[16];
    mtdb_cursor_start(&cursor);
    CHECK(mtdb_cursor_next(&host.db, &cursor, 100, key, NULL, 0, &found) == MTDB_OK);
    CHECK(same(key, found.key_len, "a") && found.tag_count == 0);
    CHECK(mtdb_cursor_next(&host.db, &cursor, 100, key, buf, 1, &found) == MTDB_NO_ROOM && found.body_len == 4);
    CHECK(put(&host, "aa", NULL, 3, MTDB_FOREVER) == MTDB_OK);
    CHECK(mtdb_cursor_next(&host.db, &cursor, 100, key, buf, sizeof buf, &found) == MTDB_OK);
    CHECK(same(key, found.key_len, "b") && found.tag_count == 1 && found.body_len == 4);
    CHECK(mtdb_cursor_next(&host.db, &cursor, 100, key, buf, sizeof buf, &found) == MTDB_ABSENT);
    close_host(&host);
}

// Encodes {name: {operator: n}}, or {name: n} where the operator is NULL, and "$limit" unless it is -1.
static size_t encode_query(uint8_t *buf, size_t cap, const char *name, const char *operator, int64_t n, int limit) {
    mtdb_encoder_t encoder;
    mtdb_encoder_start(&encoder, buf, cap);
    CHECK(mtdb_push_dict(&encoder, limit < 0 ? 1 : 2) == MTDB_OK);
    push_name(&encoder, NULL, name);
    if (operator != NULL) {
        CHECK(mtdb_push_dict(&encoder, 1) == MTDB_OK);
        push_name(&encoder, NULL, operator);
    }
    CHECK(mtdb_push_int(&encoder, n) == MTDB_OK);
    if (limit >= 0) {
        push_name(&encoder, NULL, "$limit");
        CHECK(mtdb_push_int(&encoder, limit) == MTDB_OK);
    }
    return encoder.len;
}

static void a_query_gives_its_matches_step_by_step(void) {
    host_t host;
    open_host(&host, 100000);
    uint8_t encoded[64], key[MTDB_MAX_KEY_BYTES], buf[16];
    mtdb_term_t terms[4];
    mtdb_query_problem_t problem;
    mtdb_cursor_t cursor;
    mtdb_found_t found;
    mtdb_query_t query = {.encoded = encoded, .terms = terms};
    query.encoded_len = encode_query(encoded, sizeof encoded, "n", "$gte", 5, 3);
    CHECK(mtdb_query_check(encoded, query.encoded_len, &query.term_count, &problem) == MTDB_OK);
    CHECK(query.term_count == 2);
    // Compiled before any name has a number: what it knows of names is renewed when they change.
    CHECK(mtdb_query_compile(&host.db, &query) == MTDB_OK && query.remaining == 3);
    char name[] = "key0";
    for (int n = 0; n < 10; n++, name[3]++) {
        CHECK(put(&host, name, n % 2 != 0 ? "odd" : NULL, n, MTDB_FOREVER) == MTDB_OK);
    }
    mtdb_cursor_start(&cursor);
    CHECK(mtdb_query_next(&host.db, &query, &cursor, 1, 4, key, buf, sizeof buf, &found) == MTDB_MORE);
    CHECK(mtdb_query_next(&host.db, &query, &cursor, 1, 4, key, buf, 1, &found) == MTDB_NO_ROOM && found.body_len > 1);
    CHECK(mtdb_query_next(&host.db, &query, &cursor, 1, 4, key, buf, sizeof buf, &found) == MTDB_OK);
    CHECK(same(key, found.key_len, "key5") && found.tag_count == 1 && query.remaining == 2);
    CHECK(mtdb_query_next(&host.db, &query, &cursor, 1, 4, key, buf, sizeof buf, &found) == MTDB_OK);
    CHECK(same(key, found.key_len, "key6") && found.tag_count == 0);
    CHECK(mtdb_query_next(&host.db, &query, &cursor, 1, 4, key, buf, sizeof buf, &found) == MTDB_OK);
    CHECK(same(key, found.key_len, "key7"));
    CHECK(mtdb_query_next(&host.db, &query, &cursor, 1, 4, key, buf, sizeof buf, &found) == MTDB_ABSENT);
    CHECK(query.remaining == 0);

    query.encoded_len = encode_query(encoded, sizeof encoded, "n", NULL, 9, -1);
    CHECK(mtdb_query_check(encoded, query.encoded_len, &query.term_count, &problem) == MTDB_OK);
    CHECK(mtdb_query_compile(&host.db, &query) == MTDB_OK);
    mtdb_cursor_start(&cursor);
    CHECK(mtdb_query_next(&host.db, &query, &cursor, 1, 100, key, buf, sizeof buf, &found) == MTDB_OK);
    CHECK(same(key, found.key_len, "key9"));
    CHECK(mtdb_query_next(&host.db, &query, &cursor, 1, 100, key, buf, sizeof buf, &found) == MTDB_ABSENT);
    close_host(&host);
}

static void a_query_that_means_nothing_says_why(void) {
    static const struct {
        const char *name, *operator;
        int limit;
        uint32_t fault;
        const char *text;
    } wrong[] = {
        {"$or", NULL, -1, MTDB_QUERY_OPERATOR, "$or"},
        {"n", "$foo", -1, MTDB_QUERY_OPERATOR, "$foo"},
        {"n", "$in", -1, MTDB_QUERY_OPERAND, "$in"},
        {"n", "$exists", 5, MTDB_QUERY_OPERAND, "$exists"},
    };
    uint8_t encoded[64];
    size_t terms, len;
    mtdb_query_problem_t problem;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        len = encode_query(encoded, sizeof encoded, wrong[i].name, wrong[i].operator, 1, wrong[i].limit);
        CHECK(mtdb_query_check(encoded, len, &terms, &problem) == MTDB_BAD_QUERY);
        CHECK(problem.fault == wrong[i].fault && same(problem.text, problem.len, wrong[i].text));
    }
    len = encode_query(encoded, sizeof encoded, "$limit", NULL, -1, -1);
    CHECK(mtdb_query_check(encoded, len, &terms, &problem) == MTDB_BAD_QUERY && problem.fault == MTDB_QUERY_LIMIT);
    CHECK(mtdb_query_check(encoded + len - 1, 1, &terms, &problem) == MTDB_BAD_QUERY);
    CHECK(problem.fault == MTDB_QUERY_NOT_A_DICT && problem.len == 0);

    mtdb_encoder_t encoder;
    mtdb_encoder_start(&encoder, encoded, sizeof encoded);
    CHECK(mtdb_push_dict(&encoder, 1) == MTDB_OK);
    push_name(&encoder, NULL, "field");
    CHECK(mtdb_push_dict(&encoder, 2) == MTDB_OK);
    push_name(&encoder, NULL, "$gt");
    CHECK(mtdb_push_int(&encoder, 1) == MTDB_OK);
    push_name(&encoder, NULL, "other");
    CHECK(mtdb_push_int(&encoder, 1) == MTDB_OK);
    CHECK(mtdb_query_check(encoded, encoder.len, &terms, &problem) == MTDB_BAD_QUERY);
    CHECK(problem.fault == MTDB_QUERY_MIXED && same(problem.text, problem.len, "field"));
}

static void a_compressed_value_comes_back_plain(void) {
    enum { TEXT = 600, CAP = 4096 };
    static mtdb_compress_scratch_t scratch;
    static uint8_t text[TEXT], plain[CAP], body[CAP], short_buf[CAP];
    for (size_t i = 0; i < TEXT; i++) {
        text[i] = "compressed "[i % 11];
    }
    host_t host;
    open_host(&host, 100000);
    // A tag that has a number.
    CHECK(put(&host, "other", "tag", 1, MTDB_FOREVER) == MTDB_OK);
    mtdb_encoder_t encoder;
    mtdb_name_t tag = {.text = (const uint8_t *)"tag", .len = 3};
    mtdb_encoder_start(&encoder, plain, CAP);
    CHECK(mtdb_push_tag(&encoder, &host.db, &tag) == MTDB_OK);
    size_t value_at = encoder.len;
    CHECK(mtdb_push_str(&encoder, text, TEXT) == MTDB_OK);

    size_t value_len = encoder.len - value_at;
    memcpy(body, plain, value_at);
    size_t compressed = mtdb_compress(plain + value_at, value_len, body + value_at, value_len - 1, &scratch);
    CHECK(compressed > 0 && compressed < 60);
    CHECK(mtdb_compress(plain + value_at, value_len, short_buf, compressed - 1, &scratch) == 0);
    CHECK(mtdb_compress((const uint8_t *)"\x10\x11", 2, short_buf, 1, &scratch) == 0);

    // Stored so, it comes back plain; what it takes to read it is said in two steps.
    mtdb_record_t record = {BYTES("key"), plain, encoder.len, 1, MTDB_FOREVER, body, value_at + compressed};
    int32_t status;
    FED(&host, status, mtdb_put(&host.db, &record));
    CHECK(status == MTDB_OK);
    mtdb_found_t found;
    CHECK(mtdb_get(&host.db, BYTES("key"), 1, NULL, 0, &found) == MTDB_OK && found.body_len == record.stored_len);
    CHECK(mtdb_get(&host.db, BYTES("key"), 1, short_buf, 10, &found) == MTDB_NO_ROOM);
    CHECK(found.body_len == record.stored_len);
    CHECK(mtdb_get(&host.db, BYTES("key"), 1, short_buf, found.body_len, &found) == MTDB_NO_ROOM);
    CHECK(found.body_len > encoder.len && found.body_len < encoder.len + compressed + 1024 && found.body_len <= CAP);
    CHECK(mtdb_get(&host.db, BYTES("key"), 1, short_buf, found.body_len, &found) == MTDB_OK);
    CHECK(found.body_len == encoder.len && memcmp(short_buf, plain, encoder.len) == 0);
    CHECK(found.fingerprint == mtdb_fingerprint(body, record.stored_len));
    mtdb_statistics_t counted = statistics(&host);
    CHECK(counted.compressed == 1 && counted.saved == encoder.len - record.stored_len);
    FED(&host, status, mtdb_update(&host.db, &record, found.fingerprint, 1));
    CHECK(status == MTDB_OK);

    // What would be a value of another length is not stored; other damage is found when it is read.
    record.stored_len--;
    CHECK(mtdb_put(&host.db, &record) == MTDB_OK);
    CHECK(mtdb_get(&host.db, BYTES("key"), 1, short_buf, CAP, &found) == MTDB_CORRUPT);
    record.stored = plain;
    CHECK(mtdb_put(&host.db, &record) == MTDB_CORRUPT);
    close_host(&host);
}

// ---- what is left in memory --------------------------------------------------------------------

#define LEFT_OVER 0x5a5b5c5du

static __attribute__((noinline)) void leave_words_on_the_stack(void) {
    volatile uint32_t words[2048];
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        words[i] = LEFT_OVER;
    }
}

static size_t left_over(const void *memory, size_t bytes) {
    size_t found = 0;
    for (size_t at = 0; at + sizeof(uint32_t) <= bytes; at += sizeof(uint32_t)) {
        uint32_t word;
        memcpy(&word, (const uint8_t *)memory + at, sizeof(word));
        found += word == LEFT_OVER;
    }
    return found;
}

// A collector that looks through them would take it for addresses.
static void a_new_database_in_files_has_no_word_that_the_stack_held(void) {
    static mtdb_database_t db;
    mtdb_options_t options = { .page_size = 512, .cache_pages = 16 };
    mtdb_medium_t medium = { 0 };
    size_t bytes = mtdb_file_state_bytes();
    void *state = calloc(1, bytes);
    leave_words_on_the_stack();
    CHECK(mtdb_init_file(&db, &options, &medium, state) == MTDB_OK);
    CHECK(left_over(&db, sizeof(db)) == 0);
    CHECK(left_over(state, bytes) == 0);
    free(state);
}

#define TEST(name) {#name, name}

int main(void) {
    static const struct {
        const char *name;
        void (*run)(void);
    } tests[] = {
        TEST(opening_takes_pages_of_four_sizes_only),
        TEST(a_call_that_wants_memory_has_changed_nothing),
        TEST(a_full_database_says_so_and_can_be_emptied),
        TEST(statistics_count_what_was_done),
        TEST(a_flush_is_due_after_so_many_writes),
        TEST(values_of_every_kind_come_back),
        TEST(a_push_without_room_writes_nothing_and_goes_on_in_a_larger_buffer),
        TEST(names_get_numbers_and_lose_them_with_a_rollback),
        TEST(what_is_no_record_is_refused),
        TEST(a_record_comes_back_until_it_is_deleted),
        TEST(an_update_takes_the_fingerprint_of_what_it_replaces),
        TEST(records_expire_in_steps),
        TEST(a_purge_takes_everything_and_a_generated_key_never_comes_twice),
        TEST(compaction_packs_what_deletes_have_thinned),
        TEST(a_rollback_undoes_one_savepoint),
        TEST(a_cursor_gives_the_records_in_order),
        TEST(a_query_gives_its_matches_step_by_step),
        TEST(a_query_that_means_nothing_says_why),
        TEST(a_compressed_value_comes_back_plain),
        TEST(a_new_database_in_files_has_no_word_that_the_stack_held),
    };
    int passed = 0, failed = 0;
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        checks_failed = 0;
        tests[i].run();
        printf("%s %s\n", checks_failed == 0 ? "ok  " : "FAIL", tests[i].name);
        *(checks_failed == 0 ? &passed : &failed) += 1;
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
