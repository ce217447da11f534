"""Checkpoints: what is damaged is noticed, what is newer replaces, what was good stays."""

import itertools
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest
import torch

from ml.errors import BadInputError, MLError
from ml.training import checkpoints
from ml.utils import files
from tests.conftest import ROOT

FULL = """
import resource, signal, sys, torch
from pathlib import Path
from ml.training import checkpoints
from ml.errors import WorkspaceError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, -1))
try:
    checkpoints.save(Path(sys.argv[1]), "last", {"weights": torch.ones(10**6)}, epoch=2, step=2)
except WorkspaceError as error:
    print(error)
"""
"""A process that may write half a megabyte into a file, and a checkpoint of four."""


def content(value: float) -> dict[str, torch.Tensor]:
    return {"weights": torch.full((50,), value)}


def test_the_newest_is_found_and_two_are_kept(tmp_path: Path) -> None:
    for epoch in range(1, 5):
        checkpoints.save(tmp_path, "last", content(epoch), epoch=epoch, step=epoch * 10)
    path, entry = checkpoints.newest(tmp_path, "last")
    assert (entry["epoch"], entry["step"]) == (4, 40)
    assert torch.equal(checkpoints.load(path)["weights"], content(4)["weights"])
    assert len(list(tmp_path.glob("last-*.ckpt"))) == 2


def test_best_and_last_do_not_meet(tmp_path: Path) -> None:
    checkpoints.save(tmp_path, "best", content(1), epoch=1, step=1)
    checkpoints.save(tmp_path, "last", content(2), epoch=2, step=2)
    assert checkpoints.newest(tmp_path, "best")[1]["epoch"] == 1
    assert len(list(tmp_path.glob("best-*.ckpt"))) == 1


def test_a_flipped_bit_costs_an_epoch_and_not_the_run(tmp_path: Path) -> None:
    for epoch in (1, 2):
        checkpoints.save(tmp_path, "last", content(epoch), epoch=epoch, step=epoch)
    damaged = checkpoints.newest(tmp_path, "last")[0]
    data = bytearray(damaged.read_bytes())
    data[len(data) // 2] ^= 1
    damaged.write_bytes(data)
    path, entry = checkpoints.newest(tmp_path, "last")
    assert entry["epoch"] == 1
    assert torch.equal(checkpoints.load(path)["weights"], content(1)["weights"])


def test_when_all_are_damaged_it_is_said_rather_than_begun_anew_in_silence(tmp_path: Path) -> None:
    checkpoints.save(tmp_path, "last", content(1), epoch=1, step=1)
    for path in tmp_path.glob("*.ckpt"):
        path.write_bytes(b"nothing")
    with pytest.raises(MLError, match="damaged"):
        checkpoints.newest(tmp_path, "last")


def test_a_crash_at_any_write_leaves_the_checkpoint_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints.save(tmp_path, "last", content(1), epoch=1, step=1)
    original = files.write_atomically
    for broken in range(2):  # the checkpoint itself, then its manifest
        calls = itertools.count()

        def write(path: Path, how, broken=broken, calls=calls) -> None:
            if next(calls) == broken:
                raise KeyboardInterrupt
            original(path, how)

        monkeypatch.setattr(checkpoints, "write_atomically", write)
        monkeypatch.setattr(files, "write_atomically", write)
        with pytest.raises(KeyboardInterrupt):
            checkpoints.save(tmp_path, "last", content(2), epoch=2, step=2)
        monkeypatch.undo()
        path, entry = checkpoints.newest(tmp_path, "last")
        assert entry["epoch"] == 1
        assert torch.equal(checkpoints.load(path)["weights"], content(1)["weights"])


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of a file's size there")
def test_a_full_disk_is_a_sentence_and_keeps_the_last_checkpoint(tmp_path: Path) -> None:
    checkpoints.save(tmp_path, "last", content(1), epoch=1, step=1)
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, cwd=ROOT
    )
    assert "could not be written" in done.stdout, done.stderr
    assert "Traceback" not in done.stderr
    path, entry = checkpoints.newest(tmp_path, "last")
    assert entry["epoch"] == 1
    assert torch.equal(checkpoints.load(path)["weights"], content(1)["weights"])
    assert sorted(one.name for one in tmp_path.iterdir()) == ["last-000001.ckpt", "last.json"]


def test_a_checkpoint_is_written_in_pieces_without_a_copy_in_memory(
    tmp_path: Path,
) -> None:
    size = 4 * 5_000_000
    held = {"weights": torch.ones(size // 4)}
    tracemalloc.start()
    checkpoints.save(tmp_path, "last", held, epoch=1, step=1)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (tmp_path / "last-000001.ckpt").stat().st_size > size
    assert most < size / 4


def test_nothing_in_a_checkpoint_is_executed(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self):
            return (print, ("executed",))

    path = tmp_path / "evil.ckpt"
    torch.save({"evil": Evil()}, path)
    with pytest.raises(BadInputError, match="is no checkpoint that can be read safely"):
        checkpoints.load(path)


def test_where_there_is_none_there_is_none(tmp_path: Path) -> None:
    assert checkpoints.newest(tmp_path, "last") is None
