#!/bin/sh
# install.sh GROUP…: installs what the groups need and this Debian machine lacks, never
# asking. Where all is there it looks and runs nothing: no apt, no network, no root.
#   unix   what building the unix port takes
#   test   clippy, rustfmt, the chips' targets and redis-server
#   miri   nightly with Miri
#   fuzz   nightly with cargo-fuzz
#   race   valgrind
#   bench  nothing beyond unix
#   arm    the C compiler for Arm chips
#   riscv  the C compiler and C library for RISC-V chips
#   rp2    what building for the RP2040 and the RP2350 takes
#   rp2040 Node.js, npm and pip, for the RP2040 emulator
#   target:NAME  Rust's library for the chips of that name, and LLVM's compiler
set -eu

CARGO_FUZZ_VERSION=0.13.2
BOARD_TARGETS="thumbv6m-none-eabi thumbv7m-none-eabi riscv32imc-unknown-none-elf"

die() {
    echo "$*" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        command -v sudo > /dev/null || die "Installing packages takes root or sudo. Missing: $missing"
        sudo "$@"
    fi
}

apt_updated=no
apt_install() {
    command -v apt-get > /dev/null || die "Not a Debian machine; install by hand: $*"
    if [ $apt_updated = no ]; then
        as_root apt-get -qq -o Acquire::Retries=3 update
        apt_updated=yes
    fi
    # --no-remove: rather fail than take a package away from its owner unasked.
    # RUNLEVEL=1: a package's service is not started.
    as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
        apt-get -qq -y -o Acquire::Retries=3 --no-remove --no-install-recommends install "$@"
}

missing=""
need_command() {
    command -v "$1" > /dev/null || missing="$missing $2"
}
need_package() {
    dpkg-query -W -f '${Status}' "$1" 2> /dev/null | grep -q 'install ok installed' || missing="$missing $1"
}

install_packages() {
    need_package build-essential
    need_package libclang-dev # bindgen reads the ABI header with it
    need_package ca-certificates
    need_command git git
    need_command pkg-config pkg-config
    need_command python3 python3
    need_command xz xz-utils
    # shellcheck disable=SC2086 # one word a package
    [ -z "$missing" ] || apt_install $missing
}

# The oldest that the engine builds with; Cargo.toml says the same.
OLDEST_RUST=85

rust_is_there() {
    version=$(cargo --version 2> /dev/null) || return 1
    minor=${version#cargo 1.}
    [ "${minor%%.*}" -ge $OLDEST_RUST ]
}

can_install() {
    [ $apt_updated = yes ] || { as_root apt-get -qq -o Acquire::Retries=3 update; apt_updated=yes; }
    apt-cache show "$1" 2> /dev/null | grep -q .
}

# Debian 13 has rustup; Debian 12 a new Rust for its browsers, as cargo-web.
install_rust() {
    rust_is_there && return
    if ! command -v rustup > /dev/null; then
        for missing in rustup cargo-web ""; do
            [ -n "$missing" ] || die "\
Rust 1.$OLDEST_RUST or newer is missing, and this distribution has no package of it that fits.
Install rustup as https://rustup.rs says, with its defaults, then type the same command again."
            can_install $missing && apt_install $missing && break
        done
    fi
    # Debian's rustup comes without any toolchain.
    rust_is_there || {
        rustup toolchain install stable --profile minimal
        rustup default stable
    }
}

need_rustup() {
    command -v rustup > /dev/null || die "\
$1 is missing, and this machine's Rust does not come from rustup, which would install it.
Install rustup as https://rustup.rs says, then type the same command again."
}

# Rust's tool of that name: rustup's component of that name, or the package beside cargo-web.
need_rust_tool() {
    cargo "$1" --version > /dev/null 2>&1 && return
    missing=$3
    if command -v rustup > /dev/null; then
        rustup component add "$2"
    else
        apt_install "$3"
    fi
}

install_test() {
    # Only tests run it, on a port of their own.
    missing=redis-server
    command -v redis-server > /dev/null || apt_install redis-server
    need_rust_tool clippy clippy rust-web-clippy
    need_rust_tool fmt rustfmt rustfmt-web
    for target in $BOARD_TARGETS; do
        # Without rustup there is no such target: test.sh says that it skips it.
        [ -d "$(rustc --print target-libdir --target "$target")" ] || ! command -v rustup > /dev/null ||
            rustup target add "$target"
    done
}

# Where a group needs Debian's packages only.
install_missing() {
    missing=""
    for package in "$@"; do
        need_package "$package"
    done
    # shellcheck disable=SC2086 # one word a package
    [ -z "$missing" ] || apt_install $missing
}

install_arm() {
    install_missing gcc-arm-none-eabi libnewlib-arm-none-eabi
}

install_riscv() {
    install_missing gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf
}

install_rp2() {
    install_missing gcc-arm-none-eabi libnewlib-arm-none-eabi libstdc++-arm-none-eabi-newlib cmake ninja-build bzip2
}

install_rp2040() {
    missing=""
    need_command node nodejs
    need_command npm npm
    python3 -m pip --version > /dev/null 2>&1 || missing="$missing python3-pip"
    # shellcheck disable=SC2086 # one word a package
    [ -z "$missing" ] || apt_install $missing
    node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 18 ? 0 : 1)' ||
        die "The RP2040 emulator needs Node.js 18 or newer, this one is $(node --version)."
}

install_target() {
    if [ ! -d "$(rustc --print target-libdir --target "$1")" ]; then
        need_rustup "Rust's target $1"
        rustup target add "$1"
    fi
    [ -e "$(rustc --print target-libdir)/../bin/llc" ] || {
        need_rustup "LLVM's compiler"
        rustup component add llvm-tools
    }
}

install_nightly() {
    need_rustup nightly
    cargo +nightly --version > /dev/null 2>&1 || rustup toolchain install nightly --profile minimal
}

install_miri() {
    install_nightly
    cargo +nightly miri --version > /dev/null 2>&1 ||
        rustup component add miri rust-src --toolchain nightly
}

install_fuzz() {
    install_nightly
    cargo fuzz --version > /dev/null 2>&1 ||
        cargo install --locked --version "$CARGO_FUZZ_VERSION" cargo-fuzz
}

install_race() {
    missing=valgrind
    command -v valgrind > /dev/null || apt_install valgrind
}

install_packages
install_rust
for group in "$@"; do
    case $group in
        unix | bench) ;;
        test | miri | fuzz | race | arm | riscv | rp2 | rp2040) "install_$group" ;;
        target:*) install_target "${group#target:}" ;;
        *) die "install.sh: no group '$group'" ;;
    esac
done
