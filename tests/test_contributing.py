"""CONTRIBUTING.md: each worked example is run as it stands, and is seen where the page says."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import top_k_accuracy_score

from ml.__main__ import main
from ml.data.ingest.bring_in import bring_in
from ml.data.sources import hub_registry, hubs
from ml.doctor import checks
from ml.doctor import registry as doctor_registry
from ml.metrics import registry as metric_registry
from ml.metrics.report import metric_values
from ml.workspace import Workspace
from tests.conftest import ROOT

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### (.+?)\n.*?```python\n(.*?)```", TEXT, flags=re.M | re.S))


@pytest.fixture
def scratch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Registries that forget afterwards, and a folder whose modules join checks and hubs."""
    doctor_registry.all_checks()
    hub_registry.all_hubs()
    metric_registry.all_metrics()
    folder = tmp_path / "added"
    folder.mkdir()
    monkeypatch.setattr(checks, "__path__", [*checks.__path__, str(folder)])
    monkeypatch.setattr(hubs, "__path__", [*hubs.__path__, str(folder)])
    monkeypatch.setattr(doctor_registry, "_checks", dict(doctor_registry._checks))
    monkeypatch.setattr(hub_registry, "_hubs", dict(hub_registry._hubs))
    monkeypatch.setattr(metric_registry, "_metrics", dict(metric_registry._metrics))
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        if name.startswith(("ml.doctor.checks.", "ml.data.sources.hubs.")):
            del sys.modules[name]


def noise(folder: Path, name: str, count: int, size: tuple[int, int]) -> None:
    (folder / name).mkdir(parents=True)
    for n in range(count):
        Image.effect_noise(size, 60 + n).save(folder / name / f"{n}.png")


def test_the_metric_is_in_a_report_and_is_scikit_learns(scratch: Path) -> None:
    exec(SECTIONS["A metric"], {"__name__": "example"})
    random = np.random.default_rng(0)
    logits, labels = random.normal(size=(200, 5)), random.integers(0, 5, 200)
    report = metric_values(logits, labels)
    expected = top_k_accuracy_score(labels, logits, k=2, labels=range(5))
    assert report["top_2_accuracy"] == pytest.approx(expected)


def test_the_check_of_the_doctor_finds_what_it_looks_for(
    scratch: Path, tmp_path: Path, workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    (scratch / "tall.py").write_text(SECTIONS["A check of the doctor"], encoding="utf-8")
    noise(tmp_path / "set", "wide", 8, (60, 50))
    noise(tmp_path / "set", "tall", 5, (20, 90))
    bring_in(workspace, tmp_path / "set", "set")
    assert main(["doctor", "set", "--json", "--workspace", str(workspace.root)]) == 0
    findings = json.loads(capsys.readouterr().out.splitlines()[-1])["findings"]
    (finding,) = (one for one in findings if one["kind"] == "tall")
    assert len(finding["items"]) == 5


def test_the_hub_is_ingested_from_by_name(
    scratch: Path, tmp_path: Path, workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    (scratch / "club.py").write_text(SECTIONS["A hub of data sets"], encoding="utf-8")
    noise(tmp_path / "boats", "sail", 6, (40, 40))
    noise(tmp_path / "boats", "motor", 6, (40, 40))
    root = ["--root", str(tmp_path / "boats"), "--workspace", str(workspace.root)]
    assert main(["ingest", "boats", "--name", "boats", "--json", *root]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["accepted"] == 12


def test_every_place_that_it_names_is_there() -> None:
    for path in re.findall(r"`((?:ml|dashboard|pages|tests|docs)/[\w./]+)`", TEXT):
        assert (ROOT / path).exists(), path
