#!/bin/sh
# rp2_sources.sh TREE OURS FOLDER: what MicroPython's rp2 port needs beside MicroPython's tree TREE: pico-sdk in
# FOLDER/pico-sdk, tinyusb and mbedtls in TREE/lib. They come from Debian's packages, and only into the tree that was
# fetched, OURS; another tree must bring tinyusb and mbedtls along.
set -eu

TREE=$1
OURS=$2
FOLDER=$3
DOWNLOADS=$FOLDER/debian

# unpack FILE FOLDER INTO: FOLDER of a Debian package becomes INTO, whole or not at all.
unpack() {
    rm -rf "$DOWNLOADS/tree" "$3"
    dpkg-deb -x "$DOWNLOADS/$1" "$DOWNLOADS/tree"
    mv "$DOWNLOADS/tree/$2" "$3"
    rm -rf "$DOWNLOADS/tree"
}

pico_sdk() {
    file=pico-sdk-source_2.1.1-1_all.deb
    tools/debian.sh "$DOWNLOADS" binary pico-sdk-source=2.1.1-1 $file \
        507a3ca37636641bc90239d7c04dc9dc28c5008087a8162102ea94d2273153d3
    unpack $file usr/src/pico-sdk "$FOLDER/pico-sdk"
}

tinyusb() {
    file=tinyusb-source_0.18.0+dfsg-1_all.deb
    tools/debian.sh "$DOWNLOADS" binary tinyusb-source=0.18.0+dfsg-1 $file \
        01ce2c645df68f14a8a7dcfc8fb355713152543757955820479a87949a61154e
    unpack $file usr/src/tinyusb "$TREE/lib/tinyusb"
}

mbedtls() {
    file=mbedtls_3.6.6.orig.tar.bz2
    # No version: Debian's own revision of it changes, upstream's tarball does not.
    tools/debian.sh "$DOWNLOADS" source mbedtls $file \
        8fb65fae8dcae5840f793c0a334860a411f884cc537ea290ce1c52bb64ca007a
    rm -rf "$DOWNLOADS/tree"
    mkdir "$DOWNLOADS/tree"
    tar -xjf "$DOWNLOADS/$file" --strip-components=1 -C "$DOWNLOADS/tree"
    rm -rf "$TREE/lib/mbedtls"
    mv "$DOWNLOADS/tree" "$TREE/lib/mbedtls"
}

[ -f "$FOLDER/pico-sdk/pico_sdk_init.cmake" ] || pico_sdk
for library in tinyusb mbedtls; do
    [ -z "$(ls "$TREE/lib/$library" 2> /dev/null)" ] || continue
    if [ "$TREE" != "$OURS" ]; then
        echo "$TREE has no lib/$library. There: git submodule update --init lib/tinyusb lib/mbedtls" >&2
        exit 1
    fi
    $library
done
