"""Two ways to train: the whole network on pictures, or a head on features computed once."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import lightning.pytorch as pl
import numpy as np
import torch
from torch import nn

from ml.config import TrainConfig
from ml.data.datamodule import FeatureData, PixelData
from ml.data.pixels.pixels import PixelSpec
from ml.data.run_pictures import Indices, Pictures
from ml.distributed.group import ProcessGroup
from ml.features import extract as features
from ml.features import logistic_regression
from ml.hardware import save_measurement
from ml.models.network import HEAD_DROPOUT, Network, Standardise, count_features, new_head
from ml.training.cost.estimate import speed_key
from ml.training.optim.optimizer import Rates
from ml.training.regression_head import FoldData, Pool, RegressionInput
from ml.training.unfreezing import Unfreezing, rates_of
from ml.workspace import Workspace

MIN_PICTURES_FOR_SPEED = 200
"""So many pictures must a measured speed rest on to be remembered."""


@dataclass(frozen=True)
class Plan:
    """What Lightning trains and on what.

    ``module`` is the whole network or its head; ``features`` gives those (N, F) of a split's
    pictures, where they are kept. ``rates`` and ``callbacks`` are for the task and the Trainer;
    ``regression`` is there where the head is fitted exactly.
    """

    module: nn.Module
    data: pl.LightningDataModule
    features: Callable[[str], np.ndarray] | None = None
    rates: Rates | None = None
    callbacks: tuple[pl.Callback, ...] = ()
    regression: RegressionInput | None = None


def pixels_plan(
    workspace: Workspace,
    config: TrainConfig,
    network: Network,
    pictures: Pictures,
    device: torch.device,
    progress: Callable[[float], None],
    process_group: ProcessGroup | None = None,
) -> Plan:
    """Train everything, on augmented pictures."""
    data = PixelData(
        *(pictures, config.batch_size, config.seed, config.augment, device, config.mixing),
        balanced=config.balance == "sampling",
    )
    data.rank_info = (process_group or ProcessGroup()).rank_info
    rates: Rates | None = None
    callbacks: tuple[pl.Callback, ...] = ()
    if config.pretrained:
        if config.way == "gradual":
            start_head(workspace, config, network, pictures, device, progress, process_group)
            callbacks = (Unfreezing(network, config.epochs),)
        if config.layer_decay < 1:  # after a new head, whose parameters have names of their own
            rates = rates_of(network, config.layer_decay)
    return Plan(network, data, rates=rates, callbacks=callbacks)


def start_head(
    workspace: Workspace,
    config: TrainConfig,
    network: Network,
    pictures: Pictures,
    device: torch.device,
    progress: Callable[[float], None],
    process_group: ProcessGroup | None = None,
) -> None:
    """Give ``network`` the best linear head on the features that it makes now, as it is.

    What is below is then not pulled about by a head that knows nothing yet (Kumar et al. 2022,
    https://arxiv.org/abs/2202.10054). It is a function of the pictures alone, no matter of chance.
    """
    spec = pictures.spec
    folder = workspace.features / features.key_of(config.model, network, spec.key)
    nothing = pictures.indices("train")[:0]
    train = replace(pictures, splits={**pictures.splits, "val": nothing, "test": nothing})
    stores = features.ensure(
        *(folder, train, 1, lambda: backbone_forward(workspace, network, spec, device)),
        *(progress, process_group),
    )
    head = logistic_regression.fit(
        stores[0].get(train.hashes("train")), train.labels("train"), len(pictures.classes)
    )
    layer = nn.Linear(head.weights.shape[1], len(head.weights))
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(head.weights * head.scale))
        layer.bias.copy_(torch.from_numpy(head.logits(np.zeros_like(head.mean)[None])[0]))
    network.head = nn.Sequential(nn.Dropout(HEAD_DROPOUT), layer)
    network.train()


def standardise(head: nn.Sequential, train: torch.Tensor) -> None:
    """Let a new head measure the scale of its training features (V, N, F)."""
    first = head[0]
    assert isinstance(first, Standardise)
    first.fit(train.cpu().reshape(-1, train.shape[-1]))


def backbone_forward(
    workspace: Workspace, network: Network, spec: PixelSpec, device: torch.device
) -> features.Forward:
    """What computes features: ONNX Runtime on a CPU, where it is several times as fast as torch."""
    if device.type == "cpu":
        threads = torch.get_num_threads()
        return features.onnx_forward(network, spec, workspace.graphs, threads)
    return features.torch_forward(network, device)


def features_plan(
    workspace: Workspace,
    config: TrainConfig,
    network: Network,
    pictures: Pictures,
    device: torch.device,
    progress: Callable[[float], None],
    process_group: ProcessGroup | None = None,
) -> Plan:
    """Train a new head on the features of a frozen backbone, which all ranks compute together.

    Of a regression, validation pictures teach as well and are seen in all views.
    """
    spec = pictures.spec
    if config.regression:
        items = pictures.indices("pool")
        pictures = replace(pictures, splits={**pictures.splits, "train": items, "val": items[:0]})
    folder = workspace.features / features.key_of(config.model, network, spec.key)

    # The head comes first, so that the graph that computes the features is traced with it and
    # serves the export as well.
    stored_width = features.FeatureStore(folder / "view-0").width
    width = stored_width or count_features(network, spec.channels, spec.size)
    network.head = head = new_head(width, len(pictures.classes))

    counted, seconds = [0], [0.0]  # tracing, once on a computer, is not part of the speed

    def counting() -> features.Forward:
        compute = backbone_forward(workspace, network, spec, device)

        def counted_forward(batch: np.ndarray) -> np.ndarray:
            began = time.monotonic()
            batch_features = compute(batch)
            seconds[0] += time.monotonic() - began
            counted[0] += len(batch)
            return batch_features

        return counted_forward

    stores = features.ensure(
        *(folder, pictures, config.feature_views, counting, progress, process_group),
        policy=features.policy_of(config),
    )
    if counted[0] > MIN_PICTURES_FOR_SPEED:
        speed = counted[0] / max(1e-6, seconds[0])
        save_measurement(workspace, speed_key(config, torch.get_num_threads()), round(speed, 2))

    def tensor(split: str, number: int = 0) -> torch.Tensor:
        return torch.from_numpy(stores[number].get(pictures.hashes(split))).to(device)

    def labels(split: str) -> torch.Tensor:
        return torch.from_numpy(np.array(pictures.labels(split))).to(device)

    def kept_features(split: str) -> np.ndarray:
        return stores[0].get(pictures.hashes(split))

    if config.regression:
        network.head.train()
        given = regression_input(config, stores, pictures, pictures.indices("pool"))
        data = FoldData(torch.from_numpy(given.labels), len(given.pool.folds))
        return Plan(network.head, data, kept_features, regression=given)
    train = torch.stack([tensor("train", number) for number in range(config.feature_views)])
    standardise(head, train)
    network.head.train()  # Lightning leaves the mode as it is, and the graph was traced in another
    features_data = FeatureData(
        *(train, labels("train"), tensor("val"), labels("val"), config.batch_size, config.seed),
        balanced=config.balance == "sampling",
    )
    return Plan(network.head, features_data, kept_features)


def regression_input(
    config: TrainConfig,
    stores: Sequence[features.FeatureStore],
    pictures: Pictures,
    items: Indices,
) -> RegressionInput:
    """What a head is fitted to: the kept features of ``items`` (n,), one store a view."""
    pool = Pool.of(pictures, items, config.split_seed)
    hashes = [pictures.version.items[n].hash for n in items]
    views = np.stack([store.get(hashes) for store in stores])
    return RegressionInput(views, pictures.version.labels[items], pool, hashes)
