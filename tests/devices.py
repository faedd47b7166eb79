"""Block devices in RAM for the tests of databases in files: they count, fail and lose their power as asked.

A device serves VfsLfs2 and VfsFat alike. Writing and erasing are what changes the medium; with `log` a list,
each is noted there, and image() gives what the medium holds when the power goes at one of them.
"""

import vfs

EIO, ENOSPC = 5, 28  # not every build's errno module has them

ERASED = b"\xff" * 512
BLOCK = {"lfs": 4096, "fat": 512}


def blank(length):
    data = bytearray(length)
    for at in range(0, length, 512):
        data[at : at + 512] = ERASED
    return data


class RamDevice:
    def __init__(self, kind, blocks, data=None):
        self.kind = kind
        self.block = BLOCK[kind]
        self.blocks = blocks
        self.data = data or blank(self.block * blocks)
        self.log = None
        self.calls = 0  # reads, writes, erases and syncs
        self.fail_at = None  # number of the call that fails
        self.fail_times = 1  # how many do in a row
        self.fail_errno = EIO
        self.fail_writes_only = False  # writes, erases and syncs
        self.fail_raises = False  # by raising OSError, not by returning its number
        self.hook = None  # is called at each call
        self.hook_writes_only = False

    def _call(self, writes):
        if self.hook and (writes or not self.hook_writes_only):
            self.hook()
        if self.fail_writes_only and not writes:
            return 0
        self.calls += 1
        if self.fail_at is None or not self.fail_at <= self.calls - 1 < self.fail_at + self.fail_times:
            return 0
        if self.fail_raises:
            raise OSError(self.fail_errno)
        return -self.fail_errno

    def readblocks(self, number, buf, offset=0):
        error = self._call(False)
        if not error:
            at = number * self.block + offset
            buf[:] = memoryview(self.data)[at : at + len(buf)]
        return error

    def writeblocks(self, number, buf, offset=0):
        error = self._call(True)
        if not error:
            at = number * self.block + offset
            self.data[at : at + len(buf)] = buf
            if self.log is not None:
                self.log.append((at, bytes(buf)))
        return error

    def ioctl(self, operation, argument):
        if operation == 4:
            return self.blocks
        if operation == 5:
            return self.block
        if operation == 3:
            return self._call(True)
        if operation == 6:  # erase; FAT does not ask for it
            error = self._call(True)
            if not error:
                at = argument * self.block
                self.data[at : at + self.block] = blank(self.block)
                if self.log is not None:
                    self.log.append((at, blank(self.block)))
            return error
        return 0

    def format(self):
        self.filesystem().mkfs(self, **self._sizes())
        return self

    def filesystem(self):
        return vfs.VfsLfs2 if self.kind == "lfs" else vfs.VfsFat

    def _sizes(self):
        # Those of rp2.
        return {"progsize": 256, "readsize": 256} if self.kind == "lfs" else {}

    def mount(self):
        """At a folder that was not used before: a database that a failed test left open is of no concern."""
        global mounted
        mounted += 1
        self.path = "/r%d" % mounted
        sizes = self._sizes()
        vfs.mount(self.filesystem()(self, **sizes) if sizes else self.filesystem()(self), self.path)
        return self

    def umount(self):
        vfs.umount(self.path)


mounted = 0


def apply(data, entry, part=2):
    """Does to a medium's bytes what was logged: all of it, or only its first half (part 1)."""
    at, new = entry
    length = len(new) * part // 2
    data[at : at + length] = new if part == 2 else memoryview(new)[:length]

