"""What the page for others says of a classifier."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from ml.__main__ import main
from ml.errors import BadInputError
from ml.runs.folder import Run
from ml.sharing import page_text
from ml.text import model_card, report_sentences


def test_without_words_of_its_author_the_title_is_the_run_s_name(
    make_run: Callable[..., Run],
) -> None:
    run = make_run()
    assert page_text.read(run) == page_text.Showcase(run.dataset.get("name") or run.id, "")
    run.update_meta(name="My classifier")
    assert page_text.read(run) == page_text.Showcase("My classifier", "")


def test_what_was_written_is_kept_beside_the_rest_and_can_be_taken_back(
    make_run: Callable[..., Run],
) -> None:
    run = make_run()
    run.update_meta(name="kept")
    page_text.write(run, "  A\n title ", "Two\nlines \n")
    meta = json.loads((run.folder / "meta.json").read_text(encoding="utf-8"))
    assert meta["showcase"] == {"title": "A title", "words": "Two\nlines"}
    assert meta["name"] == "kept"
    page_text.write(run, "", "")
    assert "showcase" not in json.loads((run.folder / "meta.json").read_text(encoding="utf-8"))
    assert page_text.read(run).title == "kept"


@pytest.mark.parametrize(
    ("title", "words", "sentence"),
    [("x" * 81, "", "title has 81"), ("x", "y" * 2001, "text has 2,001")],
)
def test_too_many_words_are_refused_and_nothing_is_lost(
    make_run: Callable[..., Run], title: str, words: str, sentence: str
) -> None:
    run = make_run()
    page_text.write(run, "before", "")
    with pytest.raises(BadInputError, match=sentence):
        page_text.write(run, title, words)
    assert page_text.read(run).title == "before"


@pytest.mark.parametrize("damage", [3, ["a"], {"title": None, "words": 7}])
def test_a_damaged_entry_still_gives_a_page(make_run: Callable[..., Run], damage: object) -> None:
    run = make_run()
    run.update_meta(showcase=damage)
    assert page_text.read(run).title


def per_class(*rows: tuple[str, float, float, int]) -> list[dict[str, Any]]:
    return [
        {"class": name, "precision": p, "recall": r, "f1": 2 * p * r / (p + r), "support": n}
        for name, p, r, n in rows
    ]


def test_the_card_and_evaluate_call_the_same_class_the_weakest() -> None:
    rows = per_class(("a", 0.4, 0.9, 10), ("b", 0.9, 0.6, 10), ("c", 1.0, 0.9, 10))
    assert report_sentences.weakest(rows) == "Weakest class: a, F1 55 %"  # least recall has b
    card = model_card.hardest({"per_class": rows})
    assert card == "It is weakest on a: of the test pictures that it called so 40 % were."
    missed = per_class(("a", 0.9, 0.5, 10), ("b", 0.9, 0.9, 10))
    assert "weakest on a: it recognised 50 % of 10" in model_card.hardest({"per_class": missed})
    few = per_class(("a", 0.4, 0.4, 3), ("b", 0.9, 0.6, 10))
    assert "too few pictures to tell" in report_sentences.weakest(few)
    assert model_card.hardest({"per_class": few}) == ""


@pytest.mark.parametrize("recalls", [[], [1.0], [0.8, 0.8]])
def test_nothing_is_called_weakest_where_nothing_is(recalls: list[float]) -> None:
    rows = per_class(*((str(n), one, one, 19) for n, one in enumerate(recalls)))
    assert model_card.hardest({"per_class": rows}) == ""


def test_many_classes_are_cut_off_and_counted() -> None:
    sentence = model_card.apart([f"c{n}" for n in range(30)])
    assert sentence.startswith("Tells 30 classes apart: c0, ")
    assert sentence.endswith("c19 and 10 more.")


def test_a_run_without_a_model_is_not_shared(
    make_run: Callable[..., Run], capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run()
    assert main(["share", run.id]) == 2
    assert "no model" in capsys.readouterr().err
