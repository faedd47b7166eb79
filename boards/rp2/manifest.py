# The Python that is frozen into the images of rp2 boards without a network: what stock images have, and the import paths
# of MicroTetherDB and TetherDB.
include("bare_manifest.py")

# Paths are relative to this file's folder.
freeze("../../mpy_glue/modules", ("MicroTetherDB.py", "tendrl/lib/tetherdb/TetherDB.py"))
