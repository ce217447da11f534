"""No cell is a formula, whatever the spreadsheet takes for the separator of cells."""

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.utils.csv import csv_of

SIGNS = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
ALPHABET = st.sampled_from([*SIGNS, *"a1;,|\"' \n\t\r"])
CELLS = st.lists(st.text(ALPHABET, max_size=12), min_size=1, max_size=4)


@given(cells=CELLS)
def test_no_cell_begins_a_formula(cells: list[str]) -> None:
    (read,) = csv.reader(io.StringIO(csv_of([cells]), newline=""))
    assert len(read) == len(cells)
    for cell in read:
        assert not cell.lstrip().startswith(SIGNS)
        assert not cell.startswith(("\t", "\r"))


@pytest.mark.parametrize("separator", [";", "\t", "|"])
@given(cells=CELLS)
def test_no_cell_begins_a_formula_for_another_separator(separator: str, cells: list[str]) -> None:
    """Read as carelessly as can be: a quote protects nothing, and is dropped."""
    text = csv_of([["", *cells]])  # what is behind a comma is no cell of its own there
    for cell in re.split(rf"[\r\n{re.escape(separator)}]", text):
        assert not cell.strip(' \t"').startswith(SIGNS)


def test_the_reported_cell_is_text() -> None:
    assert csv_of([["a;=HYPERLINK(1)", "=1", " =1", -5, "x-1"]]) == (
        "a;'=HYPERLINK(1),'=1,' =1,-5,x-1\r\n"
    )
