# The Python that is frozen into the image: a Pico's, and what the stock image has for the network.
include("../rp2/manifest.py")
require("bundle-networking")
require("aioble")
