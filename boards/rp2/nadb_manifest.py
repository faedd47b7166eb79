# NADB=1: the images of rp2 boards without a network, and nadb over files.
include("manifest.py")
freeze("../../mpy_glue/modules", ("nadb.py", "storage_backends/__init__.py", "storage_backends/fs.py"))
