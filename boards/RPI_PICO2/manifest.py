# The Python that is frozen into the image.
include("../rp2/manifest.py")
