import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize
from sklearn.metrics import log_loss

from ml.metrics import calibration


def sample(seed, number=400, classes=4, scale=2.0):
    """Logits whose softmax is the true chance of each label."""
    random = np.random.default_rng(seed)
    logits = random.normal(size=(number, classes)) * scale
    chance = calibration.softmax(logits)
    labels = np.array([random.choice(classes, p=row) for row in chance])
    return logits, labels


def test_softmax_and_loss_are_the_textbook_ones_and_survive_large_logits():
    logits, labels = sample(0, number=50)
    assert calibration.cross_entropy(logits, labels) == pytest.approx(
        log_loss(labels, calibration.softmax(logits))
    )
    assert np.all(np.isfinite(calibration.softmax(logits * 1e6)))
    assert np.isfinite(calibration.cross_entropy(logits * 1e6, labels))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.3, 5.0))
def test_the_temperature_undoes_a_known_distortion(seed, distortion):
    logits, labels = sample(seed, number=2000)
    fitted = calibration.fit_temperature(logits * distortion, labels)
    assert fitted == pytest.approx(distortion, rel=0.25)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(5, 200))
def test_no_other_temperature_fits_better(seed, number):
    logits, labels = sample(seed, number=number, scale=1.0)
    soft = np.full(logits.shape, 1 / (number + 2) / (logits.shape[1] - 1))
    soft[np.arange(number), labels] = 1 - 1 / (number + 2)

    def loss(log_temperature):
        chance = calibration.softmax(logits, np.exp(log_temperature))
        return -np.mean(np.sum(soft * np.log(chance), axis=1))

    best = optimize.minimize_scalar(loss, bounds=(-2.99, 2.99), method="bounded")
    assert loss(np.log(calibration.fit_temperature(logits, labels))) <= best.fun + 1e-7


def test_a_few_pictures_that_are_all_right_do_not_make_the_model_certain():
    logits = np.eye(3)[[0, 1, 2, 0, 1, 2]] * 4.0
    fitted = calibration.fit_temperature(logits, np.array([0, 1, 2, 0, 1, 2]))
    assert calibration.softmax(logits, fitted).max() < 0.9


def test_without_pictures_the_temperature_is_1():
    nothing = np.zeros((0, 3)), np.zeros(0, int)
    assert calibration.fit_temperature(*nothing) == calibration.choose_temperature(*nothing) == 1.0


def test_exact_probabilities_keep_temperature_1_and_overconfident_ones_do_not():
    kept = 0
    for seed in range(20):
        random = np.random.default_rng(seed)
        logits = 2 * random.standard_normal((150, 4))
        chances = calibration.softmax(logits)
        labels = np.array([random.choice(4, p=row) for row in chances])
        kept += calibration.choose_temperature(logits, labels) == 1.0
        assert calibration.choose_temperature(5 * logits, labels) > 2
    assert kept >= 17


def test_the_calibration_error_is_the_mean_gap_counted_picture_by_picture():
    logits, labels = sample(3, number=300)
    probabilities = calibration.softmax(logits * 3)
    error, bins = calibration.calibration_bins(probabilities, labels)
    gaps = []
    for row in probabilities:
        mates = [
            (other.max(), other.argmax() == truth)
            for other, truth in zip(probabilities, labels, strict=True)
            if int(other.max() * 10) == int(row.max() * 10)
        ]
        gaps.append(abs(np.mean([mate[0] for mate in mates]) - np.mean([m[1] for m in mates])))
    assert error == pytest.approx(np.mean(gaps))
    assert sum(entry["pictures"] for entry in bins) == 300
    assert calibration.calibration_bins(calibration.softmax(logits), labels)[0] < error


def test_full_certainty_falls_into_the_last_bin():
    error, bins = calibration.calibration_bins(np.array([[1.0, 0.0]]), np.array([0]))
    assert error == 0
    assert bins == [{"low": 0.9, "high": 1.0, "pictures": 1, "confidence": 1.0, "accuracy": 1.0}]


@pytest.mark.parametrize("pictures", [40, 400])
def test_exact_probabilities_seldom_exceed_the_error_by_chance(pictures):
    random = np.random.default_rng(5)
    alarms = []
    for _ in range(200):
        chances = random.beta(4, 1.5, pictures)
        both = np.stack([np.maximum(chances, 1 - chances), np.minimum(chances, 1 - chances)], 1)
        labels = (random.random(pictures) > both[:, 0]).astype(np.int64)
        error, _ = calibration.calibration_bins(both, labels)
        alarms.append(error > calibration.error_by_chance(both[:, 0]))
    assert np.mean(alarms) <= 0.1


def test_probabilities_that_are_far_off_are_further_than_chance_makes_them():
    assert calibration.error_by_chance(np.full(400, 0.95)) < 0.03
    assert calibration.error_by_chance(np.full(20, 0.7)) > 0.1
    assert calibration.error_by_chance(np.array([])) == 0
