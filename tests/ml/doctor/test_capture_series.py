"""Series by capture time or file number."""

import numpy as np

from ml.doctor.capture_series import MAX_SERIES_LENGTH, CaptureOrder, capture_order, find_series

NEVER = float("nan")


def persons(count: int, shots: int, likeness: float, seed: int = 0) -> np.ndarray:
    """Features of so many persons, one after another, each photographed so many times."""
    chance = np.random.default_rng(seed)
    own = np.repeat(chance.normal(size=(count, 40)), shots, axis=0)
    return (likeness * own + chance.normal(size=own.shape)).astype(np.float32)


def test_times_come_first_and_long_pauses_part() -> None:
    times = np.array([30.0, 10.0, 5000.0, 12.0])
    order = capture_order([0, 1, 2, 3], times, ["1.jpg"] * 4)
    assert order is not None
    assert order.source == "capture times"
    assert order.items.tolist() == [1, 3, 0, 2]
    assert order.gaps.tolist() == [np.inf, 2, 18, np.inf]


def test_numbers_serve_where_there_are_no_times() -> None:
    files = ["a/IMG_9.jpg", "b/IMG_10.jpg", "a/IMG_12.jpg", "b/IMG_20.jpg", "a/DSC_3.jpg"]
    order = capture_order(range(5), np.full(5, NEVER), files)
    assert order is not None
    assert order.source == "file numbers"
    assert order.items.tolist() == [4, 0, 1, 2, 3]
    assert order.gaps.tolist() == [np.inf, np.inf, 1, 2, np.inf]


def test_the_same_number_in_two_folders_is_two_rolls() -> None:
    files = ["cat/1.jpg", "dog/1.jpg", "cat/2.jpg", "dog/2.jpg"]
    order = capture_order(range(4), np.full(4, NEVER), files)
    assert order is not None
    assert [files[item] for item in order.items] == [
        "cat/1.jpg", "cat/2.jpg", "dog/1.jpg", "dog/2.jpg",
    ]  # fmt: skip
    assert order.gaps.tolist() == [np.inf, 1, np.inf, 1]


def test_names_without_numbers_are_no_order() -> None:
    assert capture_order(range(3), np.full(3, NEVER), ["a.jpg", "b.jpg", "7.jpg"]) is None
    assert capture_order([], np.empty(0), []) is None


def test_no_person_is_split_into_two_series() -> None:
    features, labels = persons(30, 10, 1.5), np.tile(np.arange(10), 30)
    gaps = np.full(300, 1.0)
    gaps[::10] = 20.0
    gaps[0] = np.inf
    series = find_series(CaptureOrder(np.arange(300), gaps, "capture times"), features, labels)
    assert sorted(item for run in series for item in run) == list(range(300))
    assert max(map(len, series)) <= MAX_SERIES_LENGTH
    person = [{item // 10 for item in run} for run in series]
    assert sum(map(len, person)) == 30  # no person is in two series


def test_without_pauses_the_least_alike_neighbours_part() -> None:
    features, labels = persons(8, 20, 4.0), np.zeros(160, np.int64)
    gaps = np.full(160, 1.0)
    gaps[0] = np.inf
    series = find_series(CaptureOrder(np.arange(160), gaps, "file numbers"), features, labels)
    assert [len({item // 20 for item in run}) for run in series] == [1] * 8


def test_neighbours_that_are_no_more_alike_than_strangers_are_no_series() -> None:
    features, labels = persons(200, 1, 1.0), np.arange(200) % 5
    gaps = np.full(200, 1.0)
    gaps[0] = np.inf
    assert find_series(CaptureOrder(np.arange(200), gaps, "file numbers"), features, labels) == []


def test_one_scene_among_strangers_is_found_alone() -> None:
    features = persons(200, 1, 1.0)
    features[50:60] = features[50] + 0.1 * persons(10, 1, 0.0, seed=1)
    gaps = np.full(200, 1.0)
    gaps[0] = np.inf
    order = CaptureOrder(np.arange(200), gaps, "file numbers")
    assert find_series(order, features, np.arange(200) % 5) == [list(range(50, 60))]
