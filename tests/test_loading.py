import gc
import subprocess
import sys

from ml.loading import loading


def test_what_is_loaded_is_not_looked_through_again_and_what_comes_after_is():
    frozen = gc.get_freeze_count()
    with loading():
        assert not gc.isenabled()
        kept = [[] for _ in range(1000)]
    assert gc.isenabled()
    assert gc.get_freeze_count() >= frozen + len(kept)
    ring: list[object] = []
    ring.append(ring)
    del ring
    assert gc.collect() >= 1


def test_what_is_to_be_done_at_the_end_of_a_process_is_done_after_loading():
    code = (
        "import atexit, tempfile\n"
        "from ml.loading import loading\n"
        "atexit.register(print, 'done')\n"
        "with loading(): import json\n"
        "folder = tempfile.TemporaryDirectory()\n"
        "print(folder.name)\n"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.splitlines()[1:] == ["done"]
