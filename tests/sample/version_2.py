"""The sample of format version 2: what version 1's holds, made on a littlefs, so that fillers stand in it.

    cd tests/sample && micropython version_2.py

It stays as it is, and so do the files: tests/test_sample.py opens them for ever. A later version gets a sample of its own.
"""

import os
import sys

from microtetherdb import MicroTetherDB
from version_1 import COMPRESSED, GENERATED, LARGE, PLAIN, check, fill

NAME = "version_2.db"

if __name__ == "__main__":
    sys.path.append("..")
    from devices import RamDevice

    device = RamDevice("lfs", 64).format().mount()
    with MicroTetherDB(device.path + "/" + NAME, in_memory=False, flush_threshold=1000) as db:
        fill(db)
        # As after a power cut: closing would only add to it. A database does without its spare.
        for name in os.listdir(device.path):
            if "spare" not in name:
                with open(device.path + "/" + name, "rb") as source, open(name, "wb") as target:
                    content = source.read()
                    target.write(content)
                print(name, len(content), "bytes")
