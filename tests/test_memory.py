"""One heap for all threads, and garbage that is looked for where it can be."""

import ctypes
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

FILL = """
import ctypes, sys, threading
from xo_exporter import memory
if sys.argv[1] == "shared":
    memory.settle()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
def allocate():
    for _ in range(100):
        assert libc.malloc(1000)
barrier = threading.Barrier(4)
def work():
    barrier.wait()
    allocate()
threads = [threading.Thread(target=work) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
stream = libc.fopen
stream.restype = ctypes.c_void_p
file = ctypes.c_void_p(libc.fopen(sys.argv[2].encode(), b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
"""


def _heaps(tmp_path: Path, how: str) -> int:
    file = tmp_path / how
    subprocess.run([sys.executable, "-c", FILL, how, str(file)], check=True, timeout=60)
    return len(ET.parse(file).getroot().findall("heap"))


def test_threads_share_one_heap(tmp_path: Path) -> None:
    """Threads that allocate at the same time have one heap where it is asked for, else several."""
    if not hasattr(ctypes.CDLL(None), "malloc_info"):
        pytest.skip("the C library is not glibc")
    assert _heaps(tmp_path, "shared") == 1
    assert _heaps(tmp_path, "apart") > 1


LOOK = """
import gc, weakref
from xo_exporter import memory
class Knot: pass
loaded = len(gc.get_objects())
memory.settle()
assert len(gc.get_objects()) < loaded / 10
knot = Knot()
knot.itself, gone = knot, weakref.ref(knot)
del knot
gc.collect()
assert gone() is None
"""


def test_what_is_loaded_is_not_looked_at() -> None:
    """What there is at the start is taken for no garbage ever; what comes later may become some."""
    subprocess.run([sys.executable, "-c", LOOK], check=True, timeout=60)
