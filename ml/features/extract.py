"""Feature extraction by a frozen backbone, once for each picture and view, cached by its hash.

They survive relabelling and new versions of a data set (see ``ml.features.cache``). Light: torch is
imported where a network or spoilt views come in, so that whoever has the graph of a backbone
(``ml.features.backbone``) need not wait for it.
"""

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ml.config import TrainConfig
from ml.data.pixels.feature_views import view
from ml.data.pixels.pixels import PixelSpec
from ml.data.run_pictures import Pictures
from ml.features.cache import FeatureStore as FeatureStore
from ml.inference.model_folder import open_session
from ml.models.plugins import discovery as plugins

if TYPE_CHECKING:
    import torch

    from ml.distributed.group import ProcessGroup
    from ml.models.network import Network

Forward = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]
"""Pictures uint8 (N, S, S, C) to features (N, F)."""
BATCH = 32
ONNX_BATCH = 4
"""More pictures at a time fall out of the cache of a CPU and are slower."""
BLOCK_PICTURES = 4096
"""Pictures whose features are in memory before they are written."""


def key_of(name: str, network: "Network", spec_key: str) -> str:
    """The name of the store of ``network``: model, weights and preprocessing are in it."""
    digest = hashlib.sha256()
    for part in (network.body, network.neck):
        for value in part.state_dict().values():
            digest.update(value.detach().cpu().numpy().tobytes())
    digest.update(plugins.source_code(name))
    for buffer in (network.mean, network.std):
        digest.update(buffer.detach().cpu().numpy().tobytes())
    return f"{name}-{digest.hexdigest()[:12]}-{spec_key}"


def ensure(
    folder: Path,
    pictures: Pictures,
    views: int,
    forward: Callable[[], Forward],
    progress: Callable[[float], None] = lambda fraction: None,
    process_group: "ProcessGroup | None" = None,
    policy: str = "",
) -> list[FeatureStore]:
    """The stores of views 0 to ``views`` - 1, with every picture in them that a run needs.

    Validation and test pictures are seen as they are, in view 0; training pictures in all views.

    Args:
        folder: the store of the backbone: ``features/<key>``.
        forward: makes the function that computes features; called only when something is missing.
        progress: is told the share that is done, 0 to 1; it may raise to stop.
        process_group: each of its ranks computes a part of what is missing.
        policy: further views are spoilt by this policy of ``ml.data.augment.policies``; without
            one they are those of ``ml.data.pixels.feature_views``.
    """
    rank, world_size = (
        (process_group.rank_info.rank, process_group.rank_info.world_size)
        if process_group
        else (0, 1)
    )
    folders = [folder / name for name in view_names(views, policy)]
    stores = [FeatureStore(one) for one in folders]
    if process_group:
        process_group.barrier()  # all have seen the same stores before anybody adds to them
    rows: dict[str, int] = {}
    for split in ("train", "val", "test"):
        rows |= dict(zip(pictures.hashes(split), pictures.rows(split).tolist(), strict=True))
    blocks: list[tuple[int, list[str]]] = []
    for number, store in enumerate(stores):
        missing = store.missing(list(rows) if number == 0 else pictures.hashes("train"))
        missing = missing[rank::world_size]
        blocks += [
            (number, missing[at : at + BLOCK_PICTURES])
            for at in range(0, len(missing), BLOCK_PICTURES)
        ]
    total = sum(len(hashes) for _, hashes in blocks)
    compute, done = forward() if total else None, 0
    for number, hashes in blocks:
        assert compute is not None
        computed: list[npt.NDArray[np.float32]] = []
        try:
            for start in range(0, len(hashes), BATCH):
                progress(done / total)
                batch_hashes = hashes[start : start + BATCH]
                pixels = [pictures.all_pixels[rows[item]] for item in batch_hashes]
                if policy and number:
                    from ml.data.augment.perturbed_views import perturbed

                    batch = perturbed(np.stack(pixels), policy, number, batch_hashes)
                else:
                    shown = zip(pixels, batch_hashes, strict=True)
                    batch = np.stack(
                        [view(one, number, item, pictures.spec) for one, item in shown]
                    )
                computed.append(compute(batch))
                done += len(batch)
        finally:  # store what is computed, also when progress() stops the work
            if computed:
                features = np.concatenate(computed)
                stores[number].add(hashes[: len(features)], features)
    progress(1.0)
    if process_group is None or process_group.is_single:
        return stores
    process_group.barrier()
    return [FeatureStore(one) for one in folders]


def policy_of(config: TrainConfig) -> str:
    """The policy that perturbs the views of a frozen network; empty but for robust training."""
    return config.augment if config.augment == "robust" else ""


def view_names(views: int, policy: str) -> list[str]:
    """The folders of the views. The first is the picture as it is, for all alike."""
    kind = "view"
    if policy:
        from ml.data.augment.perturbed_views import policy_key as key_of_policy

        kind = key_of_policy(policy)
    return ["view-0", *(f"{kind}-{number}" for number in range(1, views))]


def torch_forward(network: "Network", device: "torch.device") -> Forward:
    """Features by torch on ``device``."""
    import torch

    network.eval().to(device)

    def forward(pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        with torch.inference_mode():
            features = network.features(torch.from_numpy(pictures).to(device))
        return np.asarray(features.float().cpu().numpy(), np.float32)

    return forward


def onnx_forward(network: "Network", spec: PixelSpec, graphs: Path, threads: int) -> Forward:
    """Features by ONNX Runtime, which is several times as fast as torch on a CPU."""
    from ml.export.graph import feature_graph

    return graph_forward(feature_graph(network, spec.channels, spec.size, graphs), threads)


def graph_forward(graph: bytes, threads: int) -> Forward:
    """Features by a graph of ``pictures`` to ``features``, with ONNX Runtime.

    Each thread runs a few pictures of its own: that scales better than several on one picture.
    """
    session = open_session(graph, 1)
    pool = ThreadPoolExecutor(threads)

    def run(pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        features: npt.NDArray[np.float32] = session.run(["features"], {"pictures": pictures})[0]
        return features

    def forward(pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        starts = range(0, len(pictures), ONNX_BATCH)
        parts = [pictures[start : start + ONNX_BATCH] for start in starts]
        return np.concatenate(list(pool.map(run, parts)))

    return forward
