"""Training sentences: which layers a configuration trains, and why. Light."""

from ml.config import TrainConfig

MAX_PICTURES_FOR_FROZEN = 1000
"""Up to so many pictures a head on kept features is about as good as anything slower."""


def reason(config: TrainConfig, pictures: int) -> str:
    """What is trained of the network, and what speaks for it, in one or two sentences.

    >>> reason(TrainConfig(pretrained=False), 600)
    'The whole network learns from nothing, as these settings start from no pretrained weights.'
    """
    if config.way == "scratch":
        return (
            "The whole network learns from nothing, as these settings start from no pretrained "
            "weights."
        )
    if config.way == "frozen":
        if config.augment == "robust":
            return (
                f"Only the last layer is trained, on kept features of {config.feature_views} views "
                "of each picture: as it is, and made worse."
            )
        sentence = "Only the last layer is trained, on features that are computed once and kept"
        if config.regression:
            return (
                f"{sentence}: the best one there is, found by logistic regression, and tried on "
                "pictures that it has not seen."
            )
        if pictures <= MAX_PICTURES_FOR_FROZEN:
            return f"{sentence}: of {pictures:,} pictures a whole network would learn little more."
        return f"{sentence}: that takes a small part of the time of training the whole network."
    slower = ""
    if config.layer_decay < 1:
        slower = f" Each part learns at {config.layer_decay:g} times the rate of the one above it."
    if config.way == "gradual":
        return (
            "A new last layer is fitted first; then the network is trained on, one part more at a "
            f"time from the top down, so that what it knows is not lost at once.{slower}"
        )
    return f"The whole pretrained network is trained on, all of it from the start.{slower}"
