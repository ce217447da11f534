"""Models of one's own: read without being run, used like ours, no harm where broken."""

import re
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ml.config import TrainConfig
from ml.data.catalog import run_record
from ml.data.ingest.bring_in import bring_in
from ml.errors import BadInputError
from ml.evaluation.evaluate import evaluate
from ml.features import extract as features
from ml.models import Inputs, build, get, names
from ml.models.plugins import discovery as plugins
from ml.models.plugins.check import check
from ml.runs.folder import create, find
from ml.training.train import train
from ml.workspace import Workspace
from tests.conftest import ROOT
from tests.helpers.pictures import as_bytes, picture
from tests.helpers.trained import dataset
from tests.ml.models.test_every_model import resumes_and_reloads

TEXT = (ROOT / "docs" / "adding-a-model.md").read_text(encoding="utf-8")
(EXAMPLE,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
HEAD = (
    '@register("{}", label="L", help="H", good_for="G", parameters=1, macs=1, native_size=28{})\n'
)
BODY = "def make(inputs, pretrained):\n    {}\n"

Put = Callable[..., Path]


@pytest.fixture
def put(workspace: Workspace) -> Iterator[Put]:
    """Puts a plugin of some text into the workspace of the test, which is in use."""
    plugins.use_workspace(workspace)

    def write(text: str = EXAMPLE, name: str = "my_net.py") -> Path:
        workspace.plugins.mkdir(exist_ok=True)
        path = workspace.plugins / name
        path.write_text(text, encoding="utf-8")
        return path

    yield write
    plugins.forget_workspace()


def plugin(name: str = "mine", more: str = "", body: str = "raise ValueError('no')") -> str:
    return HEAD.format(name, more) + BODY.format(body)


def reason() -> str:
    (left_out,) = plugins.discovered().unreadable
    return left_out.reason


def test_the_documented_plugin_trains_resumes_and_reloads(put: Put, tmp_path: Path) -> None:
    put()
    model = get("my_net")
    assert (model.origin, model.label) == ("plugins/my_net.py", "My net")
    for inputs in (Inputs(1, 28, 3), Inputs(4, model.min_size, 3)):
        resumes_and_reloads(model, inputs, tmp_path)


def test_the_documented_plugin_s_figures_are_as_counted(put: Put) -> None:
    put()
    model = get("my_net")
    result = check(model)
    assert result["problem"] == ""
    assert result["parameters"] == pytest.approx(model.parameters, rel=0.01)
    assert result["macs"] == pytest.approx(model.macs, rel=0.01)


def test_an_exported_plugin_model_needs_no_plugin_file(put: Put, workspace: Workspace) -> None:
    path = put()
    record = run_record(dataset(workspace, "tiny", each=20), 0)
    config = TrainConfig(
        dataset="tiny", model="my_net", pretrained=False, image_size=16, epochs=1, threads=1
    )
    ended = train(workspace, create(workspace, config, record))
    assert ended.outcome == "finished", ended.reason
    path.unlink()
    with pytest.raises(BadInputError, match="no model named my_net"):
        get("my_net")
    report = evaluate(workspace, find(workspace, "latest"))
    assert report["accuracy"] == ended.test["accuracy"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("def f(:\n", "Line 1 is not valid Python"),
        ("x = 1\n", "No function in it has @register"),
        (plugin("resnet18"), "There is a model named resnet18 already (built in)"),
        (plugin() * 2, "There is a model named mine already (plugins/my_net.py)"),
        (plugin("../../mine"), "letters of the alphabet"),
        (plugin("mine", ", min_size=64"), "native_size has to lie between"),
        (plugin("mine", ", preset={'epochs': 0}"), "epochs goes from 1 to 1000"),
        (plugin("mine", ", preset={'dataset': 'x'}"), "preset cannot decide dataset"),
        (plugin("mine", ", options=('deep',)"), "no such setting"),
        (plugin("mine", ", label_of=NAME"), "has to be written out"),
        (plugin("mine", ", fetch=None"), "and not fetch"),
        (plugin("mine", ", pretrained=1"), "pretrained has to be True or False"),
        (HEAD.format("mine", "").replace("macs=1, ", "") + BODY.format("pass"), "lacks macs"),
        ("(" * 5000, "not valid Python"),
        ("\0", "not valid Python"),
    ],
    ids=lambda value: value[-25:] if isinstance(value, str) else None,
)
def test_an_unusable_plugin_is_listed_with_its_reason(
    put: Put, caplog: pytest.LogCaptureFixture, text: str, sentence: str
) -> None:
    put(text)
    put(plugin("other"), "other.py")
    assert "other" in names()
    assert "mine" not in names()
    assert sentence in reason()
    assert f"plugins/my_net.py is left out. {reason()}" in caplog.text


