# The Python that is frozen into the rp2 boards' images: what stock images have, and ours.
import os

include("bare_manifest.py")

# Paths are relative to this file's folder.
if os.path.isdir("../../mpy_glue/modules"):
    freeze("../../mpy_glue/modules")
