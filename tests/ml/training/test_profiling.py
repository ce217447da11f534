"""What is measured before a training starts."""

import pytest
import torch

from ml.config import TrainConfig
from ml.models import Inputs, build
from ml.training import profiling
from ml.workspace import Workspace

CONFIG = TrainConfig(model="small_cnn", image_size=28, colour="grey", batch_size=128)


@pytest.mark.parametrize(
    ("slower", "chosen", "batches"),
    [(10.0, "32", [20]), (1.5, "32", [20, 128]), (0.5, "bf16", [20, 128])],
)
def test_sixteen_bits_are_chosen_where_they_pay_and_a_large_batch_is_not_waited_for_in_vain(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, slower, chosen, batches
) -> None:
    seen: list[int] = []

    def seconds(network, pictures, plan, rounds):
        if plan == "32":
            seen.append(len(pictures))
        return (1.0 if plan == "32" else slower) * len(pictures)

    monkeypatch.setattr(profiling, "_seconds", seconds)
    network = build("small_cnn", Inputs(1, 28, 3))
    for _ in range(2):  # the second time it is known
        assert profiling.precision(workspace, network, CONFIG, torch.device("cpu"), 1) == chosen
    assert seen == batches


def test_measuring_leaves_the_network_and_chance_as_they_were(workspace: Workspace) -> None:
    network = build("small_cnn", Inputs(1, 28, 3))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    chance = torch.get_rng_state()
    profiling.precision(workspace, network, CONFIG, torch.device("cpu"), 1)
    assert torch.equal(torch.get_rng_state(), chance)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
