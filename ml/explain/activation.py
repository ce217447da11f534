"""Where in its last feature map a network found what it answered: Grad-CAM, without gradients.

Each place of the map is blanked in turn, and the rest of the network, which is short, says what
that takes from each class. Where a network ends in an average and a linear layer, as most do, a
place takes exactly sum_d w_d a_d / (h w): the class activation map (Zhou et al. 2016,
https://arxiv.org/abs/1512.04150), which is what Grad-CAM is there (Selvaraju et al. 2017,
https://arxiv.org/abs/1610.02391). Where the end is linear but place by place, it is HiResCAM
(Draelos and Carin 2020, https://arxiv.org/abs/2011.08891): Grad-CAM averages gradients over all
places first, and then shows places that the network does not use. Elsewhere it measures the same.
"""

import numpy as np
import numpy.typing as npt

from ml.explain.tail import Tail


def contributions(tail: Tail, feature_map: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """What each place of a map (D, h, w) adds to each class's logit: (K, h, w)."""
    depth, rows, columns = feature_map.shape
    places = rows * columns
    blanked = np.repeat(feature_map[None], places, axis=0).reshape(places, depth, places)
    blanked[np.arange(places), :, np.arange(places)] = 0
    with_all = tail.logits(feature_map[None])
    lost = with_all - tail.logits(blanked.reshape(places, depth, rows, columns))
    return np.asarray(lost.T.reshape(-1, rows, columns), np.float32)
