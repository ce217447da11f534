"""Policies of augmentation: functions of the picture's own numbers, and exact on resume."""

from pathlib import Path

import pytest
import torch

from ml.config import TrainConfig
from ml.data.augment.apply import MAX_LEVEL, apply
from ml.data.augment.batch import Augment
from ml.data.augment.operations import get
from ml.data.augment.policies import BASIC_CHOICES, LEVELS, POLICIES, Policy, Step
from ml.data.catalog import run_record
from ml.data.datamodule import PixelData
from ml.data.pixels.pixels import PixelSpec
from ml.data.run_pictures import open_pictures
from ml.models import Inputs, build
from ml.runs.choices import RunChoices
from ml.training import checkpoints
from ml.training.callbacks import KeepCheckpoints
from ml.training.task import ClassifierTask
from ml.training.trainer import make_trainer
from ml.workspace import Workspace
from tests.helpers.trained import dataset

BY_LOT = [policy for policy in POLICIES.values() if policy.draws]
CPU = torch.device("cpu")


def pictures(count: int = 12, size: int = 20, channels: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    shape = (count, size, size, channels)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


def test_the_policies_are_the_choices_of_the_setting() -> None:
    about = TrainConfig.__dataclass_fields__["augment"].metadata
    assert about["choices"] == (*BASIC_CHOICES, *POLICIES)
    assert {policy.name for policy in POLICIES.values()} == set(POLICIES)


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("channels", [1, 3])
def test_change_of_a_picture_does_not_depend_on_its_batch(name: str, channels: int) -> None:
    shown = pictures(60, channels=channels)
    augment = Augment(name, seed=5, count=60)
    augment.set_epoch(3)
    together = augment(shown, torch.arange(60))
    assert together.shape == shown.shape
    assert -1e-3 <= float(together.min()) <= float(together.max()) <= 255 + 1e-3
    order = torch.tensor([41, 2, 11])
    torch.testing.assert_close(augment(shown[order], order), together[order])
    torch.testing.assert_close(augment(shown[2:3], torch.tensor([2])), together[2:3])
    augment.set_epoch(4)
    assert not torch.allclose(augment(shown, torch.arange(60)), together)
    assert augment.windows(shown) is None


@pytest.mark.parametrize("name", ["documents", "medical", "randaugment", "trivialaugment"])
def test_policies_for_text_and_bodies_never_flip(name: str) -> None:
    policy = POLICIES[name]
    used = {step.operation for step in policy.steps} | {one.operation for one in policy.choices}
    assert not used & {"flip", "upside_down", "quarter"}
    assert "no flips" in policy.help.lower()


def test_only_aerial_pictures_are_turned_upside_down() -> None:
    photos = {step.operation for step in POLICIES["photos"].steps}
    assert "flip" in photos
    assert not photos & {"upside_down", "quarter"}
    assert {"flip", "upside_down", "quarter"} <= {s.operation for s in POLICIES["aerial"].steps}


def test_steps_come_one_after_another_each_with_its_own_numbers() -> None:
    policy = Policy(
        "", "", "", (Step("flip", 0.5), Step("brightness", 0.4), Step("grey", 0.5, 0.5))
    )
    assert policy.numbers == 2 + 2 + 2
    shown = pictures(3)
    numbers = torch.tensor(
        [
            [0.0, 0.2, 0.0, 0.75, 0.9, 0.1],  # flipped, 1.2 times as bright, not grey
            [0.0, 0.7, 0.0, 0.25, 0.2, 0.1],  # not flipped, 0.8 times as bright, grey
            [0.0, 0.7, 0.0, 0.50, 0.2, 0.9],  # as it is
        ]
    )
    changed = apply(policy, shown, numbers)
    x = shown.float()
    torch.testing.assert_close(changed[0], (x[0].flip(1) * 1.2).clamp(max=255))
    weights = torch.tensor([0.2989, 0.587, 0.114])
    grey = (x[1] * 0.8 @ weights)[..., None].expand(-1, -1, 3)
    torch.testing.assert_close(changed[1], grey, atol=1e-3, rtol=0)
    torch.testing.assert_close(changed[2], x[2])


def test_what_does_not_happen_changes_nothing() -> None:
    steps = tuple(Step(step.operation, step.strength, 0.0) for step in POLICIES["documents"].steps)
    shown, policy = pictures(), Policy("", "", "", steps)
    numbers = torch.rand(12, policy.numbers)
    torch.testing.assert_close(apply(policy, shown, numbers), shown.float(), atol=1e-2, rtol=0)


@pytest.mark.parametrize("policy", BY_LOT, ids=lambda policy: policy.name)
def test_each_draw_is_one_operation_at_the_magnitude_that_was_drawn(policy: Policy) -> None:
    count = len(policy.choices)
    assert count == 14
    shown = pictures(1)
    x = shown.permute(0, 3, 1, 2).float()
    for place, choice in enumerate(policy.choices):
        for much, sign in ((0.0, 0.1), (0.5, 0.1), (0.999, 0.9)):
            numbers = torch.tensor([[(place + 0.5) / count, much, sign]])
            rest = torch.full(
                (1, 3 * (policy.draws - 1)), 0.01
            )  # the first choice is to do nothing
            changed = apply(policy, shown, torch.cat([numbers, rest], 1))
            level = policy.magnitude
            if level is None:
                level = int(much * (LEVELS + 1)) / LEVELS
            expected = x
            if choice.operation:
                one = get(choice.operation)
                own = torch.full((1, one.numbers), 0.5)
                own[0, choice.number] += 0.5 * MAX_LEVEL * level * (-1 if sign < 0.5 else 1)
                expected = one(x, own, choice.most)
            torch.testing.assert_close(changed, expected.permute(0, 2, 3, 1), atol=1e-2, rtol=0)


def test_randaugment_draws_two_operations_and_trivialaugment_one() -> None:
    rand, trivial = POLICIES["randaugment"], POLICIES["trivialaugment"]
    assert (rand.draws, rand.magnitude) == (2, 9 / 30)
    assert (trivial.draws, trivial.magnitude) == (1, None)
    wide = {choice.operation: choice.most for choice in trivial.choices}
    assert (wide["turn"], wide["shear"], wide["brightness"]) == (135, 0.99, 0.99)
    assert {one.operation for one in rand.choices} == set(wide)


@pytest.mark.parametrize(
    ("augment", "mixing"),
    [*((name, "none") for name in POLICIES), ("light", "mixup"), ("photos", "cutmix")],
)
def test_a_resumed_fit_is_the_uninterrupted_one_to_the_bit(
    augment: str, mixing: str, workspace: Workspace, tmp_path: Path
) -> None:
    record = run_record(dataset(workspace, "noise", each=12), 0)
    shown = open_pictures(workspace, record, PixelSpec(16))
    config = TrainConfig(batch_size=8, augment=augment, mixing=mixing, device="cpu", epochs=4)

    def fit(folder: Path, epochs: int) -> dict[str, torch.Tensor]:
        torch.manual_seed(1)
        torch.set_num_threads(1)
        data = PixelData(shown, 8, config.seed, augment, CPU, mixing)
        network = build("tutorial_net", Inputs(3, 16, 3), pretrained=False)
        task = ClassifierTask(network, config, 4 * len(data.train_dataloader()))
        chosen = RunChoices("cpu", precision="32")
        keep = KeepCheckpoints(folder)
        trainer = make_trainer(config.changed(epochs=epochs), chosen, [keep])
        begun = checkpoints.newest(folder, "last")
        trainer.fit(task, data, ckpt_path=begun[0] if begun else None, weights_only=True)
        return network.state_dict()

    uninterrupted = fit(tmp_path / "whole", 4)
    halfway = fit(tmp_path / "resumed", 2)
    resumed = fit(tmp_path / "resumed", 4)
    assert all(torch.equal(uninterrupted[name], resumed[name]) for name in uninterrupted)
    assert any(not torch.equal(uninterrupted[name], halfway[name]) for name in uninterrupted)


def test_a_policy_is_made_of_operations_that_are_there() -> None:
    for policy in POLICIES.values():
        for step in policy.steps:
            assert 0 < step.strength <= get(step.operation).max_strength
            assert 0 < step.chance <= 1
        for choice in policy.choices:
            if choice.operation:
                assert choice.number < get(choice.operation).numbers
