"""The report to hand on: what it says is what was measured, and nothing in it is obeyed or fetched.

The page is read back with the standard library's parser and compared with the files of the run.
"""

import io
import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from ml.__main__ import main
from ml.commands import evaluate as command
from ml.data.pixels.thumbnails import data_uri
from ml.data.store.versions import DatasetVersion, Item, read_picture, write_picture, write_version
from ml.evaluation import evaluate, learning_curve, results, robustness, slice_discovery
from ml.metrics import slices
from ml.metrics.slices import Group
from ml.metrics.thresholds import MIN_PICTURES_FOR_CURVE
from ml.runs.folder import Run
from ml.sharing.html_report import matrix, pictures
from ml.sharing.html_report.page import STYLE, page
from ml.sharing.html_report.rendering import FOLDER, cleaned, render
from ml.sharing.html_report.svg import element
from ml.utils.files import read_json, write_json
from ml.workspace import Workspace
from tests.helpers import made_up_runs
from tests.helpers.page_visits import visit
from tests.helpers.trained import dataset, trained

HOSTILE = (
    '<img src=x onerror="alert(1)">',
    "</td></table><script>alert(1)</script>",
    "a&amp;'b\u202e",
)


VOID = frozenset({"br", "img", "meta"})


@dataclass
class Element:
    name: str
    attributes: dict[str, str | None]
    parts: list["Element | str"] = field(default_factory=list)

    def all(self, name: str, **wanted: str) -> list["Element"]:
        matching = []
        for part in self.parts:
            if isinstance(part, Element):
                same = all(part.attributes.get(key) == value for key, value in wanted.items())
                matching += [part] * (part.name == name and same) + part.all(name, **wanted)
        return matching

    @property
    def text(self) -> str:
        return "".join(part if isinstance(part, str) else part.text for part in self.parts)

    @property
    def values(self) -> list[float]:
        return [float(one.attributes["value"]) for one in self.all("data")]