def test_a_plugin_file_is_not_run_until_a_network_is_built(put: Put, tmp_path: Path) -> None:
    mark = tmp_path / "was run"
    put(f"import pathlib\npathlib.Path({str(mark)!r}).touch()\n{EXAMPLE}")
    assert "my_net" in names()
    assert not mark.exists()
    build("my_net", Inputs(3, 28, 2))
    assert mark.exists()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (f"import no_such_package\n{EXAMPLE}", "ModuleNotFoundError: .*line 1"),
        (f"raise SystemExit\n{EXAMPLE}", "SystemExit"),
        (f"from ml.models import register\n{plugin()}", r"ValueError: no \(line 4\)"),
        (f"from ml.models import register\n{plugin('mine', '', 'return 7')}", "gave a int"),
        (f"register = lambda *a, **k: (lambda make: make)\n{plugin()}", "does not register mine"),
    ],
    ids=["import", "exit", "builder", "no network", "another register"],
)
def test_an_error_in_a_plugin_names_its_line(put: Put, text: str, sentence: str) -> None:
    put(text)
    name = plugins.discovered().models[0].name
    with pytest.raises(BadInputError, match=sentence):
        build(name, Inputs(3, 28, 2))
    assert re.search(sentence, check(get(name))["problem"])


def test_a_changed_or_deleted_plugin_is_read_again(put: Put) -> None:
    path = put()
    first = build("my_net", Inputs(3, 28, 2))
    put(EXAMPLE.replace('"My net"', '"Newer"').replace("AdaptiveAvgPool2d(4)", "AvgPool2d(7)"))
    second = build("my_net", Inputs(3, 28, 2))
    assert get("my_net").label == "Newer"
    assert [type(network.neck[0]).__name__ for network in (first, second)] == [
        "AdaptiveAvgPool2d",
        "AvgPool2d",
    ]
    path.unlink()
    assert "my_net" not in names()


def test_changed_plugin_code_gets_its_own_feature_cache(put: Put) -> None:
    put()
    network = build("my_net", Inputs(3, 28, 2))
    before = features.key_of("my_net", network, "s")
    put(EXAMPLE + "\n")
    assert features.key_of("my_net", network, "s") != before


def test_plugin_files_can_import_a_helper_module(put: Put) -> None:
    put("WIDTH = 5\n", "_parts.py")
    shared = "from lensmith_plugins._parts import WIDTH\n"
    put(shared + EXAMPLE.replace("32", "WIDTH"))
    assert build("my_net", Inputs(3, 28, 2)).body[0].out_channels == 5
    assert plugins.discovered().unreadable == ()


def test_a_public_server_has_no_plugins_by_default(
    put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    put()
    offered = []
    for public, wanted in (("", ""), ("1", ""), ("1", "1"), ("", "0")):
        monkeypatch.setenv("LENSMITH_PUBLIC", public)
        monkeypatch.setenv("LENSMITH_PLUGINS", wanted)
        offered.append("my_net" in names())
    assert offered == [True, False, True, False]


def test_no_archive_writes_into_the_plugins_folder(put: Put, workspace: Workspace) -> None:
    put()
    packed = workspace.root / "packed.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for n in range(8):
            archive.writestr(f"{'ab'[n % 2]}/{n}.png", as_bytes(picture(n)))
        for name in ("plugins/x.py", "../plugins/x.py", "../../plugins/x.py", "a/x.py"):
            archive.writestr(name, EXAMPLE)
        archive.writestr("../../plugins/picture.py", as_bytes(picture(9)))
    bring_in(workspace, packed)
    assert [path.name for path in workspace.root.rglob("*.py")] == ["my_net.py"]


def test_a_packaged_plugin_is_imported_only_to_build_a_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_package").mkdir()
    (tmp_path / "own_package" / "__init__.py").write_text("")
    (tmp_path / "own_package" / "nets.py").write_text(EXAMPLE)
    about = tmp_path / "own-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: own\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[lensmith.models]\nany = own_package.nets\n")
    monkeypatch.syspath_prepend(tmp_path)
    plugins._package_sources.cache_clear()
    try:
        assert get("my_net").origin == "package own"
        assert "own_package" not in sys.modules
        assert build("my_net", Inputs(3, 28, 2)).head.out_features == 2
        assert "own_package.nets" in sys.modules
    finally:
        monkeypatch.undo()
        plugins._package_sources.cache_clear()
