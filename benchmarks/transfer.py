"""A new head on a frozen mobilenet_v3_small, 600 photos of 500x375, 10 epochs, all included, is
trained at least 20 times as fast as the tutorial way, which decodes and runs every picture in every
epoch; the head alone again at least 300 times.

    python -m benchmarks.transfer

The photos are the bundled ones, enlarged. The weights are random, the same each time: the real ones
need a download, and change no time. Wall time on all cores, each way once, ours the median of
ROUNDS. The network becomes an ONNX graph once on a computer, whatever the pictures: that is told
apart.
"""

import io
import statistics
import tempfile
import time
import warnings
from pathlib import Path

import torch
from PIL import Image
from torch import nn
from torch.nn import functional

from ml.config import TrainConfig
from ml.data import catalog
from ml.data.datamodule import count_batches
from ml.data.pixels.pixels import PixelSpec
from ml.data.run_pictures import Pictures, open_pictures
from ml.data.sources.folders import BUNDLED
from ml.features import extract as features
from ml.models import Inputs, build
from ml.models.network import Network
from ml.presets import HEAD_LARGE_BATCH
from ml.runs.choices import RunChoices
from ml.training.callbacks import LiveMetrics
from ml.training.finetuning import features_plan
from ml.training.task import ClassifierTask
from ml.training.trainer import make_trainer
from ml.workspace import Workspace, open_workspace

ROUNDS = 3
EPOCHS = 10
SPEC = PixelSpec(224)
CONFIG = TrainConfig(model="mobilenet_v3_small", epochs=EPOCHS, feature_views=1).changed(
    **HEAD_LARGE_BATCH  # the recipe that the presets have for so many pictures
)


def photos(folder: Path) -> Path:
    """The 600 bundled photos at 500x375, as JPEG in class folders."""
    for path in sorted((BUNDLED / "recycling").glob("*/*.jpg")):
        target = folder / path.parent.name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        out = io.BytesIO()
        with Image.open(path) as image:
            image.resize((500, 375), Image.Resampling.BICUBIC).save(out, "JPEG", quality=90)
        target.write_bytes(out.getvalue())
    return folder


def tutorial(folder: Path) -> float:
    """Seconds of the tutorial way: ImageFolder, DataLoader, frozen body, new head, 10 epochs."""
    from torchvision import datasets, models, transforms

    steps = [transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor()]
    data = datasets.ImageFolder(str(folder), transforms.Compose(steps))
    loader = torch.utils.data.DataLoader(data, batch_size=32, shuffle=True)
    model = models.mobilenet_v3_small(weights=None)
    for parameter in model.parameters():
        parameter.requires_grad = False
    model.classifier[-1] = nn.Linear(1024, len(data.classes))
    optimizer = torch.optim.SGD(model.classifier[-1].parameters(), lr=1e-3, momentum=0.9)
    began = time.perf_counter()
    for _ in range(EPOCHS):
        for inputs, labels in loader:
            optimizer.zero_grad()
            functional.cross_entropy(model(inputs), labels).backward()
            optimizer.step()
    return time.perf_counter() - began


def weighted() -> Network:
    """The network with its weights."""
    torch.manual_seed(0)
    return build(CONFIG.model, Inputs(3, SPEC.size, 6)).eval()


def fit(workspace: Workspace, network: Network, pictures: Pictures) -> None:
    """Features, where they are missing, and the head, as in ``ml.training.train``."""
    plan = features_plan(
        workspace, CONFIG, network, pictures, torch.device("cpu"), lambda share: None
    )
    steps = count_batches(len(pictures.indices("train")), CONFIG.batch_size) * EPOCHS
    task = ClassifierTask(plan.module, CONFIG, steps)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    events: list[object] = []
    live = LiveMetrics(events.append, classes=6)
    make_trainer(CONFIG, RunChoices("cpu", precision="32"), [live]).fit(task, plan.data)
    torch.set_num_threads(threads)


def ours(folder: Path, root: Path, graphs: Path) -> tuple[float, float]:
    """Seconds with everything to do, ingest and decoding included, and of the head again."""
    workspace = open_workspace(root)
    if graphs.exists():
        workspace.graphs.symlink_to(graphs)
    began = time.perf_counter()
    version = catalog.resolve(workspace, str(folder))
    record = catalog.run_record(version, 0)
    record["splits"] = {"train": list(range(len(version.items))), "val": [], "test": []}
    record["splits"]["val"] = record["splits"]["train"][::10]
    pictures = open_pictures(workspace, record, SPEC)
    network = weighted()
    fit(workspace, network, pictures)
    everything = time.perf_counter() - began
    began = time.perf_counter()
    fit(workspace, network, pictures)
    return everything, time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    warnings.simplefilter("ignore")
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}")
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        folder = photos(root / "photos")
        began = time.perf_counter()
        graphs = root / "graphs"
        features.onnx_forward(weighted(), SPEC, graphs, 1)
        traced = time.perf_counter() - began
        rounds = [ours(folder, root / f"workspace-{n}", graphs) for n in range(ROUNDS)]
        everything, head = (statistics.median(part) for part in zip(*rounds, strict=True))
        theirs = tutorial(folder)
        print(
            f"tutorial {theirs:.1f} s; ours {everything:.2f} s ({theirs / everything:.1f} times), "
            f"of the head again {head:.3f} s ({theirs / head:.0f} times)\n"
            f"with tracing, once on a computer ({traced:.1f} s): "
            f"{theirs / (everything + traced):.1f} times"
        )


if __name__ == "__main__":
    main()
