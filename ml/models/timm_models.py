"""Models of timm (PyTorch Image Models) by name, such as ``timm/levit_256.fb_dist_in1k``.

timm is an optional package (Wightman 2019, https://doi.org/10.5281/zenodo.4414861). A page must not
import torch, so a child process describes a model once; the description stays beside the weights.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml.errors import BadInputError
from ml.models.download import weights_folder
from ml.models.registry import Inputs, ModelInfo
from ml.models.timm_weights import WeightsSource, fetch_weights, needs_acceptance, stored_file
from ml.utils.files import read_json, write_json

if TYPE_CHECKING:
    from ml.models.network import Network

PREFIX = "timm/"
PACKAGES = ("timm", "safetensors")
PRESET = {"optimizer": "adamw", "weight_decay": 5e-2, "batch_size": 64}
MIN_SIZE = 32
CHILD_TIMEOUT_SECONDS = 120


def is_timm_name(name: str) -> bool:
    """Whether ``name`` names a model of timm."""
    return name.startswith(PREFIX)


def get_timm_model(name: str) -> ModelInfo:
    """The description of the timm model ``name``, such as ``timm/resnet18.a1_in1k``.

    Raises:
        BadInputError: timm is not installed, or has no such model.
    """
    missing = [package for package in PACKAGES if find_spec(package) is None]
    if missing:
        raise BadInputError(
            f"{name} is a model of timm, which is not installed. Install it with: "
            f"pip install {' '.join(missing)}"
        )
    facts = _facts(name)
    source = WeightsSource(**facts["weights"])
    file = stored_file(name, source)
    size, licence = int(facts["size"]), source.licence or "unknown licence"
    help_text = f"A model of timm. The licence of its weights: {licence}."
    if needs_acceptance(source):
        help_text += " They are refused until you accept it."
    return ModelInfo(
        name=name,
        label=name,
        help=help_text,
        good_for="Photos, where its published accuracy a millisecond suits you.",
        parameters=int(facts["parameters"]),
        macs=int(facts["macs"]),
        native_size=size,
        builder=partial(_build, name, source),
        pretrained=source.exists,
        download=round(int(facts["parameters"]) * 4 / 1e6) if source.exists else 0,
        weights=file.name if file else "",
        fetch=_fetching(name, source) if source.exists else None,
        min_size=size if facts["fixed_size"] else MIN_SIZE,
        preset=PRESET,
        origin="timm",
        licence=source.licence or ("unknown" if source.exists else ""),
    )


def _fetching(name: str, source: WeightsSource) -> Callable[[Callable[[float], None]], object]:
    return partial(fetch_weights, name, source)


def _build(name: str, source: WeightsSource, inputs: Inputs, pretrained: bool) -> "Network":
    from ml.models.timm_network import build_network

    file = fetch_weights(name, source) if pretrained else None
    return build_network(name.removeprefix(PREFIX), inputs, file)


def _facts(name: str) -> dict[str, Any]:
    """What ``ml.models.timm_network.describe`` says, by this version of timm."""
    model = name.removeprefix(PREFIX)
    safe_name = "".join(c if c.isalnum() or c in "._-" else "-" for c in model)[:120]
    path = weights_folder() / "timm" / f"{safe_name}-timm{metadata.version('timm')}.json"
    stored = read_json(path)
    if isinstance(stored, dict) and stored.get("name") == model:
        return stored
    facts = _describe(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, facts)
    return facts


def _describe(model: str) -> dict[str, Any]:
    """Describe in this process where it has torch already, else in a child.

    Raises:
        BadInputError: timm has no such model.
    """
    if "torch" in sys.modules:
        from ml.models.timm_network import describe

        return describe(model)
    root = str(Path(__file__).resolve().parents[2])
    command = [sys.executable, "-m", "ml.models.timm_network", model]
    child = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=root,
        timeout=CHILD_TIMEOUT_SECONDS,
        check=False,
    )
    lines = child.stdout.splitlines()
    if child.returncode or not lines:
        reason = (child.stderr.strip().splitlines() or ["it gave no answer"])[-1]
        raise BadInputError(f"timm could not describe {model}: {reason[:200]}")
    answer: dict[str, Any] = json.loads(lines[-1])
    if "error" in answer:
        raise BadInputError(str(answer["error"]))
    return answer
