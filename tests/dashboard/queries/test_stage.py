"""Where a run stands is said in the same words by the bar on Train and by the badge beside it."""

from pathlib import Path

import pytest

from dashboard.queries import live
from ml.runs.events import EventLog, Progress, RunStarted
from ml.runs.folder import Run
from ml.utils.files import write_json

STARTED = RunStarted("m", "d", 3, 10, time=10.0)
STAGES = {
    "Starting": [],
    "Preparing": [STARTED],
    "Training": [STARTED, Progress("train", 0.91, seconds_left=4.0, time=11.0)],
    "Testing": [
        STARTED,
        Progress("train", 0.91, seconds_left=4.0, time=11.0),
        Progress("evaluate", 0.5, seconds_left=1.0, time=12.0),
    ],
}


@pytest.mark.parametrize("words", STAGES)
@pytest.mark.parametrize("stopping", [False, True])
def test_bar_and_badge_say_the_same(tmp_path: Path, words: str, stopping: bool) -> None:
    run = Run(tmp_path / "run")
    run.folder.mkdir()
    write_json(run.folder / "worker.json", {"claimed": 5.0})
    log = EventLog(run.folder / "events.jsonl")
    for event in STAGES[words]:
        log(event)
    log.close()
    badge = live.latest(run, stopping)
    state = live.new(run.id)
    live.follow(run.folder, state)
    bar = live.stage(live.progress_of(run, state), state["started"] is not None, stopping)
    assert badge == bar
    assert bar["words"] == ("Stopping" if stopping else words)
