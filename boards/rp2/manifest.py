# The Python that is frozen into the rp2 boards' images: what stock images have, and ours.
import os

freeze("$(PORT_DIR)/modules")
include("$(MPY_DIR)/extmod/asyncio")

# The drivers lie in micropython-lib, which Debian's MicroPython source does not hold.
for driver in ("onewire", "ds18x20", "dht", "neopixel"):
    try:
        require(driver)
    except ValueError:
        pass

# Paths are relative to this file's folder.
if os.path.isdir("../../mpy_glue/modules"):
    freeze("../../mpy_glue/modules")
