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
def test_sixteen_bits_are_chosen_where_faster_without_a_long_wait(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, slower, chosen, batches
) -> None:
    seen: list[int] = []

    def seconds(network, pictures, plan, rounds, max_seconds=0.0):
        if plan == "32":
            seen.append(len(pictures))
        step = (1.0 if plan == "32" else slower) * len(pictures)
        return step, step

    monkeypatch.setattr(profiling, "_seconds", seconds)
    monkeypatch.setattr(profiling, "cpu_computes_bf16", lambda: True)
    network = build("small_cnn", Inputs(1, 28, 3))
    for _ in range(2):  # the second time it is known
        assert profiling.precision(workspace, network, CONFIG, torch.device("cpu"), 1) == chosen
    assert seen == batches


@pytest.mark.parametrize(
    ("capabilities", "computes"),
    [
        ({"avx2": True, "avx512_f": True, "avx512_bf16": False, "amx_bf16": False}, False),
        ({"avx512_f": True, "avx512_bf16": True}, True),
        ({"amx_bf16": True}, True),
        ({"neon": True, "bf16": True}, True),
        ({"neon": True}, False),
    ],
)
def test_a_cpu_without_bf16_arithmetic_is_not_measured(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capabilities, computes
) -> None:
    measured: list[str] = []
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    monkeypatch.setattr(
        profiling, "_measured", lambda *_: measured.append("") or {"32": 1.0, "bf16": 0.1}
    )
    network = build("small_cnn", Inputs(1, 28, 3))
    chosen = profiling.precision(workspace, network, CONFIG, torch.device("cpu"), 1)
    assert (chosen, bool(measured)) == (("bf16", True) if computes else ("32", False))


def test_a_slow_first_step_in_16_bits_is_the_only_one(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []

    def step(network, change, inputs, labels, plan):
        steps.append(plan)

    def timed(call):
        call()
        return 10.0 if steps[-1] == "bf16" else 1.0

    monkeypatch.setattr(profiling, "cpu_computes_bf16", lambda: True)
    monkeypatch.setattr(profiling, "training_step", step)
    monkeypatch.setattr(profiling, "_timed", timed)
    network = build("small_cnn", Inputs(1, 28, 3))
    assert profiling.precision(workspace, network, CONFIG, torch.device("cpu"), 1) == "32"
    assert steps.count("bf16") == 1
    assert len(steps) <= 3


def test_measuring_leaves_the_network_and_chance_as_they_were(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profiling, "cpu_computes_bf16", lambda: True)
    network = build("small_cnn", Inputs(1, 28, 3))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    chance = torch.get_rng_state()
    profiling.precision(workspace, network, CONFIG, torch.device("cpu"), 1)
    assert torch.equal(torch.get_rng_state(), chance)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
