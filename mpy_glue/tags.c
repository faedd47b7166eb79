// A record's tags: checking and pushing them.
#include "py/objstr.h"
#include "py/objtuple.h"
#include "py/runtime.h"

#include "document.h"

static size_t tag_items(mp_obj_t tags, mp_obj_t **items) {
    size_t count;
    tags = mpdb_native(tags);
    if (mpdb_is_list(tags)) {
        mp_obj_list_get(tags, &count, items);
    } else if (mp_obj_is_type(tags, &mp_type_tuple)) {
        mp_obj_tuple_get(tags, &count, items);
    } else {
        mpdb_raise_type(MP_ERROR_TEXT("tags must be a list or tuple of str, not %s"), tags);
    }
    if (count > MTDB_MAX_TAGS) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("a record can have at most %u tags, not %u"),
            (unsigned int)MTDB_MAX_TAGS, (unsigned int)count);
    }
    return count;
}

static mtdb_name_t tag_name(mp_obj_t tag) {
    if (!mpdb_is_str(tag)) {
        mpdb_raise_type(MP_ERROR_TEXT("a tag must be a str, not %s"), tag);
    }
    GET_STR_DATA_LEN(tag, text, len);
    if (len == 0 || len > MTDB_MAX_TAG_BYTES) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("a tag must have 1 to %u bytes of UTF-8, not %u"),
            (unsigned int)MTDB_MAX_TAG_BYTES, (unsigned int)len);
    }
    return (mtdb_name_t) { text, len, 0 };
}

void mpdb_check_tags(mp_obj_t tags) {
    mp_obj_t *items;
    size_t count = tag_items(tags, &items);
    for (size_t i = 0; i < count; i++) {
        tag_name(items[i]);
    }
}

int32_t mpdb_push_tags(mpdb_encoding_t *e, mp_obj_t tags) {
    mp_obj_t *items;
    size_t count = tag_items(tags, &items);
    int32_t status = MTDB_OK;
    for (size_t i = 0; i < count && status == MTDB_OK; i++) {
        mtdb_name_t tag = tag_name(items[i]);
        uint32_t known = mpdb_names_number(&e->self->names, items[i]);
        tag.number = known;
        MPDB_CALL(e->self, status, mtdb_push_tag(&e->out, &e->self->engine, &tag));
        if (tag.number != known) {
            mpdb_names_learn(&e->self->names, items[i], tag.number);
        }
    }
    e->tag_count = count;
    return status;
}
