// The caches of names.
#include <string.h>

#include "py/gc.h"
#include "py/objstr.h"
#include "py/runtime.h"

#include "database.h"

// Most databases have few names: the table of texts grows by so many.
#define TEXTS_MORE 16

void mpdb_names_refresh(mpdb_t *self) {
    uint32_t epoch = mtdb_names_epoch(&self->engine);
    if (self->names.epoch != epoch) {
        memset(self->names.slot, 0, sizeof(self->names.slot));
        self->names.text = NULL;
        self->names.size = 0;
        self->names.epoch = epoch;
    }
}

static size_t slot_of(mp_obj_t name) {
    size_t hash = mp_obj_is_qstr(name) ? MP_OBJ_QSTR_VALUE(name) : ((mp_obj_str_t *)MP_OBJ_TO_PTR(name))->hash;
    return hash % MPDB_NAME_SLOTS;
}

uint32_t mpdb_names_number(const mpdb_names_t *names, mp_obj_t name) {
    uint32_t number = names->slot[slot_of(name)];
    if (number >= names->size) {
        return 0;
    }
    // The slot is only a guess: the text decides.
    mp_obj_t text = names->text[number];
    if (text == name) {
        return number;
    }
    return text != MP_OBJ_NULL && number != 0 && mp_obj_str_equal(text, name) ? number : 0;
}

static bool grow(mpdb_names_t *names, size_t size) {
    mpdb_hold_collector();
    mp_obj_t *text = gc_alloc(size * sizeof(mp_obj_t), 0);
    if (text != NULL) {
        if (names->size != 0) {
            memcpy(text, names->text, names->size * sizeof(mp_obj_t));
        }
        memset(text + names->size, 0, (size - names->size) * sizeof(mp_obj_t));
        names->text = text;
        names->size = size;
    }
    mpdb_release_collector();
    return text != NULL;
}

void mpdb_names_learn(mpdb_names_t *names, mp_obj_t name, uint32_t number) {
    if (number == 0 || number > MTDB_MAX_NAME_NUMBER) {
        return;
    }
    if (number >= names->size && !grow(names, (number / TEXTS_MORE + 1) * TEXTS_MORE)) {
        return;
    }
    if (names->text[number] == MP_OBJ_NULL) {
        names->text[number] = name;
    }
    names->slot[slot_of(name)] = number;
}

mp_obj_t mpdb_names_text(mpdb_t *self, uint32_t number) {
    if (number < self->names.size && self->names.text[number] != MP_OBJ_NULL) {
        return self->names.text[number];
    }
    uint8_t text[MTDB_MAX_TAG_BYTES];
    size_t len = sizeof(text);
    int32_t status;
    MPDB_CALL(self, status, mtdb_name_text(&self->engine, number, text, &len));
    mpdb_check_status(self, status);
    mp_obj_t name = mp_obj_new_str((const char *)text, len);
    mpdb_names_learn(&self->names, name, number);
    return name;
}
