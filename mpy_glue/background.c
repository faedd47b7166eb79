// The background task: one for all databases, on the loop that runs. It removes expired records and flushes in time. It
// holds no database: what it has of one does not count for the collector, and is taken away when that is collected.
#include <string.h>

#include "py/runtime.h"

#include "awaitable.h"
#include "files.h"
#include "loop.h"

// Milliseconds that it sleeps at most: so soon it sees that nobody else is left on the loop.
#define SLEEP_AT_MOST 1000

typedef struct _link_t {
    struct _link_t *next;
    uintptr_t hidden;  // the handle's address, inverted; 0 when the handle is gone
} link_t;

// What a handle has, and loses only together with its own life.
typedef struct {
    mp_obj_base_t base;
    link_t *link;
} upkeep_t;

// The coroutine.
typedef struct {
    mp_obj_base_t base;
    link_t *first;
    link_t *at;      // whose turn it is, NULL: the first's
    mp_obj_t task;   // MP_OBJ_NULL when it has ended
    mp_obj_t queue;  // of the loop that it is on
} background_t;

static mp_obj_t upkeep_del(mp_obj_t upkeep_in) {
    ((upkeep_t *)MP_OBJ_TO_PTR(upkeep_in))->link->hidden = 0;
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(upkeep_del_obj, upkeep_del);

static const mp_rom_map_elem_t upkeep_table[] = {
    { MP_ROM_QSTR(MP_QSTR___del__), MP_ROM_PTR(&upkeep_del_obj) },
};
static MP_DEFINE_CONST_DICT(upkeep_dict, upkeep_table);

static MP_DEFINE_CONST_OBJ_TYPE(
    mpdb_type_upkeep, MP_QSTR_upkeep, MP_TYPE_FLAG_NONE,
    locals_dict, &upkeep_dict
    );

// ---- its work ------------------------------------------------------------------------------------------------

// One step for one database. Returns in how many milliseconds it wants the next.
static mp_uint_t step(mpdb_handle_t *handle) {
    mpdb_t *self = handle->db;
    if (mpdb_would_wait(self)) {
        return SLEEP_AT_MOST;
    }
    if (mpdb_step_pending(self)) {
        return 0;
    }
    mpdb_guard_t guard;
    if (!mpdb_enter_if_open(handle, &guard)) {
        return SLEEP_AT_MOST;
    }
    mp_uint_t due = mpdb_upkeep_step(self);
    mpdb_leave(&guard);
    return due;
}

// A failure is for the program's next call to find again: it has no business in the loop.
static mp_uint_t try_step(mpdb_handle_t *handle) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        mp_uint_t due = step(handle);
        nlr_pop();
        return due;
    }
    if (!mp_obj_exception_match(MP_OBJ_FROM_PTR(nlr.ret_val), MP_OBJ_FROM_PTR(&mp_type_Exception))) {
        // So that the task is still there when the loop is entered again.
        mpdb_loop_sleep(SLEEP_AT_MOST);
        nlr_jump(nlr.ret_val);
    }
    return SLEEP_AT_MOST;
}

static link_t *first_alive(link_t **link) {
    while (*link != NULL && (*link)->hidden == 0) {
        *link = (*link)->next;
    }
    return *link;
}

// Works until one database is not done with its work, or all are. Returns how long to sleep.
static mp_uint_t work(background_t *self) {
    mp_uint_t sleep = SLEEP_AT_MOST;
    link_t **place = &self->first;
    // The one whose turn it is may have gone meanwhile: then it is the first's.
    for (link_t *link = self->first; link != NULL && self->at != NULL; link = link->next) {
        if (link == self->at) {
            break;
        }
        place = &link->next;
    }
    if (*place == NULL) {
        place = &self->first;
    }
    for (link_t *link; (link = first_alive(place)) != NULL; place = &link->next) {
        self->at = link;
        mp_uint_t due = try_step((mpdb_handle_t *)~link->hidden);
        if (due == 0) {
            return 0;
        }
        sleep = MIN(sleep, due);
    }
    self->at = NULL;
    return sleep;
}

static mp_obj_t background_send(mp_obj_t self_in, mp_obj_t sent) {
    (void)sent;
    MPDB_LOOP_MARK(self_in);
    background_t *self = MP_OBJ_TO_PTR(self_in);
    mp_uint_t sleep = work(self);
    if (self->first == NULL || (sleep != 0 && mpdb_loop_is_idle())) {
        self->task = MP_OBJ_NULL;
        mp_obj_t none = mp_const_none;
        nlr_raise(mp_obj_new_exception_args(&mp_type_StopIteration, 1, &none));
    }
    mpdb_loop_sleep(sleep);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(background_send_obj, background_send);

static mp_obj_t background_throw(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    ((background_t *)MP_OBJ_TO_PTR(args[0]))->task = MP_OBJ_NULL;
    nlr_raise(mp_make_raise_obj(args[1]));
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(background_throw_obj, 2, 4, background_throw);

static const mp_rom_map_elem_t background_table[] = {
    { MP_ROM_QSTR(MP_QSTR_send), MP_ROM_PTR(&background_send_obj) },
    { MP_ROM_QSTR(MP_QSTR_throw), MP_ROM_PTR(&background_throw_obj) },
};
static MP_DEFINE_CONST_DICT(background_dict, background_table);

static MP_DEFINE_CONST_OBJ_TYPE(
    mpdb_type_background, MP_QSTR_background, MP_TYPE_FLAG_NONE,
    locals_dict, &background_dict
    );

// ---- starting it ---------------------------------------------------------------------------------------------

// It lies among asyncio's globals, and so goes with asyncio in a soft reset.
static background_t *background(void) {
    mp_obj_t known = mpdb_loop_global(MP_QSTR__microtetherdb);
    if (known != MP_OBJ_NULL) {
        return MP_OBJ_TO_PTR(known);
    }
    background_t *self = mp_obj_malloc(background_t, &mpdb_type_background);
    memset((uint8_t *)self + sizeof(mp_obj_base_t), 0, sizeof(*self) - sizeof(mp_obj_base_t));
    mpdb_loop_set_global(MP_QSTR__microtetherdb, MP_OBJ_FROM_PTR(self));
    return self;
}

void mpdb_start_upkeep(mpdb_handle_t *handle) {
    mp_obj_t queue = mpdb_loop_global(MP_QSTR__task_queue);
    if (queue == MP_OBJ_NULL) {
        return;
    }
    background_t *self = background();
    if (handle->upkeep == MP_OBJ_NULL) {
        link_t *link = m_new(link_t, 1);
        link->hidden = 0;
        upkeep_t *upkeep = mp_obj_malloc_with_finaliser(upkeep_t, &mpdb_type_upkeep);
        upkeep->link = link;
        link->hidden = ~(uintptr_t)handle;
        link->next = self->first;
        self->first = link;
        handle->upkeep = MP_OBJ_FROM_PTR(upkeep);
    }
    if (self->task == MP_OBJ_NULL || self->queue != queue || mpdb_loop_is_done(self->task)) {
        self->queue = queue;
        self->task = mpdb_loop_create_task(MP_OBJ_FROM_PTR(self));
    }
}

void mpdb_end_upkeep(mpdb_handle_t *handle) {
    if (handle->upkeep != MP_OBJ_NULL) {
        ((upkeep_t *)MP_OBJ_TO_PTR(handle->upkeep))->link->hidden = 0;
        handle->upkeep = MP_OBJ_NULL;
    }
}
