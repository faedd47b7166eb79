"""Does measured work a number of times, for valgrind: micropython instructions.py CONTENDER METHOD ROUNDS"""

import gc
import sys

import contenders
from documents import document, shuffled

contender = getattr(contenders, sys.argv[1])(1000, True)
work = getattr(contender, sys.argv[2])
keys = [contenders.key_of(n) for n in shuffled(range(1000))[:100]]
argument = {"get": (keys,), "put": ([(key, document(n)) for n, key in enumerate(keys)],)}.get(sys.argv[2], ())
gc.collect()
gc.disable()
for _ in range(int(sys.argv[3])):
    work(*argument)
