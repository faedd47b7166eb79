# The Python that is frozen into the qemu boards' images.
import os

include("$(MPY_DIR)/extmod/asyncio")

# Paths are relative to this file's folder.
if os.path.isdir("../../mpy_glue/modules"):
    freeze("../../mpy_glue/modules")
