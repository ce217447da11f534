"""The Evaluate page, driven without a browser."""

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from dashboard.actions import retrain
from dashboard.components.evaluate import before_after, matrix_table
from dashboard.components.evaluate.confusion_matrix import ANY
from dashboard.queries import results
from dashboard.state.keys import fold_key
from ml.data.edits import edits
from ml.data.splits import splits
from ml.data.store.versions import write_version
from ml.evaluation import learning_curve
from ml.metrics.calibration import softmax
from ml.metrics.design_effect import exchange_test
from ml.runs.folder import list_runs
from ml.utils.files import read_json, write_json
from tests.helpers import made_up_runs
from tests.helpers.page_visits import visit, words

HOSTILE = ('<img src=x onerror="alert(1)">', "**bold** [link](javascript:x)", "plain")


@pytest.fixture
def version(workspace):
    return made_up_runs.dataset(workspace)


def tiles_in(at):
    """The tiles of the drawer, as they were sent."""
    sent = [json.loads(part.proto.json) for part in at.get("bidi_component")]
    return next(part["tiles"] for part in sent if "tiles" in part)


def test_an_empty_workspace_leads_to_training(workspace):
    at = visit("evaluate")
    assert "Nothing to evaluate yet" in words(at)
    assert [button.label for button in at.main.button] == ["Train a classifier"]


def test_the_headline_gives_accuracy_interval_and_baseline(workspace, version):
    truth = made_up_runs.predictions(version)
    made_up_runs.finished(workspace, version, truth)
    right = np.mean(truth.logits.argmax(1) == truth.labels)
    text = words(visit("evaluate"))
    found = re.search(r"Accuracy (\d+) % \((\d+) to (\d+)\)\. .* gets (\d+) %", text)
    assert found
    accuracy, low, high, baseline = map(int, found.groups())
    assert accuracy == round(100 * right)
    assert low < accuracy < high
    assert baseline == round(100 / 3)


def test_the_headline_counts_the_looks_at_the_test(workspace, version):
    made_up_runs.finished(workspace, version, made_up_runs.predictions(version, 0))
    assert "were scored on these test pictures" not in words(visit("evaluate"))
    for seed in range(1, 3):
        made_up_runs.finished(workspace, version, made_up_runs.predictions(version, seed))
    text = words(visit("evaluate"))
    assert "3 models were scored on these test pictures" in text
    assert "fresh test" not in text
    for seed in range(3, 10):
        made_up_runs.finished(workspace, version, made_up_runs.predictions(version, seed))
    assert "Draw a fresh test" in words(visit("evaluate"))


def test_the_headline_says_that_groups_are_allowed_for(workspace, version):
    items = [item._replace(group=f"g{n // 5}") for n, item in enumerate(version.items)]
    grouped = write_version(workspace, "grouped", version.classes, tuple(items), version.about)
    made_up_runs.finished(workspace, grouped, made_up_runs.predictions(grouped))
    assert "The 30 pictures come in 6 groups" in words(visit("evaluate"))


def test_the_headline_tells_of_folds_where_there_are_some(workspace, version):
    run = made_up_runs.finished(workspace, version, made_up_runs.predictions(version))
    assert "folds" not in words(visit("evaluate"))
    folds = {"count": 3, "accuracy": [0.8, 0.9, 0.85], "mean": 0.85, "std": 0.05}
    report = run.report
    write_json(run.folder / "report.json", report | {"folds": folds})
    text = words(visit("evaluate"))
    assert (
        "Trained on 3 folds of the other pictures, it gets 85 % on average, from 80 % to 90 % "
        "(standard deviation 5 %)."
    ) in text
    for broken in (3, {}, {"accuracy": []}, None):
        write_json(run.folder / "report.json", report | {"folds": broken})
        assert not visit("evaluate").exception


def test_the_run_in_the_address_is_the_one_that_is_shown(workspace, version):
    first = made_up_runs.finished(workspace, version, made_up_runs.predictions(version, 1, 0.5))
    second = made_up_runs.finished(workspace, version, made_up_runs.predictions(version, 2, 0.0))
    assert "Accuracy 100 %" in words(visit("evaluate"))
    assert visit("evaluate", second.id).selectbox("evaluate-run").value == second.id
    at = visit("evaluate", first.id)
    assert at.selectbox("evaluate-run").value == first.id
    assert f"Accuracy {100 * first.report['accuracy']:.0f} %" in words(at)


