#!/bin/sh
# qemu.sh FOLDER: unpacks Debian's (or Ubuntu's) own packages of qemu's system emulators for Arm and RISC-V, with
# the libraries they need and this machine lacks, into FOLDER. They are not installed: where a newer
# qemu-utils is, the package manager would take that away for them.
set -eu

PACKAGES="qemu-system-arm qemu-system-misc"
# Newer releases have the RISC-V one in a package of its own.
apt-cache show qemu-system-riscv > /dev/null 2>&1 && PACKAGES="qemu-system-arm qemu-system-riscv"

rm -rf "$1" "$1.new"
mkdir -p "$1.new/packages"
cd "$1.new/packages"
# shellcheck disable=SC2086,SC2046 # one word a package
apt-get -qq -oAPT::Sandbox::User=root -oAcquire::Retries=3 download \
    $(apt-get -s --no-install-recommends install $PACKAGES | awk '/^Inst/ { print $2 }')
for package in *.deb; do
    dpkg-deb -x "$package" ..
done
cd ..
rm -rf packages

# One folder of libraries, whether the package says lib or usr/lib, and a command for each emulator.
mkdir -p libraries bin
find lib usr/lib -name 'lib*.so*' -path '*-linux-gnu*' 2> /dev/null | while read -r file; do
    cp -P "$file" libraries/
done
for name in qemu-system-arm qemu-system-riscv32; do
    cat > bin/$name << SCRIPT
#!/bin/sh
here=\$(dirname "\$0")/..
LD_LIBRARY_PATH=\$here/libraries exec "\$here/usr/bin/$name" "\$@"
SCRIPT
    chmod +x bin/$name
    bin/$name --version
done
cd ..
mv "$1.new" "$1" 2> /dev/null || mv "$(basename "$1").new" "$(basename "$1")"
