"""Files that are no database of ours, or no whole one: a clear error, and not a byte of them changed."""

import binascii
import os

from microtetherdb import DBCorrupt, MicroTetherDB
from runner import raises

FOLDERS = True
SLOW = True  # for run_board.py: minutes in the RP2040 emulator

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x10\x00\x00\x00\x10\x08\x06" + bytes(range(256)) * 4
# The head of a file of MicroPython's btree module: its magic number, version 3, page size 4096, little-endian.
BTREE = b"\x62\x31\x05\x00\x03\x00\x00\x00\x00\x10\x00\x00" + bytes(4084) + bytes(4096)


def bytes_of(name):
    with open(name, "rb") as file:
        return file.read()


def everything():
    return {name: bytes_of(name) for name in os.listdir(".")}


def is_refused(content, says):
    with open("my.db", "wb") as file:
        file.write(content)
    before = everything()
    error = raises(DBCorrupt, MicroTetherDB, "my.db", in_memory=False, says=says)
    assert isinstance(error, OSError)
    assert everything() == before
    # Again, now that something might remember the first attempt.
    raises(DBCorrupt, MicroTetherDB, "my.db", in_memory=False, says=says)
    assert everything() == before


def test_a_text_is_refused():
    is_refused(b"name,age\nJohn,30\n" * 100, ("my.db", "not a database"))
    is_refused(b"x", ("my.db", "not a database"))


def test_an_image_is_refused():
    is_refused(PNG, ("my.db", "not a database"))


def test_zeros_and_erased_flash_are_refused():
    is_refused(bytes(5000), "my.db")
    is_refused(b"\xff" * 5000, "my.db")


def test_a_btree_file_is_named_as_such():
    is_refused(BTREE, ("my.db", "btree"))
    # The same written by a big-endian machine.
    is_refused(b"\x00\x05\x31\x62\x00\x00\x00\x03\x00\x00\x10\x00" + bytes(4084), ("my.db", "btree"))


def test_a_pile_of_our_own_bytes_in_another_order_is_refused():
    with MicroTetherDB("other.db", in_memory=False) as db:
        for n in range(100):
            db["k%d" % n] = n
    whole = bytes_of("other.db")
    is_refused(bytes(reversed(whole)), "my.db")
    is_refused(b"\n" + whole, "my.db")


def test_after_the_error_another_database_can_be_made_beside_it():
    with open("my.db", "wb") as file:
        file.write(PNG)
    raises(DBCorrupt, MicroTetherDB, "my.db", in_memory=False)
    with MicroTetherDB("mine.db", in_memory=False) as db:
        db["a"] = 1
    assert bytes_of("my.db") == PNG
    os.remove("my.db")
    with MicroTetherDB("my.db", in_memory=False) as db:
        db["a"] = 2
    with MicroTetherDB("my.db", in_memory=False) as db:
        assert db["a"] == 2


def test_any_flipped_bit_gives_the_last_good_state_or_dbcorrupt():
    with MicroTetherDB("my.db", in_memory=False) as db:
        for n in range(40):
            db["k%02d" % n] = {"n": n}
    whole = everything()
    # A put and its flush each: every prefix of the run is a good state.
    states = [{"k%02d" % n: {"n": n} for n in range(count)} for count in range(41)]
    opened = corrupt = 0
    for name in whole:
        step = max(1, len(whole[name]) // 150)
        for at in range(0, len(whole[name]), step):
            for other in os.listdir("."):
                os.remove(other)
            for other in whole:
                content = bytearray(whole[other])
                if other == name:
                    content[at] ^= 1 << at % 8
                with open(other, "wb") as file:
                    file.write(content)
            try:
                with MicroTetherDB("my.db", in_memory=False) as db:
                    found = {key: db[key] for key in db}
                assert found in states, (name, at, found)
                opened += 1
            except DBCorrupt:
                corrupt += 1
    assert opened > 0 and corrupt + opened > 200, (opened, corrupt)


def test_a_newer_format_says_both_versions():
    with MicroTetherDB("my.db", in_memory=False) as db:
        db["a"] = 1
    root = bytearray(bytes_of("my.db"))
    # docs/FORMAT.md: magic (8 bytes), version (1), …, and the CRC-32 of all before it in the last four.
    assert int.from_bytes(root[28:32], "little") == binascii.crc32(root[:28])
    assert root[8] == 2
    for version, says in ((9, ("my.db", "version 9", "up to 2")), (0, "my.db")):
        root[8] = version
        root[28:32] = binascii.crc32(root[:28]).to_bytes(4, "little")
        is_refused(bytes(root), says)
