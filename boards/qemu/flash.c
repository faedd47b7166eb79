// Module `qemu`: Flash, a block device in RAM with the geometry of a board's flash, which is not cleared by a soft reset;
// and more heap than the port begins with.
//
// class Flash: Flash() -> the one device; readblocks, writeblocks, ioctl as vfs.AbstractBlockDev has them
// def add_heap(size: int) -> None: `size` bytes more, until the emulator ends; once
#include <string.h>

#include "extmod/vfs.h"
#include "py/gc.h"
#include "py/mperrno.h"
#include "py/runtime.h"

#define BLOCK_BYTES (4096)
#define BLOCK_COUNT (2048)
#define FLASH_BYTES (BLOCK_COUNT * BLOCK_BYTES)
#define MOST_HEAP (8 * 1024 * 1024)

// Memory of the machine that the port's linker script does not know, 16 MB: mps2-an385's PSRAM, and on virt what is
// beyond the first 16 MB.
#if defined(__riscv)
static uint8_t *const flash_bytes = (uint8_t *)0x81000000;
#else
static uint8_t *const flash_bytes = (uint8_t *)0x21000000;
#endif

static const mp_obj_type_t flash_type;
static const mp_obj_base_t flash_obj = { &flash_type };

static mp_obj_t flash_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 0, 0, false);
    return MP_OBJ_FROM_PTR(&flash_obj);
}

// Where block `block` and byte `offset` in it stand, if `length` bytes follow.
static uint8_t *place(mp_obj_t block, mp_int_t offset, size_t length) {
    mp_int_t start = mp_obj_get_int(block) * BLOCK_BYTES + offset;
    if (start < 0 || offset < 0 || start + length > FLASH_BYTES) {
        mp_raise_OSError(MP_EINVAL);
    }
    return &flash_bytes[start];
}

static mp_obj_t flash_readblocks(size_t n_args, const mp_obj_t *args) {
    mp_buffer_info_t buffer;
    mp_get_buffer_raise(args[2], &buffer, MP_BUFFER_WRITE);
    memcpy(buffer.buf, place(args[1], n_args == 4 ? mp_obj_get_int(args[3]) : 0, buffer.len), buffer.len);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(flash_readblocks_obj, 3, 4, flash_readblocks);

// Without an offset a whole block is erased first; with one the bytes are programmed: ones become zeros.
static mp_obj_t flash_writeblocks(size_t n_args, const mp_obj_t *args) {
    mp_buffer_info_t buffer;
    mp_get_buffer_raise(args[2], &buffer, MP_BUFFER_READ);
    uint8_t *at = place(args[1], n_args == 4 ? mp_obj_get_int(args[3]) : 0, buffer.len);
    if (n_args == 3) {
        memset(at, 0xff, buffer.len);
    }
    for (size_t i = 0; i < buffer.len; i++) {
        at[i] &= ((const uint8_t *)buffer.buf)[i];
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(flash_writeblocks_obj, 3, 4, flash_writeblocks);

static mp_obj_t flash_ioctl(mp_obj_t self, mp_obj_t operation, mp_obj_t argument) {
    switch (mp_obj_get_int(operation)) {
        case MP_BLOCKDEV_IOCTL_INIT:
        case MP_BLOCKDEV_IOCTL_DEINIT:
        case MP_BLOCKDEV_IOCTL_SYNC:
            return MP_OBJ_NEW_SMALL_INT(0);
        case MP_BLOCKDEV_IOCTL_BLOCK_COUNT:
            return MP_OBJ_NEW_SMALL_INT(BLOCK_COUNT);
        case MP_BLOCKDEV_IOCTL_BLOCK_SIZE:
            return MP_OBJ_NEW_SMALL_INT(BLOCK_BYTES);
        case MP_BLOCKDEV_IOCTL_BLOCK_ERASE:
            memset(place(argument, 0, BLOCK_BYTES), 0xff, BLOCK_BYTES);
            return MP_OBJ_NEW_SMALL_INT(0);
        default:
            return mp_const_none;
    }
}
static MP_DEFINE_CONST_FUN_OBJ_3(flash_ioctl_obj, flash_ioctl);

static const mp_rom_map_elem_t flash_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_readblocks), MP_ROM_PTR(&flash_readblocks_obj) },
    { MP_ROM_QSTR(MP_QSTR_writeblocks), MP_ROM_PTR(&flash_writeblocks_obj) },
    { MP_ROM_QSTR(MP_QSTR_ioctl), MP_ROM_PTR(&flash_ioctl_obj) },
};
static MP_DEFINE_CONST_DICT(flash_locals, flash_locals_table);

static MP_DEFINE_CONST_OBJ_TYPE(
    flash_type,
    MP_QSTR_Flash,
    MP_TYPE_FLAG_NONE,
    make_new, flash_make_new,
    locals_dict, &flash_locals
    );

static mp_obj_t add_heap(mp_obj_t size_in) {
    mp_int_t size = mp_obj_get_int(size_in);
    uint8_t *start = flash_bytes + FLASH_BYTES;
    for (mp_state_mem_area_t *area = &MP_STATE_MEM(area); area != NULL; area = area->next) {
        if (size < 0 || size > MOST_HEAP || area->gc_alloc_table_start >= start) {
            mp_raise_ValueError(MP_ERROR_TEXT("at most 8 MB, and once"));
        }
    }
    gc_add(start, start + size);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(add_heap_obj, add_heap);

static const mp_rom_map_elem_t qemu_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_qemu) },
    { MP_ROM_QSTR(MP_QSTR_Flash), MP_ROM_PTR(&flash_type) },
    { MP_ROM_QSTR(MP_QSTR_add_heap), MP_ROM_PTR(&add_heap_obj) },
};
static MP_DEFINE_CONST_DICT(qemu_globals, qemu_globals_table);

const mp_obj_module_t qemu_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&qemu_globals,
};

MP_REGISTER_MODULE(MP_QSTR_qemu, qemu_module);
