"""What is shown of a training: no figure that misleads, no picture of an epoch that is past."""

from streamlit.testing.v1 import AppTest

from dashboard.components.train.live_metrics import live_tiles
from dashboard.queries.live import new


def page(mistakes: list[list], ended: bool) -> None:
    from dashboard.components.train import live_metrics
    from dashboard.queries.live import append, new
    from ml.runs.events import EpochEnd, RunEnded

    live_metrics.thumbnail = lambda root, picture: f"data:{picture}"  # type: ignore[assignment]
    state = new("r")
    for epoch, wrong in enumerate(mistakes, start=1):
        append(state, EpochEnd(epoch, epoch, 1.0, 0.5, 1.0, 0.5, mistakes=wrong))
    if ended:
        append(state, RunEnded("finished"))
    live_metrics.live_mistakes(["cat", "dog"], state)


WRONG = [{"picture": "p", "label": 0, "predicted": 1, "probability": 0.9}]


def shown(mistakes: list[list], ended: bool = False) -> str:
    at = AppTest.from_function(page, args=(mistakes, ended), default_timeout=30).run()
    assert not at.exception
    return " ".join(html.value for html in at.html)


def test_mistakes_are_those_of_the_last_epoch_or_none() -> None:
    assert "Wrong after epoch 2" in shown([[], WRONG])
    assert shown([WRONG, [], []]) == "", "the epochs after it had none wrong"
    over = shown([[], WRONG], ended=True)
    assert "Still wrong at the end" in over
    assert "epoch" not in over


def test_the_speed_of_a_head_that_is_fitted_in_no_time_is_left_out() -> None:
    def labels(fits_head: bool) -> list[str]:
        return [tile.label for tile in live_tiles(new("r"), fits_head=fits_head)]

    assert "Pictures per second" in labels(fits_head=False)
    assert "Pictures per second" not in labels(fits_head=True)
