"""The first run needs no choice: recipes from the data, and what was asked for on top of them."""

from dataclasses import dataclass, field

import pytest

from ml.config import LEVELS, TrainConfig
from ml.errors import BadInputError, MLError
from ml.hardware import Machine
from ml.models import all_models, get
from ml.presets import configuration, recommended_settings
from ml.text.training_sentences import reason
from ml.training.cost.estimate import cost_key, estimate, speed_key


@dataclass(frozen=True)
class Info:
    pictures: int = 600
    width: int = 256
    height: int = 192
    colour: bool = True


TINY = Info(2500, 28, 28, False)
MACHINE = Machine(2, 16 * 2**30, 8 * 2**30, "cpu")


def test_photos_get_a_frozen_backbone_and_small_pictures_a_small_cnn() -> None:
    photos, tiny = configuration("photos", Info()), configuration("tiny", TINY)
    assert (photos.model, photos.pretrained, photos.freeze_backbone) == (
        "efficientnet_lite0",
        True,
        True,
    )
    assert (tiny.model, tiny.image_size, tiny.colour) == ("small_cnn", 28, "grey")
    assert not tiny.pretrained


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("model", [model.name for model in all_models()])
@pytest.mark.parametrize("info", [Info(), TINY, Info(12, 4000, 3000), Info(70_000, 28, 28, False)])
def test_every_model_has_a_valid_recipe_for_every_data_and_level(info, model, level) -> None:
    wanted = {"model": model, "preset": level}
    if package := get(model).missing_package:  # an optional one, whose absence is told
        with pytest.raises(MLError, match=f"pip install {package}"):
            configuration("d", info, **wanted)
        wanted["pretrained"] = False
    config = configuration("d", info, **wanted)
    assert config.model == model
    assert config.preset == level


def test_more_effort_means_more_epochs() -> None:
    for info in (Info(), TINY):
        epochs = [configuration("d", info, preset=level).epochs for level in LEVELS]
        assert epochs == sorted(set(epochs))


def test_what_was_asked_for_beats_the_recipe_also_as_text() -> None:
    config = configuration("d", Info(), epochs="3", learning_rate="0.5", freeze_backbone="false")
    assert (config.epochs, config.learning_rate, config.freeze_backbone) == (3, 0.5, False)


def test_unfreezing_takes_the_gentler_recipe_of_fine_tuning() -> None:
    frozen = configuration("d", Info(), head="gradient")
    tuned = configuration("d", Info(), freeze_backbone=False)
    assert tuned.learning_rate < frozen.learning_rate / 5


def test_a_frozen_network_gets_the_best_head_unless_steps_are_asked_for() -> None:
    assert configuration("d", Info()).regression
    assert configuration("d", Info(), augment="robust").feature_views > 1
    for name, value in {"learning_rate": 0.01, "batch_size": 32, "head": "gradient"}.items():
        assert not configuration("d", Info(), **{name: value}).regression
    assert not configuration("d", Info(), freeze_backbone=False).regression
    assert not TrainConfig.from_json({"version": 1, "model": "efficientnet_lite0"}).regression


def test_weights_that_need_a_download_are_a_choice() -> None:
    assert not configuration("d", Info(), model="resnet18").pretrained
    asked = configuration("d", Info(), model="resnet18", pretrained=True)
    assert (asked.pretrained, asked.image_size) == (True, 224)


@dataclass(frozen=True)
class Own(Info):
    kind: str = "own"
    counts: dict[str, int] = field(default_factory=lambda: {"cat": 20, "dog": 31})
    pictures: int = 51


def test_few_pictures_of_ones_own_are_trained_on_in_folds_too() -> None:
    assert configuration("d", Own()).folds == 5
    assert configuration("d", Own(width=28, height=28)).folds == 5
    assert configuration("d", Own(counts={"cat": 30, "dog": 30}, pictures=60)).folds == 0
    assert configuration("d", Own(kind="bundled")).folds == 0
    assert configuration("d", Info(51)).folds == 0
    assert configuration("d", Own(), freeze_backbone=False).folds == 0, "too slow to be a default"
    assert configuration("d", Own(), folds="0").folds == 0


def test_an_unknown_level_is_a_sentence() -> None:
    with pytest.raises(BadInputError, match="quick, balanced, thorough"):
        recommended_settings(Info(), None, "heroic")


def test_the_estimate_grows_with_the_work_and_says_that_it_is_a_guess() -> None:
    short = estimate(configuration("d", TINY, epochs=5), 2500, MACHINE, {})
    long = estimate(configuration("d", TINY, epochs=50), 2500, MACHINE, {})
    big = estimate(configuration("d", TINY, epochs=5, batch_size=1024), 2500, MACHINE, {})
    assert short.seconds < long.seconds
    assert short.memory < big.memory
    assert "guess" in short.basis


@pytest.mark.parametrize("info", [Info(), TINY])
def test_folds_take_their_time(info: Info) -> None:
    one, more = (
        estimate(configuration("d", info, folds=folds), info.pictures, MACHINE, {})
        for folds in (0, 5)
    )
    assert one.seconds < more.seconds


def test_after_a_measured_run_the_estimate_rests_on_its_speed() -> None:
    config = TrainConfig(model="small_cnn", pretrained=False, freeze_backbone=False, epochs=10)
    known = {speed_key(config, 2): 100.0}
    expected = estimate(config, 1000, MACHINE, known)
    assert "measured" in expected.basis
    # 10 epochs of 700 pictures at 100 a second, and the start and the end of a run
    assert 70 < expected.seconds < 110


def test_robust_fine_tuning_doubles_epochs_and_heads_get_spoilt_views() -> None:
    photos = Info(600, 512, 384, True)
    head = configuration("photos", photos, augment="robust")
    assert head.frozen
    assert "4 views of each picture: as it is, and made worse" in reason(head, 600)
    plain, robust = (configuration("d", TINY, augment=name).epochs for name in ("light", "robust"))
    assert robust == 2 * plain
    assert configuration("d", TINY, augment="robust", epochs=3).epochs == 3


def test_a_dry_run_measures_cost_and_an_earlier_run_s_speed_wins() -> None:
    config = TrainConfig(model="small_cnn", pretrained=False, freeze_backbone=False, epochs=10)
    cost = {"start_up": 5.0, "build": 1.0, "step": 0.02, "validate": 0.01, "torch": 0.01}
    cost |= {"classify": 0.01, "export": 2.0, "memory": 1e9, "model": 1_000_000}
    known: dict[str, object] = {cost_key(config, 2): cost}
    expected = estimate(config, 1000, MACHINE, known)
    assert expected.measured
    # 7,000 pictures learned from, 1,500 validated, 450 classified at the end, and start and export
    assert expected.seconds == pytest.approx(140 + 15 + 4.5 + 8, abs=3)
    assert expected.seconds - expected.start_up == pytest.approx(162.5, abs=3)
    assert 1e9 < expected.memory < 1.3e9
    assert expected.disk == 6_000_000
    faster = estimate(config, 1000, MACHINE, {**known, speed_key(config, 2): 100.0})
    assert faster.seconds == pytest.approx(expected.seconds - 70, abs=1)
    frozen = config.changed(pretrained=True, freeze_backbone=True, feature_views=3)
    assert not estimate(frozen, 1000, MACHINE, known).measured  # another kind of training
    seen = {cost_key(frozen, 2): {**cost, "feature": 0.05}}
    once = estimate(frozen, 1000, MACHINE, seen)
    assert once.seconds == pytest.approx(1000 * (1 + 2 * 0.7) * 0.05 + 12, abs=5)