def test_truth_and_guess_open_exactly_the_pictures_of_the_cell(workspace, version):
    truth = made_up_runs.predictions(version, 4, 0.5)
    run = made_up_runs.finished(workspace, version, truth)
    guesses = truth.logits.argmax(1)
    at = visit("evaluate")
    for row, column in ((0, 1), (2, 2)):
        at.selectbox(f"truth-{run.id}").select(row)
        at.selectbox(f"guess-{run.id}").select(column).run()
        assert not at.exception
        wanted = [
            item.file
            for item, label, guess in zip(version.items, truth.labels, guesses, strict=True)
            if label == row and guess == column
        ]
        assert sorted(one["file"] for one in tiles_in(at)) == sorted(wanted)


def test_a_frequent_mistake_opens_its_cell_with_one_press(workspace, version):
    run = made_up_runs.finished(workspace, version, made_up_runs.predictions(version, 4, 0.5))
    counts = np.array(run.report["confusion"])
    np.fill_diagonal(counts, 0)
    row, column = divmod(int(counts.argmax()), 3)
    at = visit("evaluate")
    at.button(f"cell-{run.id}-{row}-{column}").click().run()
    assert at.selectbox(f"truth-{run.id}").value == row
    assert at.selectbox(f"guess-{run.id}").value == column
    assert f"{counts[row, column]} picture" in words(at)
    at.button(f"close-{run.id}").click().run()
    assert at.selectbox(f"truth-{run.id}").value == ANY


def test_names_of_classes_are_shown_and_not_obeyed(workspace):
    version = made_up_runs.dataset(workspace, HOSTILE)
    run = made_up_runs.finished(workspace, version, made_up_runs.predictions(version, 1, 0.6))
    at = visit("evaluate")
    at.selectbox(f"truth-{run.id}").select(0).run()
    assert not at.exception
    for item in at.html:
        assert "<img src=x" not in item.value
    assert any("&lt;img src=x onerror=" in item.value for item in at.html)
    for item in at.markdown:
        assert "<img" not in item.value.replace("\\<", "")
        assert "**bold**" not in item.value


@pytest.mark.parametrize(
    ("outcome", "said"),
    [("failed", "The loss became infinite."), ("interrupted", "was killed"), ("queued", "waits")],
)
def test_a_run_without_results_says_why_and_where_to_go(workspace, version, outcome, said):
    if outcome == "queued":
        run = made_up_runs.queued(workspace, version)
    elif outcome == "interrupted":
        run = made_up_runs.interrupted(workspace, version)
    else:
        run = made_up_runs.ended_without_model(workspace, version, outcome, said)
    at = visit("evaluate", run.id)
    assert said in words(at)
    assert len(at.main.button) == 1


@pytest.mark.parametrize("outcome", ["failed", "stopped"])
def test_a_run_that_ended_early_with_a_model_is_evaluated_all_the_same(workspace, version, outcome):
    made_up_runs.finished(workspace, version, outcome=outcome, reason="It went wrong.")
    text = words(visit("evaluate"))
    assert "Accuracy" in text
    assert "ended early" in text


def test_damaged_results_are_a_sentence_and_not_a_crash(workspace, version):
    run = made_up_runs.finished(workspace, version)
    (run.folder / "predictions.npz").write_bytes(b"nonsense")
    at = visit("evaluate", run.id)
    assert "damaged" in at.error[0].value


def test_a_damaged_run_beside_it_does_not_break_the_page(workspace, version):
    run = made_up_runs.finished(workspace, version)
    damaged = made_up_runs.finished(workspace, version)
    (damaged.folder / "config.json").write_text("{", encoding="utf-8")
    at = visit("evaluate")
    assert at.selectbox("evaluate-run").value == run.id


def test_the_folds_explain_calibration_threshold_and_the_shipped_file(workspace, version):
    run = made_up_runs.finished(workspace, version)
    at = visit("evaluate")
    for fold in ("calibration", "sure-threshold"):
        at.session_state[fold_key(fold, run.id)] = True
    at.run()
    text = words(at)
    assert "80 % of the time" in text
    assert "A guess under 60 % is called not sure" in text
    assert "compared with PyTorch on 30 test pictures" in text


def test_a_model_that_is_never_sure_says_so(workspace, version):
    run = made_up_runs.finished(workspace, version)
    manifest = read_json(run.folder / "model" / "model.json") | {"threshold": 1.0}
    write_json(run.folder / "model" / "model.json", manifest)
    at = visit("evaluate")
    at.session_state[fold_key("sure-threshold", run.id)] = True
    at.run()
    assert "always says that it is not sure" in words(at)


