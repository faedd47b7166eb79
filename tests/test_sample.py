"""Databases of every version of the format since 1 open for ever: tests/sample."""

import os
import sys

from microtetherdb import MicroTetherDB

NEEDS = "unix"
FOLDERS = True

FOLDER = __file__.rsplit("/", 1)[0] + "/sample" if "/" in __file__ else "sample"
sys.path.append(FOLDER)


def files(sample):
    return [name for name in os.listdir(FOLDER) if name.startswith(sample.NAME)]


def copy(sample):
    for name in files(sample):
        with open("%s/%s" % (FOLDER, name), "rb") as source, open(name, "wb") as target:
            target.write(source.read())


def opens_and_goes_on(sample):
    copy(sample)
    db = MicroTetherDB(sample.NAME, in_memory=False)
    sample.check(db)
    # It is not written to by that, and then it is used like any other.
    for name in files(sample):
        assert open(name, "rb").read() == open("%s/%s" % (FOLDER, name), "rb").read(), name
    assert db.put({"n": 1}) > sample.GENERATED[-1]
    db["compressed"]["n"] = 6
    db.delete_batch(["reading %02d" % n for n in range(20)])
    for n in range(300):
        db.put("new%03d" % n, {"celsius": n, "text": "x" * n}, tags=["red"])
    db.compact()
    db.close()
    db = MicroTetherDB(sample.NAME, in_memory=False)
    assert db.get("compressed") == dict(sample.COMPRESSED, n=6, _tags=["packed"]) and db.get("large") == sample.LARGE
    assert len(db.query({"tags": "red"})) == 302 and db.get("plain") == sample.PLAIN
    db.close()


def test_version_1_opens_and_goes_on():
    import version_1

    opens_and_goes_on(version_1)


def test_version_2_opens_and_goes_on():
    import version_2

    opens_and_goes_on(version_2)
