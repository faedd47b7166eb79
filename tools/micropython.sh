#!/bin/sh
# Puts MicroPython's source into DEST (build/micropython), from Debian's source package:
# the way for a clone whose submodule is not populated, and the only one where GitHub is
# out of reach. What comes is the upstream release less the libraries Debian strips
# (berkeley-db, mbedtls, lwip, tinyusb, pico-sdk, micropython-lib); Debian's own patches
# are not applied, it builds without them.
set -eu

DEST=$1
VERSION=1.25.0+ds-1
SUITE=trixie
TARBALL=micropython_1.25.0+ds.orig.tar.xz
SHA256=7b25be99a502f070b2de81dafc08da7051d992325d6e67daa9045a918fffdbea

WORK=$(dirname "$DEST")/micropython-download
mkdir -p "$WORK/lists/partial" "$WORK/cache/archives/partial"
WORK=$(cd "$WORK" && pwd)

# "REPO_URI RELEASE" of every repository this machine takes packages from, read by apt
# itself, so that one-line .list files and deb822 .sources files are both understood.
debian_mirrors() {
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-none}")
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        awk -v c="$codename" '$3 == "main" && ($2 == c || $2 ~ /^(oldstable|stable|testing|unstable|sid|trixie)$/) && !seen[$1]++ { print $1 }'
}

# apt with a configuration of its own: the machine's sources and lists stay as they are.
own_apt() {
    apt-get -qq -oDir::Etc::sourcelist="$WORK/sources.list" -oDir::Etc::sourceparts=/dev/null \
        -oDir::State::lists="$WORK/lists" -oDir::Cache="$WORK/cache" \
        -oAPT::Sandbox::User=root -oAcquire::Languages=none \
        -oAcquire::Retries=3 -oAcquire::http::Timeout=60 -oAcquire::https::Timeout=60 "$@"
}

# Ubuntu and older Debians do not know the suite's keys: then the source is taken
# unsigned, which is safe because the tarball is checked against SHA256 below.
fetch_from() {
    for option in signed-by=/usr/share/keyrings/debian-archive-keyring.gpg trusted=yes; do
        echo "deb-src [$option] $1 $SUITE main" > "$WORK/sources.list"
        own_apt update && (cd "$WORK" && own_apt source --download-only "micropython=$VERSION") && return
    done
    return 1
}

checksum_is_right() {
    echo "$SHA256  $WORK/$TARBALL" | sha256sum --check --status 2>/dev/null
}

for attempt in 1 2 3; do
    checksum_is_right && break
    [ $attempt -eq 1 ] || sleep 5
    rm -f "$WORK/$TARBALL"
    for mirror in $(debian_mirrors); do
        echo "fetching from $mirror, attempt $attempt"
        fetch_from "$mirror" && break
    done
done
if ! checksum_is_right; then
    echo "$TARBALL could not be had, or is not the file whose sha256 is pinned in $0." >&2
    echo "Populate the submodule instead (git submodule update --init micropython-submodule)," >&2
    echo "or name a tree you have: make MICROPYTHON_DIR=/path/to/micropython" >&2
    exit 1
fi

# Unpacked beside DEST and moved there whole, so that a broken run leaves no half tree.
rm -rf "$WORK/tree" "$DEST"
mkdir "$WORK/tree"
tar -xJf "$WORK/$TARBALL" --strip-components=1 -C "$WORK/tree"
mv "$WORK/tree" "$DEST"
rm -rf "$WORK/lists" "$WORK/cache"