class Reader(HTMLParser):
    """Reads a page into elements; one that is closed wrongly fails the test."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.root = Element("", {})
        self.open = [self.root]
        self.feed(text)
        assert [one.name for one in self.open] == [""]

    def handle_starttag(self, name, attributes):
        made = Element(name, dict(attributes))
        self.open[-1].parts.append(made)
        if name not in VOID:
            self.open.append(made)

    def handle_endtag(self, name):
        assert self.open.pop().name == name

    def handle_data(self, text):
        self.open[-1].parts.append(text)


def reading(text: str) -> Element:
    return Reader(text).root


def made(workspace: Workspace, run: Run) -> Element:
    return reading(page(workspace, run, results.read(workspace, run)))


def part(root: Element, title: str) -> Element:
    """The section whose heading has ``title`` in it."""
    sections = [one for one in root.all("section") if title in one.all("h2")[0].text]
    assert len(sections) == 1, title
    return sections[0]


def counts(root: Element) -> tuple[list[str], list[list[int]]]:
    """The names and the cells of the confusion matrix, as they are shown."""
    frame = part(root, "What is taken for what").all("table")[0]
    rows = frame.all("tbody")[0].all("tr")
    names = [row.all("th", scope="row")[0].text for row in rows]
    columns = [one.text for one in frame.all("thead")[0].all("tr")[1].all("th")]
    assert columns == names
    cells = [[one.all("b") or [one] for one in row.all("td")[:-1]] for row in rows]
    return names, [[int(cell[0].text.replace(",", "")) for cell in row] for row in cells]


@pytest.fixture
def version(workspace):
    return made_up_runs.dataset(workspace)


@pytest.fixture
def run(workspace, version):
    return made_up_runs.finished(
        workspace, version, made_up_runs.predictions(version, 3, 0.4), "Bottles"
    )


def test_the_figures_are_those_of_the_report_to_the_last_digit():
    done = trained()
    report, root = done.run.report, made(done.workspace, done.run)
    tiles = root.all("p", **{"class": "figure"})
    assert [one.values[0] for one in tiles] == [
        report[name] for name in ("accuracy", "balanced_accuracy", "macro_f1")
    ]
    low, high = (100 * end for end in report["intervals"]["macro_f1"])
    assert f"{low:.0f} to {high:.0f} %" in root.text
    beside = part(root, "Accuracy").all("table")[0].values
    assert beside == [
        report["accuracy"],
        report["majority"]["accuracy"],
        report["centroid"]["accuracy"],
    ]
    names, cells = counts(root)
    assert (names, cells) == (report["classes"], report["confusion"])
    rows = part(root, "Weakest class").all("tbody")[0].all("tr")
    shown = {row.all("th")[0].text: row.values for row in rows}
    for one in report["per_class"]:
        has_curve = (
            min(one["support"], report["pictures"] - one["support"]) >= MIN_PICTURES_FOR_CURVE
        )
        areas = ("roc_auc", "average_precision") if has_curve else ()
        keys = ("precision", "recall", "f1", "support", *areas)
        assert shown[one["class"]] == [one[key] for key in keys]
    f1 = [values[2] for values in shown.values()]
    assert f1 == sorted(f1)
    calibration = report["calibration"]
    bins, effect = part(root, "Probabilities are").all("table")
    assert bins.values == [
        n for one in calibration["bins"] for n in (one["confidence"], one["accuracy"])
    ]
    assert effect.values == [
        calibration[name + when] for name in ("ece", "loss", "brier") for when in ("_before", "")
    ]


def test_the_answers_that_are_measured_anew_are_those_that_training_kept():
    done = trained()
    stored = results.read(done.workspace, done.run)
    anew = evaluate.evaluate_results(done.workspace, done.run)
    assert (stored.hashes, stored.files, stored.classes) == (anew.hashes, anew.files, anew.classes)
    np.testing.assert_array_equal(stored.labels, anew.labels)
    np.testing.assert_array_equal(stored.guesses, anew.guesses)
    np.testing.assert_allclose(stored.probabilities, anew.probabilities, atol=1e-5)
    assert stored.threshold == anew.threshold


def test_the_bars_are_as_long_as_the_shares(workspace, run):
    for row in part(made(workspace, run), "Weakest class").all("tbody")[0].all("tr"):
        lengths = [float(one.attributes["width"]) for one in row.all("rect")[1::2]]
        np.testing.assert_allclose(lengths, 120 * np.array(row.values[:3]), atol=0.06)


def test_the_pictures_are_sure_mistakes_and_unsure_right_answers(workspace, version, run):
    answers = results.read(workspace, run)
    right = answers.labels == answers.guesses
    wrong = np.flatnonzero(~right)
    surest = wrong[np.argsort(-answers.confidence[wrong], kind="stable")][:16]
    unsure = np.flatnonzero(right)
    unsure = unsure[np.argsort(answers.confidence[unsure], kind="stable")][:8]
    root = made(workspace, run)
    groups = [
        [one.text for one in group.all("small")]
        for group in part(root, "Pictures").all("ul", **{"class": "gallery"})
    ]
    assert groups[0] == [answers.files[n] for n in surest]
    assert groups[1] == [answers.files[n] for n in unsure]
    for (truth, guess, _), shown in zip(answers.confusions(4), groups[2:], strict=True):
        assert shown == [answers.files[n] for n in answers.where(truth, guess)[:6]]
    assert len(root.all("img")) == sum(map(len, groups)) <= 48
    assert_each_is_its_file(root, workspace, version)


def assert_each_is_its_file(root: Element, workspace: Workspace, version: DatasetVersion) -> None:
    """Every picture is that of the file whose name stands below it."""
    hashes = {item.file: item.hash for item in version.items}
    figures = [one for one in part(root, "Pictures").all("figure") if one.all("img")]
    assert figures
    for one in figures:
        picture = read_picture(workspace, hashes[one.all("small")[0].text])
        assert one.all("img")[0].attributes["src"] == data_uri(picture, 128)


def test_what_people_wrote_is_shown_and_not_obeyed(workspace):
    items = tuple(
        Item(write_picture(workspace, made_up_runs.picture(10 * label + n)), label, file=HOSTILE[0])
        for label in range(3)
        for n in range(4)
    )
    about = {"width": 48, "height": 48, "colour": True, "bytes": 1, "licence": HOSTILE[1]}
    version = write_version(workspace, "made", HOSTILE, items, about)
    hostile = made_up_runs.predictions(version, 1, 0.6)
    run = made_up_runs.finished(workspace, version, hostile, name=HOSTILE[1])
    run.update_meta(notes=HOSTILE[0])
    notes = [{"text": HOSTILE[1], "level": "warning", "code": "x"}]
    write_json(run.folder / "report.json", run.report | {"notes": notes, "dataset": HOSTILE[0]})
    root = made(workspace, run)
    assert root.all("h1")[0].text == HOSTILE[1]
    assert counts(root)[0] == [*HOSTILE[:2], HOSTILE[2].replace("\u202e", "�")]
    for text in (HOSTILE[0], HOSTILE[1]):
        assert text in root.text
    assert not root.all("script")
    assert all(one.attributes["src"].startswith("data:") for one in root.all("img"))
    everything = root.all("img") + root.all("td") + root.all("small") + root.all("bdi")
    assert not any(name.startswith("on") for one in everything for name in one.attributes)
    names = [one for one in root.all("bdi") if one.text in HOSTILE]
    assert len(names) > 20  # each by itself: none turns the text around it


def test_characters_that_are_none_are_replaced():
    assert element("p", "a\x00b\x1b\udcff", title="\x07") == '<p title="�">a�b�?</p>'
    assert cleaned("a\u202eb\n") == "a\ufffdb\n"


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "\"&'"])
def test_every_template_escapes_what_it_is_given(name):
    one = {"text": name, "title": name}
    cell = {"number": 1, "share": name, "class_": name, "title": name}
    row = {"name": one, "cells": [cell], "total": 1}
    frequent = [{"pictures": name, "truth": name, "guess": name, "share": name}]
    about = {"names": [one], "rows": [row], "frequent": frequent, "dense": False}
    shown = reading(render("confusion_matrix", selection=name, **about))
    assert not shown.all("script")
    assert [one.text for one in shown.all("bdi")] == [name] * 4
    assert shown.all("td")[0].attributes == {"class": name, "title": name}
    for path in FOLDER.glob("*.j2"):  # markup is made by Python code alone, as ``Markup``
        assert not re.search(r"\|\s*safe|autoescape", path.read_text("utf-8")), path


def test_jinja_is_imported_when_a_report_is_made_and_not_before():
    code = "import sys, ml.sharing.html_report.page; sys.exit('jinja2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_nothing_is_fetched_and_the_browser_is_told_so(workspace, run):
    text = page(workspace, run, results.read(workspace, run))
    first = reading(text).all("meta")[1].attributes
    assert first["http-equiv"] == "Content-Security-Policy"
    assert "default-src 'none'" in first["content"]
    assert not re.search(r"https?://|//[a-z]", re.sub(r'src="data:[^"]*"', "", text), re.I)
    assert not re.search(r"url\(|@import|<link|<script|<iframe|javascript:", text, re.I)


def test_it_stays_small_whatever_the_pictures_and_the_classes(workspace, monkeypatch):
    random = np.random.default_rng(0)
    noise = [png(random.integers(0, 255, (128, 128, 3), np.uint8)) for _ in range(60)]
    monkeypatch.setattr(made_up_runs, "picture", lambda seed: noise[seed // 1000 % 60])
    version = made_up_runs.dataset(workspace, tuple(f"class {n:03}" for n in range(400)), each=1)
    run = made_up_runs.finished(workspace, version, made_up_runs.predictions(version, 1, 0.5))
    text = page(workspace, run, results.read(workspace, run))
    assert len(text.encode()) < 1_500_000
    assert "The 200 weakest of 400 classes" in text
    assert len(part(reading(text), "Weakest class").all("tbody")[0].all("tr")) == 200
    assert len(reading(text).all("img")) > 20
    monkeypatch.setattr(pictures, "MAX_BYTES", 100_000)
    less = page(workspace, run, results.read(workspace, run))
    assert "had no room" in less
    assert sum(len(one.attributes["src"]) for one in reading(less).all("img")) <= 100_000


def png(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def test_of_many_classes_the_most_confused_are_shown_and_that_is_said(workspace):
    version = made_up_runs.dataset(workspace, tuple(f"class {n:03}" for n in range(40)), each=2)
    run = made_up_runs.finished(workspace, version, made_up_runs.predictions(version, 1, 0.3))
    matrix = np.array(run.report["confusion"])
    names, cells = counts(root := made(workspace, run))
    assert "There are 40 classes. Shown are the 20 with the most mistakes" in root.text
    shown = [run.report["classes"].index(name) for name in names]
    assert cells == matrix[np.ix_(shown, shown)].tolist()
    mistakes = matrix.sum(0) + matrix.sum(1) - 2 * np.diag(matrix)
    others = np.delete(mistakes, shown)
    assert mistakes[shown].min() >= others.max()
    # Totals and percent are of all pictures of the class, those without a column too.
    frame = part(root, "What is taken for what").all("table")[0]
    for n, row in zip(shown, frame.all("tbody")[0].all("tr"), strict=True):
        *within, total = row.all("td")
        assert int(total.text) == matrix[n].sum()
        shares = [one.all("small")[0].text for one in within if one.all("small")]
        assert shares == [f"{100 * k / matrix[n].sum():.0f} %" for k in matrix[n, shown] if k]


def test_pictures_that_are_gone_leave_a_report_that_says_so(workspace, run):
    shutil.rmtree(workspace.pictures)
    shutil.rmtree(workspace.datasets)
    root = made(workspace, run)
    assert "not in the workspace any more: the data set was deleted" in root.text
    assert not root.all("img")
    assert counts(root)[1] == run.report["confusion"]


def test_a_few_pictures_that_are_gone_are_counted(workspace, run):
    answers = results.read(workspace, run)
    gone = answers.hashes[answers.mistakes()[0]]
    (workspace.pictures / gone[:2] / gone).unlink()
    assert "1 picture could not be read any more" in made(workspace, run).text


def test_small_tests_unsure_models_and_strange_pictures_are_told(workspace, run):
    write_json(run.folder / "model" / "model.json", run.model | {"threshold": 0.96})
    text = made(workspace, run).text
    assert "30 test pictures are few" in text
    assert "A guess under 96 % is called not sure" in text
    answers = results.read(workspace, run)
    right = answers.labels == answers.guesses
    asked, hits = answers.sure.sum(), right[answers.sure].sum()
    assert 0 < hits < right.sum()
    assert f"sure about {asked} of the 30 test pictures, and right about {hits}" in text
    about = {"pictures": 420, "validation": 99, "false_alarms": 0.05, "limit": 1.0}
    manifest = run.model | {"threshold": 1.0, "unlike": about, "licence": "Apache-2.0"}
    write_json(run.folder / "model" / "model.json", manifest)
    text = made(workspace, run).text
    assert "always says that it is not sure" in text
    assert "lies further from the 420 training pictures" in text
    assert "Licence of the weights that it started from: Apache-2.0" in text


def test_worse_pictures_and_the_learning_curve_are_in_it_once_measured(workspace, run):
    text = made(workspace, run).text
    assert "worse pictures" not in text
    assert "What more pictures would bring" not in text
    manifest = run.model | {"sha256": {"model.onnx": "f" * 64}}
    write_json(run.folder / "model" / "model.json", manifest)
    kinds = [
        {"label": label, "accuracy": [mean] * 5, "mean": mean}
        for label, mean in (("Noise", 0.5), ("Blur", 0.75))
    ]
    measured = {"measure": robustness.FORMAT_VERSION, "model_sha256": "f" * 64, "pictures": 30}
    measured |= {"clean": 0.875, "corrupted": 0.625, "kinds": kinds}
    robustness.path_of(run).parent.mkdir()
    write_json(robustness.path_of(run), measured)
    hits = np.arange(60) < np.array([30, 36, 45, 45])[:, None]
    write_json(
        learning_curve.path_of(run),
        learning_curve.recipe_of(run)
        | learning_curve.summary(hits[:, None], [25, 50, 75, 100], measured_on="test"),
    )
    root = made(workspace, run)
    rows = part(root, "worse pictures").all("tbody")[0].all("tr")
    assert [row.values for row in rows] == [[0.5] * 6, [0.75] * 6]
    marks = [one.attributes["x1"] for one in part(root, "worse pictures").all("line")]
    assert marks == ["105.0"] * 2  # 0.875 of 120
    section = part(root, "What more pictures would bring")
    assert section.all("table")[0].values == [30 / 60, 36 / 60, 45 / 60, 45 / 60]
    dots = [float(one.attributes["cy"]) for one in section.all("circle", **{"class": "point"})]
    assert dots[0] > dots[1] > dots[2] == dots[3]


def test_kinds_of_pictures_that_do_worse_are_in_it_once_looked_for(workspace, run):
    manifest = run.model | {"sha256": {"model.onnx": "f" * 64}}
    write_json(run.folder / "model" / "model.json", manifest)
    assert "kind of picture" not in made(workspace, run).text
    right = np.arange(30) >= 8
    groups = [Group("Folder", HOSTILE[0], np.arange(30) < 15), Group("Size", "small", right)]
    worse = [slice_discovery._as_json(one, right) for one in slices.find(right, groups)]
    content = {"measure": slice_discovery.FORMAT_VERSION, "model_sha256": "f" * 64, "pictures": 30}
    content |= {"finding": "One does worse.", "tried": 2, "method": "Fisher", "slices": worse}
    place = slice_discovery.path_of(run, run.report["fingerprint"], "test")
    place.parent.mkdir()
    write_json(place, content)
    rows = part(made(workspace, run), "kind of picture").all("tbody")[0].all("tr")
    assert [row.values for row in rows] == [[one["accuracy"], one["rest"]] for one in worse]
    names = {f"{one['kind']}: {one['name']}" for one in worse}
    assert {row.all("th")[0].text for row in rows} == names
    write_json(place, content | {"pictures": 29})
    assert "kind of picture" not in made(workspace, run).text


def test_how_it_was_made_names_what_departs_from_the_preset(workspace, version):
    run = made_up_runs.finished(workspace, version, epochs=3, learning_rate=0.0123)
    making = part(made(workspace, run), "How it was made")
    changed = {
        row.all("th")[0].text: [one.text for one in row.all("td")]
        for row in making.all("table")[0].all("tr")[1:]
    }
    assert changed["Learning rate"][0] == "0.0123"
    assert "3 of 3" in making.text
    assert "1 min 15 s" in making.text
    assert "--set learning_rate=0.0123" in making.all("pre")[0].text
    using = part(made(workspace, run), "How to use it")
    assert using.all("pre")[0].text == f"python -m ml predict {run.id} picture.jpg"
    assert "uint8 squares of 32 px in colour" in using.text


def test_every_tone_carries_legible_numbers_in_both_themes():
    style = STYLE.read_text("utf-8")
    light, dark = re.findall(r":root \{(.*?)\}", style, re.S)
    for block in (light, dark):
        colours = dict(re.findall(r"--([a-z0-9]+): (#[0-9a-f]{3,6})", block))
        for number in (0, 1, 2, 3, 4, 5):
            assert contrast(colours["text"], colours[f"tone{number}"]) >= 4.5
        for number in (7, 8, 9):
            assert contrast(colours["on"], colours[f"tone{number}"]) >= 4.5
        for name in ("muted", "wrong", "text"):
            assert contrast(colours[name], colours["card"]) >= 4.5
            assert contrast(colours[name], colours["told"]) >= 4.5


def contrast(one: str, other: str) -> float:
    """As the Web Content Accessibility Guidelines 2.1 define it."""

    def luminance(colour: str) -> float:
        digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
        shares = np.array([int(digits[n : n + 2], 16) / 255 for n in (0, 2, 4)])
        linear = np.where(shares <= 0.03928, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_a_cell_is_the_darker_the_more_of_its_row_it_holds():
    tones = [matrix.tone(share) for share in np.linspace(0, 1, 101)]
    assert all(first <= second for first, second in pairwise(tones))
    assert tones[0] == 0 < tones[1]
    assert 6 not in tones


def test_the_command_writes_what_is_kept_without_measuring_again(
    workspace, run, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(command, "measure", None)
    shutil.rmtree(workspace.datasets)
    place = tmp_path / "report.html"
    asked = ["evaluate", "latest", "--html", str(place), "--workspace", str(workspace.root)]
    assert main([*asked, "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == run.report
    assert reading(place.read_text("utf-8")).all("h1")[0].text == "Bottles"
    assert [path.name for path in tmp_path.iterdir() if "report" in path.name] == ["report.html"]


def test_the_command_reports_on_other_pictures_too(tmp_path, capsys):
    shutil.copytree(trained().workspace.root, tmp_path / "copy")
    workspace = Workspace(tmp_path / "copy")
    other = dataset(workspace, "other", ("pink", "red"), each=8, seed=900)
    place = tmp_path / "other.html"
    asked = ["evaluate", "latest", "--dataset", "other", "--html", str(place)]
    assert main([*asked, "--workspace", str(workspace.root)]) == 0
    assert f"Wrote {place}" in capsys.readouterr().out
    root = reading(place.read_text("utf-8"))
    report = read_json(trained_report(workspace, other.fingerprint))
    assert counts(root) == (report["classes"], report["confusion"])
    assert "8 pictures of other, version 1" in root.text
    assert "8 pictures were left out" in root.text
    assert "never trained on" not in root.text
    shown = {one.text for one in part(root, "Pictures").all("small")}
    assert shown <= {item.file for item in other.items if item.label == 1}  # pink is not known
    assert_each_is_its_file(root, workspace, other)


def trained_report(workspace: Workspace, fingerprint: str):
    return workspace.runs / trained().run.id / "reports" / f"{fingerprint}-all.json"


@pytest.mark.parametrize(
    ("name", "sentence"), [("", "is a folder"), ("missing/report.html", "There is no folder")]
)
def test_a_place_that_cannot_be_written_to_is_told_before_any_work(
    workspace, tmp_path, capsys, monkeypatch, name, sentence
):
    monkeypatch.setattr(command, "find", None)
    asked = ["evaluate", "latest", "--html", str(tmp_path / name)]
    assert main([*asked, "--workspace", str(workspace.root)]) == 2
    assert sentence in capsys.readouterr().err


def test_a_view_of_the_page_makes_no_report_and_its_button_does(workspace, run, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "ml.sharing.html_report.page.page", lambda *about: asked.append(about) or ""
    )
    at = visit("evaluate", run.id)
    labels = [one.proto.label for one in at.get("download_button")]
    assert labels == ["Predictions as CSV", "Report as JSON", "Report as a page"]
    assert not asked
