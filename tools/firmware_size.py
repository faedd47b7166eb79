#!/usr/bin/env python3
"""Prints what the module adds to a firmware image, and fails where that is over the budgets.

    python3 tools/firmware_size.py WITH.elf WITHOUT.elf [--kept]

WITH is an image with the module, beside the folder `tree` that it was built in, WITHOUT the same image without it. Flash is code, constants and initial values; the difference holds all that comes with the module: engine, glue,
frozen Python, and what of MicroPython and the compiler's library only they use. The status is 1 over a budget,
and when a function of Rust's panic machinery is in WITH. With --kept, flash is held to what was reached so far.
"""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

FLASH_BUDGET = 64 * 1024
# While it is over its budget, it does not grow either, but for what another compiler makes of it. This number only goes down.
FLASH_KEPT = 94_100
RAM_BUDGET = 1024
PANIC = re.compile(r"panicking|rust_begin_unwind|slice_index_fail|mismatch_fail|unwrap_failed|expect_failed")
# What a symbol belongs to, the first that fits.
GROUPS = (
    ("engine: ABI", re.compile(r"^mtdb_|_ZN4mtdb|_ZN9mtdb_capi")),
    ("engine: {}", re.compile(r"mtdb_engine(?:\.\.|\d+)([a-z]+)")),
    ("Rust's core", re.compile(r"_ZN4core|_ZN\d+_\$LT\$|\$u20\$")),
)


def run(*command: str) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout


def sections(image: str) -> tuple[int, int]:
    """(bytes of flash, bytes of static RAM); what is in both counts in both."""
    flash = ram = 0
    for line in run("arm-none-eabi-readelf", "-SW", image).splitlines():
        found = re.match(r"\s*\[ *\d+\] (\S+)\s+(\S+)\s+([0-9a-f]+) [0-9a-f]+ ([0-9a-f]+) \S+ +([A-Z]+)? ", line)
        if not found or "A" not in (found[5] or ""):
            continue
        name, kind, address, size = found[1], found[2], int(found[3], 16), int(found[4], 16)
        # The heap and the stacks are what RAM is left, not what is taken.
        if name in (".heap", ".stack_dummy", ".stack1_dummy") or size == 0:
            continue
        flash += size if kind != "NOBITS" else 0
        ram += size if address >= 0x20000000 else 0
    return flash, ram


def symbols(image: str) -> Counter[str]:
    """Bytes by symbol, those of one name added up."""
    sizes: Counter[str] = Counter()
    for line in run("arm-none-eabi-nm", "-S", "--defined-only", image).splitlines():
        words = line.split()
        if len(words) == 4 and words[2] not in "BbNn":
            sizes[words[3]] += int(words[1], 16)
    return sizes


def glue_symbols(image: str) -> set[str]:
    """What the glue's object files define."""
    objects = [str(path) for path in (Path(image).parent / "tree").rglob("*") if path.parent.name == "mpy_glue" and path.suffix in (".o", ".obj")]
    if not objects:
        raise SystemExit(f"no object file of the glue beside {image}")
    return {line.split()[-1] for line in run("arm-none-eabi-nm", "--defined-only", *objects).splitlines() if " " in line}


def group(symbol: str, glue: set[str]) -> str:
    if symbol in glue:
        return "glue"
    for name, pattern in GROUPS:
        found = pattern.search(symbol)
        if found:
            return name.format(*found.groups())
    return "MicroPython's and others, added"


def keeps(name: str, found: int, budget: int) -> bool:
    """Prints a budget and what was found, in the form that every budget of `make size` has."""
    print(f"{name}: {found}, the budget is {budget}, {'ok' if found <= budget else 'over'}")
    return found <= budget


def main() -> int:
    kept_only = sys.argv[3:] == ["--kept"]
    if len(sys.argv) != 3 and not kept_only:
        print(__doc__)
        return 2
    image, bare = sys.argv[1:3]
    glue = glue_symbols(image)
    flash, ram = (a - b for a, b in zip(sections(image), sections(bare)))
    added = symbols(image)
    added.subtract(symbols(bare))
    by_group: Counter[str] = Counter()
    for symbol, size in added.items():
        by_group[group(symbol, glue)] += size
    for name, size in by_group.most_common():
        if size:
            print(f"{size:8} {name}")
    print(f"{flash - sum(by_group.values()):8} constants without a name, alignment")
    panics = sorted({symbol for symbol in symbols(image) if PANIC.search(symbol)})
    for name in panics:
        print(f"    panics: {name}")
    kept = [
        keeps("flash, bytes", flash, FLASH_BUDGET) or kept_only,
        keeps("flash, bytes, until then", flash, max(FLASH_KEPT, FLASH_BUDGET)),
        keeps("static RAM, bytes", ram, RAM_BUDGET),
        keeps("functions of Rust's panic machinery", len(panics), 0),
    ]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
