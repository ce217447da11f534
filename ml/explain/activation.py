"""Class activation maps from the exported file (Grad-CAM, HiResCAM), without gradients.

Each place of the map is weakened a little in turn, and the rest of the network, which is short,
says how much that takes from each class: its gradient times the map, place by place, which is
HiResCAM (Draelos and Carin 2020, https://arxiv.org/abs/2011.08891). Where a network ends in an
average and a linear layer, as most do, that is the class activation map (Zhou et al. 2016,
https://arxiv.org/abs/1512.04150), and so is Grad-CAM there (Selvaraju et al. 2017,
https://arxiv.org/abs/1610.02391). Elsewhere Grad-CAM averages gradients over all places first, and
then shows places that the network does not use. To blank a place instead would hide what a maximum
takes from it: its neighbour, next best, stands in.
"""

import numpy as np
import numpy.typing as npt

from ml.explain.tail import Tail

ATTENUATION = 2.0**-6
"""By which share each place is weakened: little, so that no other place takes over in a maximum,
and enough for single precision."""


def contributions(tail: Tail, feature_map: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """What each place of a map (D, h, w) adds to each class's logit: (K, h, w)."""
    depth, rows, columns = feature_map.shape
    places = rows * columns
    weaker = np.repeat(feature_map[None], places, axis=0).reshape(places, depth, places)
    weaker[np.arange(places), :, np.arange(places)] *= np.float32(1 - ATTENUATION)
    with_all = tail.logits(feature_map[None])
    lost = (with_all - tail.logits(weaker.reshape(places, depth, rows, columns))) / ATTENUATION
    return np.asarray(lost.T.reshape(-1, rows, columns), np.float32)
