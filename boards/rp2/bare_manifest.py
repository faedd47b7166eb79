# The Python that stock rp2 images freeze in.
freeze("$(PORT_DIR)/modules")
include("$(MPY_DIR)/extmod/asyncio")

# The drivers lie in micropython-lib, which Debian's MicroPython source does not hold.
for driver in ("onewire", "ds18x20", "dht", "neopixel"):
    try:
        require(driver)
    except ValueError:
        pass
