"""Names from people in the HTML of the components: shown literally, never obeyed as markup."""

import doctest
from html.parser import HTMLParser

import pytest

from dashboard.components.classify.prediction_card import card_html
from dashboard.components.runs.run_row import about
from dashboard.components.train.run_state import status_pill
from dashboard.components.widgets.gallery import GalleryTile as Picture
from dashboard.components.widgets.gallery import gallery_html
from dashboard.components.widgets.metric_tiles import MetricTile, metric_tiles
from dashboard.queries.run_list import Row
from dashboard.text import html

HOSTILE_NAMES = ("<script>alert(1)</script>", "\"&'", "' onload='alert(1)", "</p><img src=x>")


class Reader(HTMLParser):
    """Collects the elements, the attributes and the text of a piece of HTML."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.add(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text += data


def test_the_examples_in_the_module_hold():
    assert doctest.testmod(html).failed == 0


def card(name: str) -> str:
    top = [{"label": name, "probability": 0.9}]
    answer = {"label": name, "probability": 0.9, "top": top, "decision": "sure", "error": None}
    entry = {"id": "a", "name": name, "truth": name, "answers": {"run": answer}}
    return card_html(entry, "run", 0.5)


def unread_card(name: str) -> str:
    entry = {"id": "a", "name": name, "truth": "", "answers": {"run": {"error": name}}}
    return card_html(entry, "run", 0.5)


def gallery(name: str) -> str:
    return gallery_html([Picture(None, name, f"{name}!", 0.5, name)], name)


def run_row(name: str) -> str:
    row = Row("id", "id", "failed", name, model=name, dataset=name, notes=name)
    return about(row) + about(Row(name, name, damage=name))


def metric_tile(name: str) -> str:
    sent: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("streamlit.html", sent.append)
        metric_tiles([MetricTile(name, name, name, help=name)], key=name)
    return sent[0]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
@pytest.mark.parametrize(
    "component", [card, unread_card, gallery, run_row, metric_tile, status_pill]
)
def test_a_name_that_is_markup_is_shown_and_adds_no_element(component, name):
    shown, plain = Reader(component(name)), Reader(component("cat"))
    assert name in shown.text
    assert shown.elements == plain.elements
    assert [key for key, _ in shown.attributes] == [key for key, _ in plain.attributes]
