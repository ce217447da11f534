"""Nothing that Lensmith stands on tells anybody about the people who use it."""

import os
import subprocess
import sys
from pathlib import Path

import onnx
from onnx import TensorProto, helper

from tests.conftest import ROOT

ASK = """
import sys
from ml.inference.model_folder import open_session
open_session(open(sys.argv[1], "rb").read()).run(None, {"x": [1.0]})
"""


def test_onnx_runtime_stores_no_machine_id_and_no_usage_record(
    tmp_path: Path,
) -> None:
    """What it would send it first writes into the home folder."""
    one = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    other = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [one], [other])
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    onnx.save(model, tmp_path / "model.onnx")
    home = tmp_path / "home"
    home.mkdir()
    ours = {"CI", "GITHUB_ACTIONS", "ORT_DISABLE_TELEMETRY"}  # with these it is silent by itself
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    places = dict.fromkeys(("HOME", "USERPROFILE", "XDG_CACHE_HOME", "XDG_DATA_HOME"), str(home))
    done = subprocess.run(
        [sys.executable, "-c", ASK, str(tmp_path / "model.onnx")],
        cwd=ROOT,
        env={**environment, **places, "LOCALAPPDATA": str(home)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert [path for path in home.rglob("*") if "onnxruntime" in path.name.lower()] == []
