# The Python that is frozen into the image: the stock board's, and ours.
import os

include("$(PORT_DIR)/boards/manifest.py")

# Paths are relative to this file's folder.
if os.path.isdir("../../mpy_glue/modules"):
    freeze("../../mpy_glue/modules")
