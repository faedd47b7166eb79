# The Python that is frozen into the image: what the stock image has, and all of ours, which talks to a Redis server too.
include("../rp2/bare_manifest.py")
freeze("../../mpy_glue/modules")
require("bundle-networking")
require("aioble")
