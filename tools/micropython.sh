#!/bin/sh
# Puts MicroPython's source into DEST (build/micropython), from Debian's source package:
# the way for a clone whose submodule is not populated, and the only one where GitHub is
# out of reach. What comes is the upstream release less the libraries Debian strips
# (berkeley-db, mbedtls, lwip, tinyusb, pico-sdk, micropython-lib); Debian's own patches
# are not applied, it builds without them.
set -eu

DEST=$1
VERSION=1.25.0+ds-1
TARBALL=micropython_1.25.0+ds.orig.tar.xz
SHA256=7b25be99a502f070b2de81dafc08da7051d992325d6e67daa9045a918fffdbea

DOWNLOADS=$(dirname "$DEST")/debian
tools/debian.sh "$DOWNLOADS" source "micropython=$VERSION" $TARBALL $SHA256 || {
    echo "Populate the submodule instead (git submodule update --init micropython-submodule)," >&2
    echo "or name a tree you have: make MICROPYTHON_DIR=/path/to/micropython" >&2
    exit 1
}

# Unpacked beside DEST and moved there whole, so that a broken run leaves no half tree.
rm -rf "$DOWNLOADS/tree" "$DEST"
mkdir "$DOWNLOADS/tree"
tar -xJf "$DOWNLOADS/$TARBALL" --strip-components=1 -C "$DOWNLOADS/tree"
mv "$DOWNLOADS/tree" "$DEST"