def test_a_hundred_classes_show_the_most_confused_first(workspace):
    classes = tuple(f"class {place:03}" for place in range(100))
    version = made_up_runs.dataset(workspace, classes, each=1)
    made_up_runs.finished(workspace, version, made_up_runs.predictions(version, 1, 0.3))
    at = visit("evaluate")
    assert len(matrix_in(at)["names"]) == 20
    at.get("segmented_control")[1].set_value("All 100 classes").run()
    assert not at.exception
    assert matrix_in(at)["names"] == list(classes)


def matrix_in(at):
    """The matrix, as it was sent."""
    sent = [json.loads(part.proto.json) for part in at.get("bidi_component")]
    return next(json.loads(part["matrix"]) for part in sent if "matrix" in part)


def test_the_learning_curve_is_offered_with_its_time_and_told_once_measured(workspace, version):
    whole = {"model": "small_cnn", "pretrained": False, "freeze_backbone": False}
    run = made_up_runs.finished(workspace, version, made_up_runs.predictions(version), **whole)
    key = fold_key("curve", run.id)

    def opened():
        at = visit("evaluate", run.id)
        at.session_state[key] = True
        return at.run()

    labels = [button.label for button in opened().main.button]
    assert any(re.fullmatch(r"Measure it, in about \d+ (s|min)", label) for label in labels), labels
    hits = np.arange(60) < np.array([30, 36, 45, 45])[:, None]
    found = learning_curve.recipe_of(run) | learning_curve.summary(
        hits[:, None], [25, 50, 75, 100], measured_on="test"
    )
    learning_curve.path_of(run).parent.mkdir(exist_ok=True)
    write_json(learning_curve.path_of(run), found)
    at = opened()
    assert f"**{found['finding']}**" in words(at)
    assert not any(button.label.startswith("Measure it, in") for button in at.main.button)


def test_a_cell_with_many_pictures_can_be_filtered(workspace):
    version = made_up_runs.dataset(workspace, each=24)
    truth = made_up_runs.predictions(version, 4, 0.1)
    run = made_up_runs.finished(workspace, version, truth)
    confidence = softmax(truth.logits).max(axis=1)
    cell = (truth.labels == 1) & (truth.logits.argmax(1) == 1)
    at = visit("evaluate")
    at.selectbox(f"truth-{run.id}").select(1)
    at.selectbox(f"guess-{run.id}").select(1).run()
    control = next(one for one in at.get("segmented_control") if one.key == f"surely-{run.id}")
    control.set_value("Not sure").run()
    assert not at.exception
    unsure = np.flatnonzero(cell & (confidence < 0.6))
    shown = [one["file"] for one in tiles_in(at)] if len(unsure) else []
    assert sorted(shown) == sorted(version.items[n].file for n in unsure)
    control = next(one for one in at.get("segmented_control") if one.key == f"surely-{run.id}")
    control.set_value("All")
    at.text_input(f"search-{run.id}").set_value("1-3.").run()
    assert [one["file"] for one in tiles_in(at)] == (["1-3.png"] if cell[27] else [])


def test_a_run_is_compared_with_its_parent_on_the_pictures_of_both(workspace, version):
    before = made_up_runs.finished(
        workspace, version, made_up_runs.predictions(version, 4, 0.5), "old"
    )
    edit = [{"do": "exclude", "items": [0]}, {"do": "relabel", "items": [1], "label": "metal"}]
    newer = edits.commit(workspace, version.name, edit, base=1)
    after = made_up_runs.finished(workspace, newer, made_up_runs.predictions(newer, 5, 0.2), "new")
    assert "Before" not in words(visit("evaluate", after.id))
    after.update_meta(parent=before.id)
    then, now = results.read(workspace, before), results.read(workspace, after)
    was, is_now = then.guesses == now.labels, now.guesses == now.labels
    pair = retrain.paired(then, now)
    assert (pair.before, pair.after, pair.pictures) == (was.sum(), is_now.sum(), 30)
    assert set(pair.mended) == set(np.flatnonzero(is_now & ~was))
    assert set(pair.broken) == set(np.flatnonzero(was & ~is_now))
    at = visit("evaluate", after.id)
    assert f"{len(pair.mended)} more right, {len(pair.broken)} more wrong" in words(at)
    assert f"{pair.after} of 30" in str(at.table[0].value)


