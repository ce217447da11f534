"""The default head: penalised logistic regression, its penalty chosen by cross-validation.

Training and validation pictures form one pool, dealt out to folds by groups. An epoch is one
penalty of the path from strong to weak; its steps fit one head without each fold, and one on the
whole pool. So the validation figures of an epoch are out-of-fold: each picture is judged by a head
that has seen neither it nor its group. The penalty with the lowest out-of-fold loss is kept.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ml.config import TrainConfig
from ml.data.class_balance import class_weights
from ml.data.datamodule import Batch, ResidentData
from ml.data.run_pictures import Indices, Pictures
from ml.data.splits.splits import stratified_group_folds
from ml.features import logistic_regression
from ml.features.logistic_regression import Floats, Head, Problem, Solution
from ml.models.network import Standardise, new_head
from ml.training.task import ClassifierTask, cross_entropy

FOLDS = 5
STRONGEST_PENALTY, WEAKEST_PENALTY = 10.0, 1e-3
"""The ends of the path. On the five sets tried the best penalty lies between 0.02 and 0.5."""
MAX_WORSE_PENALTIES = 2
"""The path ends after so many penalties in a row without a lower out-of-fold loss."""
STEPS_PER_EPOCH = FOLDS + 1


def penalties(count: int) -> list[float]:
    """``count`` penalties from strong to weak, in equal ratios.

    >>> penalties(5)
    [10.0, 1.0, 0.1, 0.01, 0.001]
    """
    if count == 1:
        return [logistic_regression.PENALTY]
    path = np.geomspace(STRONGEST_PENALTY, WEAKEST_PENALTY, count)
    return [float(f"{one:.3g}") for one in path]


@dataclass(frozen=True)
class Pool:
    """The pictures that a head learns from: ``items`` (n,) sorted, and their ``folds``, places (m,)
    in ``items``."""

    items: Indices
    folds: list[Indices]

    @classmethod
    def of(cls, pictures: Pictures, items: Indices, seed: int) -> "Pool":
        """Those ``items`` (n,) of the pictures. One group alone cannot be dealt out: it is cut."""
        parts = stratified_group_folds(pictures.version.items, items, FOLDS, seed)
        if len(parts) < 2:
            order = np.random.default_rng(seed).permutation(items)
            parts = [np.sort(part) for part in np.array_split(order, 2) if len(part)]
        if len(parts) < 2:
            parts = []
        return cls(items, [np.searchsorted(items, part) for part in parts])


@dataclass(frozen=True)
class OutOfFold:
    """``logits`` (n, K) for the pictures ``items`` (n,), each by a head that has not seen it;
    ``folds`` as in ``Pool``."""

    items: Indices
    logits: Floats
    folds: list[Indices]


@dataclass(frozen=True)
class RegressionInput:
    """What a head learns from: ``features`` (V, n, F) of the views of the pictures in ``pool``, the
    first as they are, ``labels`` (n,), and the ``hashes`` of the pictures."""

    features: Floats
    labels: npt.NDArray[np.int64]
    pool: Pool
    hashes: Sequence[str]


class FoldData(ResidentData):
    """Batches for ``RegressionTask``: one a fit, which names its fold; and the pool, for figures.

    ``labels`` (n,) are those of the pool.
    """

    def __init__(self, labels: Tensor, folds: int) -> None:
        super().__init__()
        self.labels, self.folds = labels, folds

    def train_dataloader(self) -> "_Batches":
        """The number of each fold, and last that of no fold: of the whole pool."""
        rows = torch.arange(len(self.labels))
        return _Batches([(torch.tensor([n]), self.labels, rows) for n in range(self.folds + 1)])

    def val_dataloader(self) -> "_Batches":
        """The pool in one batch; its inputs are the rows."""
        rows = torch.arange(len(self.labels))
        return _Batches([(rows, self.labels, rows)])


class _Batches:
    """Some batches, in this order in each epoch."""

    def __init__(self, batches: list[Batch]) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Batch]:
        return iter(self.batches)


class _ExactFit(torch.optim.Optimizer):
    """Runs one fit as one optimizer step, so that Lightning counts it."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__(module.parameters(), {"lr": 0.0})

    def step(self, closure: Any = None) -> Any:
        """Call ``closure``, which fits."""
        return closure()


