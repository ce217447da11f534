"""The examination as a whole, and the two commands."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ml.__main__ import main
from ml.doctor import features
from ml.doctor.check_context import CheckContext
from ml.doctor.examination import examine, findings_of
from ml.doctor.registry import severity_key
from ml.doctor.stored_findings import read_findings, read_map
from ml.export import graph
from ml.models import Inputs, build
from ml.models.network import new_head
from ml.workspace import Workspace
from tests.ml.doctor.conftest import Shot, photos
from tests.ml.doctor.test_checks import noise


def test_findings_are_kept_beside_the_version(
    workspace: Workspace, make_context: Callable[..., CheckContext]
) -> None:
    first = photos(1)[0]
    context = make_context([Shot(first, "b"), Shot(first, "c"), *noise(20), *noise(4, "b", 60)])
    shares: list[float] = []
    content = examine(workspace, context.version, shares.append)
    assert read_findings(workspace, "pets", 1) == json.loads(json.dumps(content))
    assert content["findings"][0]["kind"] == "contradiction"
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_the_key_stays_as_long_as_the_pictures_do(
    make_context: Callable[..., CheckContext],
) -> None:
    first, second = photos(2)
    pair = [Shot(first, "b"), Shot(first, "c")]
    one = make_context([*pair, *noise(20)])
    turned = make_context([*noise(21), *pair], name="turned")
    more = make_context([*pair, Shot(second, "b"), Shot(second, "c"), *noise(20)], name="more")
    keys = [
        next(f.key for f in findings_of(context) if f.kind == "contradiction")
        for context in (one, turned, more)
    ]
    assert keys[0] == keys[1] != keys[2]


def test_the_most_harmful_is_first(make_context: Callable[..., CheckContext]) -> None:
    first = photos(1)[0]
    shots = [Shot(first, "b"), Shot(first, "c"), *noise(60), *noise(8, "b", 90)]
    findings = findings_of(make_context(shots))
    assert findings == sorted(findings, key=severity_key)
    assert findings[0].severity == "high"


def refuse(*arguments: object) -> None:
    raise AssertionError("torch makes the network once in a workspace.")


def test_the_commands_with_the_bundled_network(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "things"
    for label in ("glass", "paper"):
        (folder / label).mkdir(parents=True)
        for n, data in enumerate(photos(12, label=label)):
            (folder / label / f"{n}.jpg").write_bytes(data)
    (folder / "paper" / "bad.jpg").write_bytes(b"no picture")
    workspace = Workspace(tmp_path / "workspace")
    assert main(["doctor", str(folder), "--json"]) == 0
    captured = capsys.readouterr()
    content = json.loads(captured.out.splitlines()[-1])
    assert content["name"] == "things"
    assert "undecodable" in {finding["kind"] for finding in content["findings"]}
    assert "progress 1.00" in captured.err.splitlines()
    assert read_findings(workspace, "things", 1) is not None
    monkeypatch.setattr(features, "_trace_backbone", refuse)
    monkeypatch.setattr(graph, "_trace", refuse)
    assert main(["doctor", "things"]) == 0
    assert "1 file could not be read." in capsys.readouterr().out
    assert main(["map", "things", "--json"]) == 0
    drawn = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert len(drawn["x"]) == len(drawn["y"]) == 24
    stored = read_map(workspace, "things", 1)
    assert stored is not None
    assert stored["x"] == drawn["x"]
    trained = build("efficientnet_lite0", Inputs(3, 224, 7), pretrained=True)
    trained.head = new_head(1280, 7)
    exported = graph.make_graph(trained, 3, 224, workspace.graphs)  # as a training exports it
    assert exported.graph.output[0].type.tensor_type.shape.dim[1].dim_value == 7
    assert main(["doctor", "nothing-of-that-name"]) == 2
