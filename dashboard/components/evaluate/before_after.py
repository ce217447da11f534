"""Before and after: a retrained run beside its parent, on the test pictures of both."""

import streamlit as st

from dashboard.actions.retrain import Pair, paired
from dashboard.components.evaluate.changed_test import changed_test_notice
from dashboard.components.evaluate.disagreement import SIGNIFICANCE_LEVEL, name_of_test
from dashboard.components.widgets.gallery import gallery, gallery_tiles
from dashboard.queries import results
from dashboard.queries.datasets import version_at
from dashboard.queries.results import Results
from dashboard.text.markdown import plain, with_span
from dashboard.text.wording import count
from ml.data.store.versions import DatasetVersion
from ml.errors import MLError
from ml.metrics.classification import Interval
from ml.runs.folder import Run
from ml.workspace import Workspace

MAX_PICTURES = 12


@st.fragment
def before_after(workspace: Workspace, run: Run, after: Results) -> None:
    """Draw the comparison, where ``run`` was made from another run over the same set."""
    parent = str(run.meta.get("parent") or "")
    earlier = Run(workspace.runs / parent)
    if not parent or earlier.dataset.get("name") != run.dataset.get("name"):
        return
    try:
        before = results.load(workspace, earlier)
    except MLError:  # the page of that run says what is wrong with it
        return
    if before is None:
        return
    with st.container(border=True, key=f"card-before-after-{run.id}"):
        pair = paired(before, after)
        if pair is None:
            st.markdown("#### Before and after cannot be compared")
            st.caption("The two runs have no test picture in common, or other classes.")
            return
        st.markdown(f"#### {_finding(pair)}")
        changed_test_notice(workspace, before, _version_of(workspace, after), "The earlier model")
        st.table(_table(earlier, run, pair))
        st.caption(_about(before, after, pair))
        for places, heading in ((pair.mended, "Right now"), (pair.broken, "Wrong now")):
            if places:
                st.markdown(f"**{heading}: {count(len(places), 'picture')}**")
                gallery(gallery_tiles(workspace, after, places[:MAX_PICTURES]), heading)


def _version_of(workspace: Workspace, measured: Results) -> DatasetVersion | None:
    """The version that a run was tested on; None where it is gone."""
    if measured.version is None:
        return None
    try:
        return version_at(workspace, measured.dataset, measured.version)
    except MLError:
        return None


def _finding(pair: Pair) -> str:
    """What came of it, in a sentence that claims nothing of so few."""
    mended, broken = len(pair.mended), len(pair.broken)
    if not mended + broken:
        return "Before and after are right on the same pictures"
    text = f"{mended} more right, {broken} more wrong than before"
    if pair.p_value >= SIGNIFICANCE_LEVEL:
        return f"{text}: too few to tell from chance"
    return f"{text}: {'better' if mended > broken else 'worse'}, and hardly by chance"


def _table(earlier: Run, run: Run, pair: Pair) -> dict[str, list[str]]:
    def column(right: int, interval: Interval) -> list[str]:
        share = with_span(right / pair.pictures, list(interval))
        return [plain(share), plain(f"{right:,} of {pair.pictures:,}")]

    return {
        "": ["Accuracy", "Recognised"],
        f"Before · {plain(earlier.name)}": column(pair.before, pair.interval_before),
        f"After · {plain(run.name)}": column(pair.after, pair.interval_after),
    }


def _about(before: Results, after: Results, pair: Pair) -> str:
    """Which pictures count, and by which labels."""
    text = (
        f"On the {count(pair.pictures, 'picture')} that both were tested on, by the labels of the "
        "later run, with 95 % intervals; "
        f"chance is judged by {name_of_test(after.groups)}."
    )
    left_out = len(before.hashes) + len(after.hashes) - 2 * pair.pictures
    if left_out:
        text += (
            f" {count(left_out, 'picture')} tested by one of them alone (excluded, say) left out."
        )
    return text
