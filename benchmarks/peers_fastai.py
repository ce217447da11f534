"""Fastai within a budget of time, for benchmarks.peers: vision_learner with its defaults.

Ants and bees: from_folder, aug_transforms, fine_tune on Lite0. Fashion-MNIST: resnet18 from scratch
by fit_one_cycle. It runs in an environment of its own.
"""

import time
from typing import Any

import fastai
import torch
import torchvision
from fastai.vision import all as vision

from benchmarks.peers_budget import MEASURED, Budget, idx, numbered, pace, photos
from benchmarks.peers_lite import lite0


class Until(vision.Callback):
    """Ends a fit after so many batches, or when the time is over, whichever comes first."""

    def __init__(self, budget: Budget, batches: int = 0) -> None:
        self.budget, self.batches, self.ends = budget, batches, []

    def after_batch(self) -> None:
        """After training batches alone."""
        if self.training:
            self.ends.append(time.time())
            if len(self.ends) == self.batches or self.budget.left() < 0:
                raise vision.CancelFitException


def timed(budget: Budget, learner: Any, frozen: bool) -> float:
    """Seconds of a training batch, by a learner that is thrown away afterwards."""
    learner.freeze() if frozen else learner.unfreeze()
    until = Until(budget, MEASURED)
    learner.fit(1, cbs=until)
    return pace(until.ends)


def main() -> None:
    """Plan, train, save, and only then guess."""
    budget = Budget()
    if budget.set == "ants":
        scale = vision.Normalize.from_stats([127 / 255] * 3, [128 / 255] * 3)
        loaders = vision.ImageDataLoaders.from_folder(
            budget.data,
            valid="val",
            item_tfms=vision.Resize(224),
            batch_tfms=[*vision.aug_transforms(), scale],
        )
    else:
        (train, train_labels), (test, test_labels) = (
            idx(budget.data, split) for split in ("train", "t10k")
        )
        pictures = [*train, *test]
        labels = [*train_labels.tolist(), *test_labels.tolist()]
        block = vision.DataBlock(
            blocks=(vision.ImageBlock(vision.PILImageBW), vision.CategoryBlock),
            get_x=lambda n: pictures[n],
            get_y=lambda n: str(labels[n]),
            splitter=vision.IndexSplitter(range(len(train), len(pictures))),
        )
        loaders = block.dataloaders(range(len(pictures)))

    def learner() -> Any:
        with_accuracy = {"metrics": vision.accuracy}
        if budget.set == "ants":
            made = vision.vision_learner(
                loaders, lambda pretrained: lite0(budget.weights), **with_accuracy
            )
        else:
            made = vision.vision_learner(
                loaders, vision.resnet18, pretrained=False, n_in=1, **with_accuracy
            )
        made.remove_cb(vision.ProgressCallback)
        return made

    batches, checks = len(loaders.train), len(loaders.valid)
    seconds_full = timed(budget, learner(), frozen=False)
    after = checks * seconds_full / 3
    chosen = learner()
    if budget.set == "ants":
        head = timed(budget, learner(), frozen=True)
        first = batches * head + after
        epochs = int((budget.left() - first) / (batches * seconds_full + after))
        if epochs >= 1:
            chosen.fine_tune(epochs, cbs=Until(budget))
            epochs += 1
        else:  # no time for more than a new head
            epochs = budget.epochs(batches, head, after)
            chosen.fit_one_cycle(epochs, cbs=Until(budget))
    else:
        epochs = budget.epochs(batches, seconds_full, after)
        chosen.fit_one_cycle(epochs, cbs=Until(budget))
    torch.save(chosen.model.state_dict(), budget.out.with_suffix(".pth"))
    ready = budget.ready()
    if budget.set == "ants":
        names = photos(budget.data, "val")
        items = [budget.data / name for name in names]
    else:
        names = numbered(len(test))
        items = range(len(train), len(pictures))
    shares, _ = chosen.get_preds(dl=loaders.test_dl(items))
    guesses = [str(loaders.vocab[n]) for n in shares.argmax(1).tolist()]
    versions = f"fastai {fastai.__version__}, torch {torch.__version__}"
    versions += f", torchvision {torchvision.__version__}"
    budget.answer(names, guesses, ready=ready, epochs=epochs, versions=versions)


if __name__ == "__main__":
    main()