class RegressionTask(ClassifierTask):
    """Fits the head of ``module`` along the path of penalties. See the module's docstring.

    Args:
        module: the head, as ``new_head`` makes it; it holds the fit on the whole pool.
    """

    def __init__(
        self, module: nn.Module, config: TrainConfig, given: RegressionInput, classes: int
    ) -> None:
        pool, labels = given.pool, given.labels
        total_steps = config.epochs * (len(pool.folds) + 1)
        super().__init__(module, config, total_steps, ids=given.hashes, classes=classes)
        self.automatic_optimization = False
        self.patience = MAX_WORSE_PENALTIES
        self.views, count, width = given.features.shape
        self.path, self.pool, self.pool_labels = penalties(config.epochs), pool, labels
        rows = given.features.reshape(-1, width)
        self.problem = Problem.of(rows, np.tile(labels, self.views), classes)
        self.row_weights = row_weights(labels, classes, config)
        self.solutions: list[Solution | None] = [None] * (len(pool.folds) + 1)
        self.out_of_fold = np.zeros((count, classes), np.float32)
        self.best_out_of_fold = self.out_of_fold.copy()
        self.penalty = self.path[0]

    def training_step(self, batch: Batch, batch_idx: int) -> None:  # type: ignore[override]
        """Fit without the fold that ``batch`` names, or on the whole pool."""
        optimizer: Any = self.optimizers()
        penalty = self.path[min(self.current_epoch, len(self.path) - 1)]
        optimizer.step(closure=lambda: self.fit_fold(int(batch[0]), penalty))

    def fit_fold(self, number: int, penalty: float) -> None:
        """Fit without fold ``number`` and judge its pictures; after the last fold, on all."""
        weights = self.row_weights.copy()
        held_out = self.pool.folds[number] if number < len(self.pool.folds) else None
        if held_out is not None:
            weights[held_out] = 0
        solution = self.problem.solve(penalty, np.tile(weights, self.views), self.solutions[number])
        self.solutions[number] = solution
        if held_out is not None:
            self.out_of_fold[held_out] = self.problem.logits(solution, held_out)
            return
        load_head(self.module, self.problem.head(solution))
        logits = torch.from_numpy(self.problem.logits(solution, np.arange(len(self.pool_labels))))
        labels = torch.from_numpy(self.pool_labels)
        self.train_meter.add(cross_entropy(logits, labels), logits, labels)

    def walk(self, progress: Callable[[float], None] = lambda fraction: None) -> None:
        """Do without a Trainer what it does: take the path to its end and keep the best fit.

        ``progress`` is told the share of the path that is done, and may raise to stop.
        """
        best_weights = {name: one.clone() for name, one in self.module.state_dict().items()}
        for epoch, penalty in enumerate(self.path, 1):
            progress((epoch - 1) / len(self.path))
            for number in range(len(self.pool.folds) + 1):
                self.fit_fold(number, penalty)
            loss = self.validation_loss()
            if loss < self.lowest_loss:
                self.lowest_loss, self.best_epoch = loss, epoch
                self.best_out_of_fold, self.penalty = self.out_of_fold.copy(), penalty
                best_weights = {name: one.clone() for name, one in self.module.state_dict().items()}
            if self.is_patience_over(epoch):
                break
        self.module.load_state_dict(best_weights)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Figures of the out-of-fold logits."""
        logits = torch.from_numpy(self.out_of_fold)
        labels = torch.from_numpy(self.pool_labels)
        self.val_meter.add(cross_entropy(logits, labels), logits, labels)
        self._val_outputs.append((logits.clone(), labels, batch[2].cpu()))

    def on_validation_epoch_end(self) -> None:
        """Judge the penalty by its out-of-fold loss, weighted as the fits are."""
        super().on_validation_epoch_end()
        if self.improved:
            self.best_out_of_fold = self.out_of_fold.copy()
            self.penalty = self.path[min(self.current_epoch, len(self.path) - 1)]

    def validation_loss(self) -> float:
        """The out-of-fold loss, weighted as the fits are."""
        each = logistic_regression.losses(self.out_of_fold, self.pool_labels)
        return float(np.average(each, weights=self.row_weights))

    def on_train_start(self) -> None:
        """Nothing: the weights of the classes are in ``row_weights``."""

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Nothing: there is no learning rate."""

    def rate(self) -> float | None:
        """None: there is no learning rate."""
        return None

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """One that counts the fits."""
        return _ExactFit(self.module)

    def result(self) -> OutOfFold:
        """The out-of-fold logits at the best penalty."""
        return OutOfFold(self.pool.items, self.best_out_of_fold, self.pool.folds)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Where each fit goes on, and the best so far."""
        super().on_save_checkpoint(checkpoint)
        solutions = [None if one is None else torch.from_numpy(one) for one in self.solutions]
        checkpoint["regression"] = {
            "solutions": solutions,
            "out_of_fold": torch.from_numpy(self.best_out_of_fold),
            "penalty": self.penalty,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """See ``on_save_checkpoint``."""
        super().on_load_checkpoint(checkpoint)
        state = checkpoint["regression"]
        self.solutions = [None if one is None else one.numpy() for one in state["solutions"]]
        self.best_out_of_fold = state["out_of_fold"].numpy()
        self.penalty = float(state["penalty"])


def row_weights(labels: npt.NDArray[np.int64], classes: int, config: TrainConfig) -> Floats:
    """What each picture (n,) counts in the loss: 1, or by its class where classes are balanced.

    Sampling and weights are the same to an exact fit, but for the limit on the weights.
    """
    if config.balance == "none":
        return np.ones(len(labels), np.float32)
    weights = class_weights(torch.from_numpy(labels), classes)
    return np.asarray(weights.numpy()[labels], np.float32)


def load_head(module: nn.Module, head: Head) -> None:
    """Put the fit into a head as ``new_head`` makes it."""
    assert isinstance(module, nn.Sequential)
    standardise, linear = module[0], module[-1]
    assert isinstance(standardise, Standardise)
    assert isinstance(linear, nn.Linear)
    with torch.no_grad():
        standardise.mean.copy_(torch.from_numpy(head.mean))
        standardise.scale.fill_(head.scale)
        linear.weight.copy_(torch.from_numpy(head.weights))
        linear.bias.copy_(torch.from_numpy(head.bias))


def fit_head(
    given: RegressionInput,
    config: TrainConfig,
    classes: int,
    progress: Callable[[float], None] = lambda fraction: None,
) -> nn.Sequential:
    """A new head with the penalty that ``RegressionTask`` would choose, without a Trainer.

    ``progress`` is told the share of the path that is done, and may raise to stop.
    """
    head = new_head(given.features.shape[-1], classes)
    RegressionTask(head, config, given, classes).walk(progress)
    return head.eval()
