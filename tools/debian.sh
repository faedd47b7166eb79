#!/bin/sh
# debian.sh FOLDER KIND PACKAGE=VERSION FILE SHA256: puts FILE, a file of a package of Debian's suite
# trixie, into FOLDER, whatever release of Debian or Ubuntu this machine is. KIND is `source` (FILE is the
# source package's tarball) or `binary` (FILE is the package itself). A file that is there and right
# is not fetched again. apt runs with a configuration of its own, which it keeps under
# FOLDER: the machine's sources and lists stay as they are, and nothing needs root.
set -eu

SUITE=trixie
mkdir -p "$1/lists/partial" "$1/cache/archives/partial"
FOLDER=$(cd "$1" && pwd)
KIND=$2
PACKAGE=$3
FILE=$4
SHA256=$5

# "REPO_URI" of every repository this machine takes packages from, read by apt itself, so that
# one-line .list files and deb822 .sources files are both understood.
debian_mirrors() {
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-none}")
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        awk -v c="$codename" '$3 == "main" && ($2 == c || $2 ~ /^(oldstable|stable|testing|unstable|sid|trixie)$/) && !seen[$1]++ { print $1 }'
}

own_apt() {
    apt-get -qq -oDir::Etc::sourcelist="$FOLDER/sources.list" -oDir::Etc::sourceparts=/dev/null \
        -oDir::State::lists="$FOLDER/lists" -oDir::Cache="$FOLDER/cache" \
        -oAPT::Sandbox::User=root -oAcquire::Languages=none \
        -oAcquire::Retries=3 -oAcquire::http::Timeout=60 -oAcquire::https::Timeout=60 "$@"
}

download() {
    case $KIND in
        source) (cd "$FOLDER" && own_apt source --download-only "$PACKAGE") ;;
        binary) (cd "$FOLDER" && own_apt download "$PACKAGE") ;;
    esac
}

# Ubuntu and older Debians do not know the suite's keys: then the file is taken
# unsigned, which is safe because it is checked against SHA256 below.
fetch_from() {
    for option in signed-by=/usr/share/keyrings/debian-archive-keyring.gpg trusted=yes; do
        for type in deb deb-src; do
            echo "$type [$option] $1 $SUITE main"
        done > "$FOLDER/sources.list"
        own_apt update && download && return
    done
    return 1
}

checksum_is_right() {
    echo "$SHA256  $FOLDER/$FILE" | sha256sum --check --status 2> /dev/null
}

for attempt in 1 2 3; do
    checksum_is_right && exit
    [ $attempt -eq 1 ] || sleep 5
    rm -f "$FOLDER/$FILE"
    for mirror in $(debian_mirrors); do
        echo "fetching from $mirror, attempt $attempt"
        fetch_from "$mirror" && break
    done
done
checksum_is_right && exit
echo "$FILE of Debian's package $PACKAGE could not be had, or is not the file whose sha256 is pinned." >&2
exit 1
