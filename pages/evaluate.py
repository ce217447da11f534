"""Evaluate: how good a run is on pictures it never saw, and where it errs."""

import streamlit as st

from dashboard.actions.retrain import newest_version
from dashboard.components.evaluate.before_after import before_after
from dashboard.components.evaluate.calibration_and_threshold import calibration_and_threshold
from dashboard.components.evaluate.changed_test import changed_test_notice
from dashboard.components.evaluate.class_threshold import class_threshold
from dashboard.components.evaluate.confusion_matrix import confusion_matrix
from dashboard.components.evaluate.downloads import downloads
from dashboard.components.evaluate.headline import headline
from dashboard.components.evaluate.learning_curve import learning_curve_panel
from dashboard.components.evaluate.mistakes import mistakes
from dashboard.components.evaluate.other_datasets import other_datasets
from dashboard.components.evaluate.per_class_metrics import per_class_metrics
from dashboard.components.evaluate.report_picker import report_picker
from dashboard.components.evaluate.robustness import robustness_panel
from dashboard.components.evaluate.slices import slices_panel
from dashboard.components.train.run_state import no_report, run_state
from dashboard.components.widgets.auto_refresh import auto_refresh
from dashboard.components.widgets.empty_state import empty_state
from dashboard.components.widgets.run_picker import run_picker
from dashboard.components.widgets.take_away import take_away
from dashboard.components.widgets.undo import undo_bar
from dashboard.queries import results
from dashboard.queries.run_list import newest_tested, readable
from dashboard.state import deep_links, selection
from dashboard.state.keys import run_picker_key
from dashboard.state.navigation import EVALUATE, TRAIN
from dashboard.workers import engine

workspace = deep_links.open_page(EVALUATE)
if selection.current_run() is None and (run := newest_tested(workspace)):
    selection.choose_run(run.id)
with st.container(horizontal=True, vertical_alignment="center"):
    st.title("Evaluate", width="content", anchor=False)
    run = run_picker(key=run_picker_key("evaluate"), only=readable)
if run is None:
    empty_state(
        "Nothing to evaluate yet",
        "Train a classifier first. How well it does on pictures it never saw is shown here.",
        "Train a classifier",
        TRAIN,
    )
    st.stop()
if (wanted := selection.current_run()) and wanted.id != run.id:
    st.caption("The run in hand cannot be read. This is the newest one that can.")
test_results = results.load(workspace, run, report_picker(run))
auto_refresh(workspace, {run.id: engine.status(run).name})
if test_results is None:
    no_report(run)
    st.stop()

version = newest_version(workspace, test_results.dataset)
if version:
    undo_bar(workspace, version)
run_state(run)
headline(workspace, run, test_results)
if test_results.own:
    take_away(workspace, run)
    changed_test_notice(workspace, test_results, version)
    before_after(workspace, run, test_results)
confusion_matrix(workspace, test_results, run, version)
per_class_metrics(test_results)
class_threshold(test_results)
mistakes(workspace, run, test_results)
slices_panel(workspace, run, test_results, version)
calibration_and_threshold(run, test_results)
if test_results.own:  # these are about the run's own pictures
    robustness_panel(workspace, run)
    learning_curve_panel(workspace, run)
other_datasets(workspace, run)
downloads(workspace, run, test_results)
