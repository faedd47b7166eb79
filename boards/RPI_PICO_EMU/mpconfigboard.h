// A Pico whose prompt is on UART0: the emulator is 2.4 times slower with USB.
#define MICROPY_HW_BOARD_NAME "Raspberry Pi Pico, emulated"
#define MICROPY_HW_FLASH_STORAGE_BYTES (1408 * 1024)
#define MICROPY_HW_ENABLE_USBDEV (0)
#define MICROPY_HW_ENABLE_UART_REPL (1)
