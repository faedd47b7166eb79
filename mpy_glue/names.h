// What is remembered of the engine's table of names (fields and tags), so that encoding and decoding
// need not ask it for each: name to number, and number to the str object that decoded dicts share.
// Only inside the guard.
#ifndef MPDB_NAMES_H
#define MPDB_NAMES_H

#include "py/obj.h"

#define MPDB_NAME_SLOTS 64

struct _mpdb_t;

typedef struct {
    uint32_t epoch;                   // of the engine's table that this is true of
    uint16_t slot[MPDB_NAME_SLOTS];   // the number that was last seen for a name of this hash
    uint16_t size;                    // entries of text
    mp_obj_t *text;                   // by number, MP_OBJ_NULL where not known
} mpdb_names_t;

// Forgets everything when the engine took numbers away. To be called before the others in each guard.
void mpdb_names_refresh(struct _mpdb_t *self);
// 0 when not known here.
uint32_t mpdb_names_number(const mpdb_names_t *names, mp_obj_t name);
// Never raises: without memory it is not remembered.
void mpdb_names_learn(mpdb_names_t *names, mp_obj_t name, uint32_t number);
// A str object; asks the engine where needed.
mp_obj_t mpdb_names_text(struct _mpdb_t *self, uint32_t number);

#endif
