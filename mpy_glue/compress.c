// Values compressed on their way to the engine. What that works in is taken from the heap for as long as it takes, and
// where there is none the value is stored plain.
#include <string.h>

#include "py/runtime.h"

#include "document.h"

static size_t value_at(const mtdb_record_t *record) {
    mtdb_reader_t reader = { record->body, record->body_len, 0 };
    mtdb_name_t tag;
    for (uint32_t i = 0; i < record->tag_count && mtdb_read_name(&reader, &tag) == MTDB_OK; i++) {
    }
    return reader.at;
}

void mpdb_compress(mpdb_t *self, mtdb_record_t *record) {
    record->stored = NULL;
    // The tags cannot make a value longer than its body.
    if (record->body_len < self->compress_from || record->body_len < 2) {
        return;
    }
    size_t at = value_at(record);
    size_t len = record->body_len - at;
    if (len < self->compress_from) {
        return;
    }
    uint8_t *out = m_new_maybe(uint8_t, record->body_len - 1);
    mtdb_compress_scratch_t *scratch = out == NULL ? NULL : m_new_maybe(mtdb_compress_scratch_t, 1);
    size_t compressed = 0;
    if (scratch != NULL) {
        memcpy(out, record->body, at);
        compressed = mtdb_compress(record->body + at, len, out + at, len - 1, scratch);
        m_del(mtdb_compress_scratch_t, scratch, 1);
    }
    if (compressed != 0) {
        record->stored = out;
        record->stored_len = at + compressed;
    } else if (out != NULL) {
        m_del(uint8_t, out, record->body_len - 1);
    }
}

void mpdb_compress_end(mtdb_record_t *record) {
    if (record->stored != NULL) {
        m_del(uint8_t, (uint8_t *)record->stored, record->body_len - 1);
        record->stored = NULL;
    }
}
