"""Runs the test_* functions of one file: micropython tests/runner.py FILE [NAME…]

On a board: import runner; runner.run("test_put_get"). A line "> NAME" goes out before each
test, so that whoever reads along knows where an interpreter ended; the last line is
`N passed, N failed`. A file that says FOLDERS = True has each test run in a new folder; what else a file may say
is read by run_unix.py and run_board.py. Here, too, stand the checks that many test files share.
"""

import gc
import os
import sys

ON_BOARD = sys.platform not in ("linux", "darwin")


def fewer(count):
    """Of random operations, or of records: a tenth on boards, whose emulators are slower than a desk."""
    return count // 10 if ON_BOARD else count


def remove(folder):
    for entry in list(os.ilistdir(folder)):
        path = "%s/%s" % (folder, entry[0])
        if entry[1] == 0x4000:
            remove(path)
        else:
            os.remove(path)
    os.rmdir(folder)


def run(name, only=()):
    """Runs the tests of module `name` (those named in `only`); returns (passed, failed)."""
    module = __import__(name)
    passed = failed = 0
    folder = os.getcwd().rstrip("/")
    if ON_BOARD:
        sys.path.append("/")  # for what a test imports from the folder that it made
    for test in sorted(dir(module)):
        if not test.startswith("test_") or (only and test not in only):
            continue
        print(">", test)
        gc.collect()
        if getattr(module, "FOLDERS", False):
            os.mkdir("%s/%s" % (folder, test))
            os.chdir("%s/%s" % (folder, test))
        try:
            getattr(module, test)()
            passed += 1
            if ON_BOARD and getattr(module, "FOLDERS", False):  # its flash is small
                os.chdir("/")
                remove("%s/%s" % (folder, test))
        except BaseException as error:
            failed += 1
            print("FAILED", name + ":", test)
            sys.print_exception(error, sys.stdout)
    print("%d passed, %d failed" % (passed, failed))
    return passed, failed


def raises(error, call, *args, says=(), **keywords):
    """Asserts that the call raises `error` (a class or several) with all of `says` in its text."""
    try:
        result = call(*args, **keywords)
    except error as raised:
        text = str(raised)
        for part in [says] if isinstance(says, str) else says:
            assert str(part) in text, "%r is not in the message %r" % (part, text)
        return raised
    assert False, "%r was returned, %r expected" % (result, error)


def contents(db):
    """Everything a user can see in `db`, for comparison: (records, TTLs, bytes used).

    Of a record its key, its tags and a hash of its value: small enough for a board."""
    size = len(db)  # collects what has expired, before the statistics are read
    stats = db.stats()
    records = [(key, tuple(db.tags(key)), hash(repr(value))) for key, value in db.items()]
    assert size == len(records) == stats["records"], (size, records, stats)
    return records, stats["ttl_records"], stats["bytes_used"]


def refused(db, error, call, *args, **keywords):
    """Asserts that the call raises, as raises() does, and leaves the database as it was."""
    before = contents(db)
    raised = raises(error, call, *args, **keywords)
    after = contents(db)
    assert after == before, "%r before the error, %r after it" % (before, after)
    return raised


def same(a, b):
    """Equal and, at every depth, of the same types."""
    pairs = [(a, b)]  # no recursion: a board's stack is short
    while pairs:
        a, b = pairs.pop()
        if type(a) is not type(b):
            return False
        if isinstance(a, (dict, list)) and len(a) != len(b):
            return False
        if isinstance(a, dict):
            if not all(key in b for key in a):
                return False
            pairs.extend([(a[key], b[key]) for key in a])
        elif isinstance(a, list):
            pairs.extend(zip(a, b))
        elif a != b:
            return False
    return True


if __name__ == "__main__":
    file = sys.argv[1].split("/")[-1]
    failed = run(file[:-3] if file.endswith(".py") else file, sys.argv[2:])[1]
    sys.exit(1 if failed else 0)