def warnings_of(run):
    """The warnings on the page of a run."""
    return " ".join(one.value for one in visit("evaluate", run.id).warning)


def test_a_changed_test_is_said_with_the_score_by_both(workspace, version):
    run = made_up_runs.finished(workspace, version, made_up_runs.predictions(version, 4, 0.5))
    measured = results.read(workspace, run)
    assert not warnings_of(run)
    tested = splits.split_indices(version, 0)["test"].tolist()
    trained = next(n for n in range(len(version.items)) if n not in tested)
    edit = [{"do": "exclude", "items": [trained]}]
    edits.commit(workspace, version.name, edit, base=1)
    assert not warnings_of(run)
    name = next(one for one in version.classes if one != version.classes[version.labels[tested[0]]])
    edit = [{"do": "relabel", "items": tested[:1], "label": name}]
    newer = edits.commit(workspace, version.name, edit, base=2)
    text = warnings_of(run)
    assert "The test changed (1 picture with another label)" in text
    assert f"{int((measured.guesses == measured.labels).sum())} of 30) by the test it was" in text
    after = made_up_runs.finished(workspace, newer, made_up_runs.predictions(newer, 5, 0.2), "new")
    after.update_meta(parent=run.id)
    assert "The earlier model, the same answers" in warnings_of(after)


def test_a_set_that_cannot_be_trained_on_says_so_instead_of_starting(workspace, version):
    run = made_up_runs.finished(workspace, version)
    edits.commit(workspace, version.name, [{"do": "exclude", "items": [*range(10)]}], base=1)
    at = visit("evaluate", run.id)
    at.button(f"retrain-{run.id}").click().run()
    assert "There are no pictures of glass" in at.error[0].value
    assert len(list_runs(workspace)) == 1


def test_few_pictures_are_said_to_be_few_and_the_baselines_stand_beside(workspace, version):
    run = made_up_runs.finished(workspace, version, made_up_runs.predictions(version))
    write_json(run.folder / "report.json", run.report | {"centroid": {"accuracy": 0.41}})
    text = words(visit("evaluate"))
    assert "on pictures like these" in text
    assert "the mean picture of every class scores 41 %" in text
    assert "30 test pictures are few" in text


def test_the_effect_of_calibration_is_told_before_and_after(workspace, version):
    run = made_up_runs.finished(workspace, version)
    told = {
        "temperature": 1.5,
        "brier": 0.25,
        "brier_before": 0.3,
        "loss": 0.4,
        "loss_before": 0.5,
        "ece_before": 0.2,
    }
    bins = run.report["calibration"]["bins"]
    told = run.report["calibration"] | told | {"bins_before": bins}
    write_json(run.folder / "report.json", run.report | {"calibration": told})
    at = visit("evaluate")
    at.session_state[fold_key("calibration", run.id)] = True
    at.run()
    assert not at.exception
    shown = at.table[0].value
    assert list(shown["Before"]) == ["0.200", "0.500", "0.300"]
    assert list(shown["Calibrated"])[1:] == ["0.400", "0.250"]


@pytest.mark.parametrize(
    ("mended", "broken", "said"),
    [
        (5, 0, "too few to tell from chance"),
        (6, 2, "too few to tell from chance"),
        (6, 0, "better, and hardly by chance"),
        (1, 9, "worse, and hardly by chance"),
    ],
)
def test_before_and_after_claim_what_a_coin_would_hardly_do(mended, broken, said):
    p_value = exchange_test(np.repeat([1, -1], [mended, broken]), None)
    after, span = 30 + mended - broken, (0.0, 1.0)
    pair = retrain.Pair(50, 30, after, (0,) * mended, (0,) * broken, span, span, p_value)
    assert before_after._finding(pair).endswith(said)
    assert (stats.binomtest(mended, mended + broken).pvalue < 0.05) == ("hardly" in said)


@pytest.mark.parametrize("row", [-1, 2, "0", None])
def test_a_cell_that_is_not_there_is_not_chosen(monkeypatch, row):
    told = []
    for sent in ({"row": row, "column": 0}, {"row": 0, "column": row}, {"row": 1, "column": 0}):
        state = {"matrix": SimpleNamespace(cell=sent)}
        monkeypatch.setattr(matrix_table.st, "session_state", state)
        matrix_table._pressed("matrix", 2, lambda *place: told.append(place))
    assert told == [(1, 0)]
