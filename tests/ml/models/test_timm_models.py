"""timm models: body and neck match timm's own, weights are fetched, hashed, licensed, offline."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from ml.data.pixels.pixels import PixelSpec
from ml.errors import BadInputError, MLError
from ml.export.onnx import export_onnx
from ml.models import Inputs, build, get
from ml.models.timm_weights import WeightsSource, fetch_weights, needs_acceptance
from tests.ml.models.test_every_model import fit

HAS_TIMM = all(find_spec(name) for name in ("timm", "safetensors"))
needs_timm = pytest.mark.skipif(not HAS_TIMM, reason="timm and safetensors are not installed")
MAX_PARAMETERS = 30_000_000
NAME = "timm/hgnetv2_b0.ssld_stage2_ft_in1k"


class Hub:
    """A server of one file that names its SHA-256 as Hugging Face's hub does."""

    def __init__(self, content: bytes, names_hash: bool = True) -> None:
        self.asked: list[str] = []
        self.sha256 = hashlib.sha256(content).hexdigest()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                outer.asked.append(f"HEAD {self.path}")
                self.send_response(302)
                if names_hash:
                    self.send_header("X-Linked-ETag", f'"{outer.sha256}"')
                self.send_header("Location", "/storage")
                self.end_headers()

            def do_GET(self) -> None:
                outer.asked.append(f"GET {self.path}")
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(autouse=True)
def _own_weights_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


@pytest.fixture(params=[True, False], ids=["hash named", "no hash"])
def hub(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    server = Hub(bytes(range(256)) * 2048, names_hash=request.param)
    monkeypatch.setenv("LENSMITH_WEIGHTS", server.address)
    yield server
    server.close()


SOURCE = WeightsSource(repository="timm/net", file="model.safetensors", licence="apache-2.0")


def test_timm_weights_are_downloaded_once_and_named_by_their_hash(hub: Hub) -> None:
    shares: list[float] = []
    path = fetch_weights("timm/net", SOURCE, shares.append)
    assert path.name == f"timm--net-{hub.sha256[:16]}.safetensors"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == hub.sha256
    assert shares[-1] == 1.0
    before = list(hub.asked)
    assert fetch_weights("timm/net", SOURCE) == path
    assert hub.asked == before
    assert "GET /timm/net/resolve/main/model.safetensors" in before


def test_damaged_timm_weights_are_downloaded_again(hub: Hub) -> None:
    path = fetch_weights("timm/net", SOURCE)
    path.write_bytes(b"damaged")
    path = fetch_weights("timm/net", SOURCE)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == hub.sha256


def test_timm_weights_offline_are_one_sentence_with_the_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LENSMITH_WEIGHTS", "http://127.0.0.1:9")  # nobody answers there
    with pytest.raises(MLError, match=r"timm/net .*Connect to the internet.*checkpoints"):
        fetch_weights("timm/net", SOURCE)


@pytest.mark.parametrize("licence", ["cc-by-nc-4.0", "other", ""])
def test_restricted_weights_are_refused_until_accepted(
    licence: str, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = WeightsSource(repository="timm/net", file="model.safetensors", licence=licence)
    with pytest.raises(BadInputError, match="LENSMITH_ACCEPT_LICENCES"):
        fetch_weights("timm/net", source)
    assert hub.asked == []
    monkeypatch.setenv("LENSMITH_ACCEPT_LICENCES", f"mit,{licence or 'unknown'}")
    assert not needs_acceptance(source)
    assert fetch_weights("timm/net", source).is_file()


def test_without_timm_a_sentence_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ml.models.timm_models.find_spec", lambda name: None)
    with pytest.raises(BadInputError, match="pip install timm safetensors"):
        get("timm/levit_256")


@needs_timm
def test_an_unknown_timm_model_is_refused_with_names_near_it() -> None:
    with pytest.raises(BadInputError, match=r"no model named resnet18x.* resnet18"):
        get("timm/resnet18x")


@needs_timm
def test_timm_weights_from_a_server_give_the_features_of_timm(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import timm
    from safetensors.torch import save

    torch.manual_seed(3)
    published = timm.create_model(NAME.removeprefix("timm/"), pretrained=False).eval()
    server = Hub(save(published.state_dict()))
    monkeypatch.setenv("LENSMITH_WEIGHTS", server.address)
    try:
        network = build(NAME, Inputs(3, 224, 4), pretrained=True).eval()
    finally:
        server.close()
    assert get(NAME).has_weights_file
    pictures = torch.randint(0, 256, (2, 224, 224, 3), dtype=torch.uint8)
    mean, std = (
        torch.tensor(published.pretrained_cfg[key]).view(3, 1, 1) for key in ("mean", "std")
    )
    with torch.inference_mode():
        normalised = (pictures.permute(0, 3, 1, 2) / 255 - mean) / std
        expected = published.forward_head(published.forward_features(normalised), pre_logits=True)
        features = network.features(pictures)
    torch.testing.assert_close(features, expected.flatten(1), atol=1e-4, rtol=1e-4)


def smallest_of_each_family() -> list[str]:
    """The smallest model below the limit in each module of timm, by its parameters on meta."""
    if not HAS_TIMM:
        return ["timm"]
    import timm

    chosen = []
    for module in timm.list_modules():
        sizes = []
        for name in timm.list_models(module=module):
            with torch.device("meta"):
                try:
                    model = timm.create_model(name, pretrained=False, num_classes=10)
                except (RuntimeError, NotImplementedError):
                    continue  # it computes with values when it is made
            sizes.append((sum(one.numel() for one in model.parameters()), name))
        if sizes and min(sizes)[0] < MAX_PARAMETERS:
            chosen.append(min(sizes)[1])
    return chosen


def trains_exports_and_predicts(name: str, folder: Path) -> None:
    """Two steps of training, an export, and the same logits from ONNX Runtime."""
    size = get(name).native_size
    inputs = Inputs(3, size, 3)
    torch.manual_seed(1)
    network = build(name, inputs)
    before = [one.clone() for one in network.parameters()]
    fit(network, 2, inputs)
    assert any(not torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))
    path = folder / "model.onnx"
    export_onnx(network, PixelSpec(size), path, {"classes": ["a", "b", "c"]})
    pictures = torch.randint(0, 256, (2, size, size, 3), dtype=torch.uint8)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    given = session.run(["logits"], {"pictures": pictures.numpy()})[0]
    with torch.inference_mode():
        expected = network.eval()(pictures).numpy()
    np.testing.assert_allclose(given, expected, atol=1e-3, rtol=1e-3)


@needs_timm
@pytest.mark.slow
def test_a_timm_model_trains_exports_and_predicts_the_same(tmp_path: Path) -> None:
    trains_exports_and_predicts("timm/mobilenetv3_small_050", tmp_path)


@needs_timm
@pytest.mark.every_model
def test_every_timm_family_trains_exports_and_predicts(tmp_path: Path) -> None:
    failed = {}
    for name in smallest_of_each_family():
        try:
            trains_exports_and_predicts(f"timm/{name}", tmp_path)
        except Exception as error:
            failed[name] = str(error)[:200]
    assert not failed
