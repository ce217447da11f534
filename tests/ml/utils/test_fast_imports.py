import gc
import subprocess
import sys

from ml.utils.fast_imports import loading
from tests.conftest import ROOT


def test_the_collector_skips_loaded_modules_and_scans_later_objects():
    frozen = gc.get_freeze_count()
    with loading():
        assert not gc.isenabled()
        loaded = [[] for _ in range(1000)]
    assert gc.isenabled()
    assert gc.get_freeze_count() >= frozen + len(loaded)
    ring: list[object] = []
    ring.append(ring)
    del ring
    assert gc.collect() >= 1


def test_the_collector_skips_the_servers_modules_after_each_rerun():
    code = "import gc, dashboard.app.entry; print(len(gc.get_objects()), gc.get_freeze_count())"
    command = [sys.executable, "-W", "ignore", "-c", code]
    out = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    looked_through, left_alone = map(int, out.stdout.split())
    assert looked_through < 2000
    assert left_alone > 50_000


def test_a_process_ends_without_collecting_and_runs_its_exit_handlers():
    code = (
        "import atexit, gc\n"
        "from ml.utils.fast_imports import loading\n"
        "atexit.register(lambda: print(gc.get_freeze_count() > loaded + len(made) // 2))\n"
        "with loading(): import json\n"
        "loaded = gc.get_freeze_count()\n"
        "made = [[] for _ in range(1000)]\n"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["True"]
