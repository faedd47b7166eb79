#!/usr/bin/env python3
"""stack.py IMAGE BUDGET [FUNCTION]: how much stack each function of the ABI takes at most, read from the machine code of
an ARMv6-M image: what each function pushes and subtracts, and whom it calls. Fails where one takes more than the budget.
With FUNCTION it prints the deepest calls of that one.

Calls through pointers to the medium's C functions count nothing; what CLOSURES names are the others. A function that comes
back to itself is counted once."""
import re
import struct
import subprocess
import sys

# Who calls a closure through a pointer, and which ones it may be.
CLOSURES = [
    (r"query::compile::(walk|path|tests?|operand_\w+)$", r"query::compile::(check|compile)::.*closure"),
]


def functions(image):
    """By address: their names, and from where to where their code goes, with constants between."""
    names, code = {}, {}
    listed = subprocess.run(["nm", "-n", "-C", "--special-syms", "--defined-only", image], capture_output=True, text=True, check=True)
    function = begun = None
    for line in listed.stdout.splitlines():
        address, kind, name = re.match(r"([0-9a-f]+) (\w) (.*)", line).groups()
        address = int(address, 16) & ~1
        if begun is not None and address > begun:
            code.setdefault(function, []).append((begun, address))
            begun = address
        if name.startswith("$"):
            begun = address if name.startswith("$t") else None
        elif kind in "tTwW":
            names[address] = re.sub(r"::h[0-9a-f]{16}|mtdb_engine::", "", name)
            function = begun = address
    return names, code


def code_at(image):
    """The bytes of the image, and where in them an address is."""
    with open(image, "rb") as file:
        data = file.read()
    (offset,) = struct.unpack_from("<I", data, 28)
    size, count = struct.unpack_from("<HH", data, 42)
    parts = [struct.unpack_from("<8I", data, offset + n * size) for n in range(count)]

    def place(address):
        for kind, at, start, _, length, *_ in parts:
            if kind == 1 and start <= address < start + length:
                return at + address - start
        raise ValueError(f"no code at {address:#x}")

    return data, place


def frame_and_calls(data, start, end, shift):
    """Bytes that the code of a function takes, and the addresses that it calls or goes on to."""
    frame, calls, constants, at = 0, set(), {}, start
    while at < end:
        (code,) = struct.unpack_from("<H", data, at)
        at += 2
        if code & 0xFE00 == 0xB400:  # push
            frame += 4 * (code & 0x1FF).bit_count()
        elif code & 0xFF80 == 0xB080:  # sub sp, #n
            frame += 4 * (code & 0x7F)
        elif code & 0xF800 == 0x4800:  # ldr rN, [pc, #n]
            (value,) = struct.unpack_from("<i", data, ((at + 2 + shift) & ~3) - shift + 4 * (code & 0xFF))
            constants[code >> 8 & 7] = value
        elif code & 0xFF87 == 0x4485:  # add sp, rN
            frame += max(0, -constants[code >> 3 & 15])
        elif code & 0xF800 == 0xE000:  # b
            calls.add(at + 2 + ((code & 0x7FF) << 21 >> 20 if code < 0xE400 else 2 * ((code & 0x7FF) - 0x800)) + shift)
        elif code & 0xF800 == 0xF000:  # bl
            (low,) = struct.unpack_from("<H", data, at)
            at += 2
            if low & 0xD000 == 0xD000:
                sign, j1, j2 = code >> 10 & 1, low >> 13 & 1, low >> 11 & 1
                high = (sign << 24) | ((1 ^ j1 ^ sign) << 23) | ((1 ^ j2 ^ sign) << 22) | ((code & 0x3FF) << 12)
                calls.add(at + high + ((low & 0x7FF) << 1) - (sign << 25) + shift)
    return frame, calls


def main():
    image, budget = sys.argv[1], int(sys.argv[2])
    names, code = functions(image)
    data, place = code_at(image)
    frames, calls = {}, {}
    for function, parts in code.items():
        frames[function], calls[function] = 0, set()
        for start, end in parts:
            at = place(start)
            frame, called = frame_and_calls(data, at, at + end - start, start - at)
            frames[function] += frame
            calls[function] |= {address for address in called if address in names and address != function}
    for caller, closures in CLOSURES:
        for address in (address for address in calls if re.search(caller, names[address])):
            calls[address] |= {other for other in calls if re.search(closures, names[other])}

    reached = {}

    def deepest(address, around=()):
        """Bytes from there on, the calls, and whether that leaves out one that comes back to what is around."""
        if address in reached:
            return reached[address]
        best, cut = (0, []), False
        for callee in calls.get(address, ()):
            if callee in around or callee == address:
                cut = True
                continue
            size, path, less = deepest(callee, (*around, address))
            cut |= less
            best = max(best, (size, path))
        found = (best[0] + frames.get(address, 0), [address, *best[1]], cut and bool(around))
        if not found[2]:
            reached[address] = found
        return found

    roots = [address for address, name in names.items() if re.fullmatch(r"mtdb_\w+", name)]
    taken = sorted(((deepest(address)[0], names[address], address) for address in roots), reverse=True)
    for size, name, address in taken:
        if name in sys.argv[3:]:
            print(f"{size} bytes of stack in {name}")
            for step in deepest(address)[1]:
                print(f"{frames[step]:7} {names[step]}")
    size, name, _ = taken[0]
    print(f"stack {size} bytes in {name}, of {budget}")
    sys.exit(size > budget)


if __name__ == "__main__":
    main()
