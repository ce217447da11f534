"""The tutorial net: the two-layer convolutional network of the article."""

from typing import TYPE_CHECKING

from ml.models.registry import Inputs, register

if TYPE_CHECKING:
    from ml.models.network import Network


@register(
    "tutorial_net",
    label="Tutorial net",
    help="The two-layer network of the tutorials, with their recipe: plain SGD, batches of 64.",
    good_for="Small pictures, and seeing how little is needed to learn something.",
    parameters=27_500,
    macs=304_000,
    native_size=28,
    preset={
        "pretrained": False,
        "freeze_backbone": False,
        "optimizer": "sgd",
        "learning_rate": 0.01,
        "momentum": 0.0,
        "weight_decay": 0.0,
        "batch_size": 64,
        "schedule": "constant",
        "augment": "none",
        "label_smoothing": 0.0,
    },
)
def tutorial_net(inputs: Inputs, pretrained: bool) -> "Network":
    """3x3 convolution to 10, 3x3 convolution to 20, linear to 50, linear to the classes.

    The article's listing fits no input. Its first layer takes one channel, yet CIFAR-10 has three.
    Its first linear layer takes 320 features (20 maps of 4x4), which 5x5 kernels with pooling leave
    of 28 px, but its kernels are 3x3. Here the first layer takes the channels of the pictures, and
    the linear layer the size that the convolutions, each with ReLU and 2x2 max pooling, leave:
    20 maps of 5x5 from 28 px, of 6x6 from 32 px.
    """
    from torch import nn

    from ml.models.network import Network

    side = ((inputs.size - 2) // 2 - 2) // 2
    body = nn.Sequential(
        nn.Conv2d(inputs.channels, 10, 3),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Conv2d(10, 20, 3),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
    )
    neck = nn.Sequential(nn.Flatten(), nn.Linear(20 * side * side, 50), nn.ReLU(inplace=True))
    return Network(body, neck, nn.Linear(50, inputs.classes))
