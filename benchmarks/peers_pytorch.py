"""Plain PyTorch within a time budget, for benchmarks.peers: the code of its own tutorials.

Ants and bees: the transfer learning tutorial (SGD, batches of 4, steps of the rate), the whole
network or with --frozen the last layer alone, on Lite0. Fashion-MNIST: the network, the optimizer
and the schedule of the basic MNIST example. It runs in an environment of its own.
"""

import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from PIL import Image
from torch import Tensor, nn, optim
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from torchvision import datasets, transforms

from benchmarks.peers_budget import MEASURED, Budget, idx, numbered, pace, photos
from benchmarks.peers_lite import lite0

LONGEST = {"ants": 25, "fashion": 14}
"""So many epochs the tutorials take; their schedules are shortened with them."""


class Net(nn.Module):
    """That of the basic MNIST example."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3, 1)
        self.conv2 = nn.Conv2d(32, 64, 3, 1)
        self.dropout1 = nn.Dropout(0.25)
        self.dropout2 = nn.Dropout(0.5)
        self.fc1 = nn.Linear(9216, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, 28, 28) to logits (N, 10)."""
        x = functional.relu(self.conv2(functional.relu(self.conv1(x))))
        x = torch.flatten(self.dropout1(functional.max_pool2d(x, 2)), 1)
        return self.fc2(self.dropout2(functional.relu(self.fc1(x))))


class Pictures(Dataset[Any]):
    """Arrays with their labels, each turned into a PIL picture and transformed when asked for."""

    def __init__(self, pictures: np.ndarray, labels: np.ndarray, transform: Any) -> None:
        self.pictures, self.labels, self.transform = pictures, labels.astype(np.int64), transform

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, number: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.pictures[number])), int(self.labels[number])


class Photo(Dataset[Any]):
    """Files by name, as they are tested."""

    def __init__(self, folder: Path, names: list[str], transform: Any) -> None:
        self.folder, self.names, self.transform = folder, names, transform

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, number: int) -> tuple[Tensor, int]:
        with Image.open(self.folder / self.names[number]) as image:
            return self.transform(image.convert("RGB")), 0


def ants(budget: Budget) -> tuple[nn.Module, Any, Any, list[str], list[str]]:
    """The network, both loaders, the names of the test pictures, and the classes."""
    # Lite0's own scale of pixels instead of that of the tutorial's ResNet.
    scale = transforms.Normalize([127 / 255] * 3, [128 / 255] * 3)
    cropped = [transforms.RandomResizedCrop(224), transforms.RandomHorizontalFlip()]
    centred = [transforms.Resize(256), transforms.CenterCrop(224)]
    shown = transforms.Compose([*cropped, transforms.ToTensor(), scale])
    tested = transforms.Compose([*centred, transforms.ToTensor(), scale])
    train = datasets.ImageFolder(str(budget.data / "train"), shown)
    names = photos(budget.data, "val")
    network = nn.Sequential(lite0(budget.weights), nn.Linear(1280, 2))
    if budget.frozen:
        network[0].requires_grad_(False)
    loader = DataLoader(train, batch_size=4, shuffle=True, num_workers=4)
    test = DataLoader(Photo(budget.data, names, tested), batch_size=4, num_workers=4)
    return network, loader, test, names, train.classes


def fashion(budget: Budget) -> tuple[nn.Module, Any, Any, list[str], list[str]]:
    """As ``ants``."""
    scale = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.2860,), (0.3530,))])
    train, test = (Pictures(*idx(budget.data, split), scale) for split in ("train", "t10k"))
    loader = DataLoader(train, batch_size=64, shuffle=True)
    names = numbered(len(test))
    return Net(), loader, DataLoader(test, batch_size=1000), names, [str(n) for n in range(10)]


def schedules(budget: Budget, network: nn.Module, epochs: int) -> tuple[Any, Any]:
    """The tutorial's optimizer and schedule, this shortened as the epochs are."""
    if budget.set == "fashion":
        optimizer: Any = optim.Adadelta(network.parameters(), lr=1.0)
        return optimizer, optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.7)
    trained = [one for one in network.parameters() if one.requires_grad]
    optimizer = optim.SGD(trained, lr=0.001, momentum=0.9)
    step = max(1, round(7 * epochs / LONGEST["ants"]))
    return optimizer, optim.lr_scheduler.StepLR(optimizer, step_size=step, gamma=0.1)


def train(
    budget: Budget, network: nn.Module, loader: Any, epochs: int, max_steps: int = 0
) -> list[float]:
    """Train until the end, or after ``max_steps`` batches, or when the time is over: the moments at
    which batches ended."""
    optimizer, schedule = schedules(budget, network, epochs)
    ends: list[float] = []
    network.train()
    for _ in range(epochs):
        for inputs, labels in loader:
            optimizer.zero_grad()
            functional.cross_entropy(network(inputs), labels).backward()
            optimizer.step()
            ends.append(time.time())
            if len(ends) == max_steps or budget.left() < 0:
                return ends
        schedule.step()
    return ends


def main() -> None:
    """Plan, train, save, and only then guess."""
    budget = Budget()
    make = ants if budget.set == "ants" else fashion
    network, loader, test, names, classes = make(budget)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    batch = pace(train(budget, network, loader, 1, MEASURED))
    network.load_state_dict(before)
    epochs = min(LONGEST[budget.set], budget.epochs(len(loader), batch))
    train(budget, network, loader, epochs)
    torch.save(network.state_dict(), budget.out.with_suffix(".pth"))
    ready = budget.ready()
    network.eval()
    with torch.inference_mode():
        guesses = [classes[n] for inputs, _ in test for n in network(inputs).argmax(1).tolist()]
    versions = f"torch {torch.__version__}, torchvision {torchvision.__version__}"
    budget.answer(names, guesses, ready=ready, epochs=epochs, versions=versions)


if __name__ == "__main__":
    main()
