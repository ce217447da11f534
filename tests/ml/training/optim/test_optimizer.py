"""What the optimizer is given: which parameters decay, and at which rate each is trained."""

import pytest
import torch
from torch import nn

from ml.config import TrainConfig
from ml.training.optim.muon import orthogonal
from ml.training.optim.optimizer import groups, optimizer


class Transformer(nn.Module):
    """One of each kind of parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.class_token = nn.Parameter(torch.zeros(1, 1, 8))
        self.pos_embedding = nn.Parameter(torch.zeros(1, 5, 8))
        self.layer_scale = nn.Parameter(torch.ones(8, 1, 1))
        self.relative_position_bias_table = nn.Parameter(torch.zeros(9, 2))
        self.norm = nn.LayerNorm(8)
        self.attention = nn.MultiheadAttention(8, 2)
        self.kernel = nn.Conv2d(8, 8, 3, groups=8)
        self.head = nn.Linear(8, 3)


def names(module: nn.Module, parameters: list[nn.Parameter]) -> set[str]:
    by_id = {id(parameter): name for name, parameter in module.named_parameters()}
    return {by_id[id(parameter)] for parameter in parameters}


def test_weights_alone_decay_not_biases_norms_positions_and_tokens() -> None:
    module = Transformer()
    decayed, free = groups(module, TrainConfig(weight_decay=0.5))
    assert (decayed["weight_decay"], free["weight_decay"]) == (0.5, 0.0)
    weights = {"attention.in_proj_weight", "attention.out_proj.weight"}
    assert names(module, decayed["params"]) == weights | {"kernel.weight", "head.weight"}
    everything = {name for name, _ in module.named_parameters()}
    assert names(module, decayed["params"] + free["params"]) == everything


def test_what_is_frozen_is_in_no_group() -> None:
    module = Transformer()
    module.attention.requires_grad_(False)
    parameter_groups = groups(module, TrainConfig())
    assert not any(
        "attention" in name for group in parameter_groups for name in names(module, group["params"])
    )


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_each_parameter_keeps_the_rate_of_its_name(name: str) -> None:
    module = Transformer()
    made = optimizer(
        module, TrainConfig(optimizer=name), lambda name: 1.0 if name.startswith("head") else 0.1
    )
    scales = {
        part: group["lr_scale"]
        for group in made.param_groups
        for part in names(module, group["params"])
    }
    assert scales["head.weight"] == scales["head.bias"] == 1.0
    assert {scale for part, scale in scales.items() if "head" not in part} == {0.1}


def test_muon_and_its_adamw_do_what_those_of_torch_do() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(6, 4), nn.Linear(4, 3))
    twin = nn.Sequential(nn.Linear(6, 4), nn.Linear(4, 3))
    twin.load_state_dict(module.state_dict())
    config = TrainConfig(optimizer="muon", learning_rate=0.02, weight_decay=0.1)
    ours = optimizer(module, config)
    theirs = [
        torch.optim.Muon([twin[0].weight], 0.02, 0.1, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW([twin[1].weight], 0.02, weight_decay=0.1),
        torch.optim.AdamW([twin[0].bias, twin[1].bias], 0.02, weight_decay=0.0),
    ]
    for _ in range(3):
        for one, other in zip(module.parameters(), twin.parameters(), strict=True):
            one.grad = torch.randn_like(one)
            other.grad = one.grad.clone()
        for step in (ours, *theirs):
            step.step()
    for name, value in module.state_dict().items():  # torch's iterates in 16 bits
        torch.testing.assert_close(value, twin.state_dict()[name], atol=1e-3, rtol=0)


def test_muon_takes_kernels_as_matrices_and_leaves_the_classifier_to_adamw() -> None:
    module = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8, 2))
    made = optimizer(module, TrainConfig(optimizer="muon"))
    by_muon = [part for group in made.param_groups if group["muon"] for part in group["params"]]
    assert names(module, by_muon) == {"0.weight"}
    assert sum(len(group["params"]) for group in made.param_groups) == 6
    change = orthogonal(torch.randn(8, 27, generator=torch.Generator().manual_seed(0)))
    assert 0.5 < torch.linalg.svdvals(change).min() <= torch.linalg.svdvals(change).max() < 1.3
