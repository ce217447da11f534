"""The preset levels: how much effort a training makes. Adding one is one entry of ``LEVELS``."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Level:
    """What a preset sets, by how a network is trained.

    Args:
        head_epochs: of a new head on a frozen backbone, and of fine-tuning.
        feature_views: of each picture that a frozen backbone sees.
        scratch_steps: optimizer steps from scratch: some thousand, whatever the number of pictures.
        scratch_epochs: the fewest and the most epochs from scratch.
    """

    head_epochs: int
    feature_views: int
    scratch_steps: int
    scratch_epochs: tuple[int, int]


LEVELS = {
    "quick": Level(head_epochs=5, feature_views=1, scratch_steps=400, scratch_epochs=(2, 10)),
    "balanced": Level(head_epochs=10, feature_views=4, scratch_steps=2000, scratch_epochs=(8, 30)),
    "thorough": Level(
        head_epochs=30, feature_views=8, scratch_steps=16_000, scratch_epochs=(20, 80)
    ),
}
"""From the least effort to the most."""
DEFAULT_LEVEL = "balanced"
MOST_EFFORT = list(LEVELS)[-1]
