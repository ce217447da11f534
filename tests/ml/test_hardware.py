"""What a training asks of the computer."""

import subprocess
import sys

import pytest

FAULTS = """
import ctypes, resource, sys
from ml.hardware import keep_freed_memory
if not keep_freed_memory():
    sys.exit(77)
libc = ctypes.CDLL("libc.so.6")
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
size, faults = 8 << 20, []
for _ in range(21):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    block = libc.malloc(size)
    ctypes.memset(block, 1, size)
    libc.free(block)
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(sum(faults[1:]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc alone is told anything")
def test_freed_memory_is_reused_without_page_faults() -> None:
    done = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True)
    if done.returncode == 77:
        pytest.skip("not glibc")
    assert int(done.stdout) < 200, done.stderr  # 20 blocks of 2,048 pages each
