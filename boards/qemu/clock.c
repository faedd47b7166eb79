// The ticks of MicroPython's time, from the emulator's clock: on Arm by semihosting, on RISC-V from the machine's timer.
#include "lib/oofatfs/ff.h"
#include "py/mphal.h"
#include "py/runtime.h"

#if defined(__riscv)

// mtime of the virt machine's CLINT, 10 MHz. Its upper half may change between the two reads.
static uint64_t nanoseconds(void) {
    volatile uint32_t *mtime = (volatile uint32_t *)0x0200bff8;
    uint32_t high, low;
    do {
        high = mtime[1];
        low = mtime[0];
    } while (high != mtime[1]);
    return ((uint64_t)high << 32 | low) * 100;
}

#else

// SYS_ELAPSED: nanoseconds since qemu started, as two words.
static uint64_t nanoseconds(void) {
    uint32_t words[2];
    register int operation __asm__ ("r0") = 0x30;
    register uint32_t *block __asm__ ("r1") = words;
    __asm__ volatile ("bkpt 0xab" : "+r" (operation) : "r" (block) : "memory");
    return (uint64_t)words[1] << 32 | words[0];
}

#endif

uint64_t mp_hal_time_ns(void) {
    return nanoseconds();
}

mp_uint_t mp_hal_ticks_ms(void) {
    return nanoseconds() / 1000000;
}

mp_uint_t mp_hal_ticks_us(void) {
    return nanoseconds() / 1000;
}

mp_uint_t mp_hal_ticks_cpu(void) {
    return nanoseconds();
}

void mp_hal_delay_us(mp_uint_t us) {
    uint64_t end = nanoseconds() + (uint64_t)us * 1000;
    while (nanoseconds() < end) {
    }
}

// Scheduled functions get their turn, as on boards.
void mp_hal_delay_ms(mp_uint_t ms) {
    uint64_t end = nanoseconds() + (uint64_t)ms * 1000000;
    do {
        mp_event_handle_nowait();
    } while (nanoseconds() < end);
}

// When a file on FAT was written: always 1 January 2000, as FAT packs it.
DWORD get_fattime(void) {
    return (2000 - 1980) << 25 | 1 << 21 | 1 << 16;
}
