"""The tail of an exported network: the part from its last feature map to its logits.

It is cut out of ``model.onnx``, so that what is explained is the very file that answers.
"""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ml.inference.model_folder import open_session

if TYPE_CHECKING:
    import onnx
    from onnxruntime import InferenceSession

MAP, LOGITS, PICTURES = "feature_map", "logits", "pictures"
STEP_BYTES = 2**25
"""So much of copies of a feature map goes through a tail at a time."""


class Tail:
    """Feature maps (n, D, h, w) to logits (n, K). Make one with ``cut``."""

    def __init__(self, session: "InferenceSession", shape: list[int | str | None]) -> None:
        self._session = session
        self._picture = [side for side in shape[1:] if isinstance(side, int)]

    def logits(self, maps: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Logits (n, K) of feature maps (n, D, h, w)."""
        step = max(1, STEP_BYTES // maps[:1].nbytes)
        logits = []
        for start in range(0, len(maps), step):
            block = maps[start : start + step]
            # Where an average is taken, the graph asks the pictures how many they are: no more.
            blank = np.zeros((len(block), *self._picture), np.uint8)
            logits += self._session.run([LOGITS], {PICTURES: blank, MAP: block})
        return np.concatenate(logits)


def cut(model: bytes, threads: int = 1) -> Tail | None:
    """The tail of a serialised model; None where its answers do not follow from its map.

    So it is in a vision transformer that answers by its class token: the last tokens of the places
    are not looked at any more.
    """
    import onnx  # not at the top: only who asks for a reason waits for it

    model_proto = onnx.load_model_from_string(model)
    graph = model_proto.graph
    if MAP not in {output.name for output in graph.output}:
        return None
    nodes = _needed(graph)
    if nodes is None:
        return None
    read = {name for node in nodes for name in node.input}
    pictures = next(one for one in graph.input if one.name == PICTURES)
    inputs = [pictures, next(one for one in graph.output if one.name == MAP)]
    outputs = [one for one in graph.output if one.name == LOGITS]
    weights = [tensor for tensor in graph.initializer if tensor.name in read]
    tail = onnx.helper.make_graph(nodes, "tail", inputs, outputs, weights)
    tail_model = onnx.helper.make_model(
        tail, opset_imports=model_proto.opset_import, ir_version=model_proto.ir_version
    )
    tail_model.functions.extend(model_proto.functions)
    shape = [side.dim_value or None for side in pictures.type.tensor_type.shape.dim]
    return Tail(open_session(tail_model.SerializeToString(), threads), shape)


def _needed(graph: "onnx.GraphProto") -> "list[onnx.NodeProto] | None":
    """The nodes between the map and the logits, in their order. None where there are none, or
    where the logits need something else of the pictures than how many they are."""
    by_output = {name: place for place, node in enumerate(graph.node) for name in node.output}
    waiting, places, uses_map = [LOGITS], set[int](), False
    while waiting:
        name = waiting.pop()
        if name == MAP:
            uses_map = True
        elif name in by_output and by_output[name] not in places:
            places.add(by_output[name])
            node = graph.node[by_output[name]]
            if PICTURES in node.input and node.op_type != "Shape":
                return None
            waiting += node.input
    return [graph.node[place] for place in sorted(places)] if uses_map else None
