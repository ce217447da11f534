"""The torchvision datasets that are known by name: where each comes from and under what licence."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TorchSet:
    """One of torchvision's sets. ``folder`` is where its files lie below the root, ``archives``
    what it is downloaded as, ``words`` a line that describes it."""

    name: str
    title: str
    words: str
    folder: str
    url: str
    archives: tuple[str, ...]
    licence: str = ""


_OXFORD = "https://www.robots.ox.ac.uk/~vgg/data/"
_ROWS = (
    TorchSet(
        "cifar10", "CIFAR-10", "CIFAR-10: 60,000 tiny colour photos of 10 kinds of thing",
        "cifar-10-batches-py", "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
        ("cifar-10-python.tar.gz",),
    ),
    TorchSet(
        "cifar100", "CIFAR-100", "CIFAR-100: 60,000 tiny colour photos of 100 kinds of thing",
        "cifar-100-python", "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
        ("cifar-100-python.tar.gz",),
    ),
    TorchSet(
        "mnist", "MNIST", "MNIST: 70,000 handwritten digits, grey, 28 pixels a side",
        "MNIST/raw", "https://ossci-datasets.s3.amazonaws.com/mnist/train-labels-idx1-ubyte.gz",
        (), "CC BY-SA 3.0",
    ),
    TorchSet(
        "fashion_mnist", "Fashion-MNIST", "Fashion-MNIST: 70,000 clothes, grey, 28 pixels",
        "FashionMNIST/raw",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/train-labels-idx1-ubyte.gz",
        (), "MIT",
    ),
    TorchSet(
        "svhn", "SVHN", "SVHN: 99,289 house numbers in colour, digit by digit, 32 pixels",
        ".", "http://ufldl.stanford.edu/housenumbers/test_32x32.mat",
        ("train_32x32.mat", "test_32x32.mat"),
    ),
    TorchSet(
        "stl10", "STL10", "STL10: 13,000 small colour photos of 10 kinds of thing, 96 pixels",
        "stl10_binary", "http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz",
        ("stl10_binary.tar.gz",),
    ),
    TorchSet(
        "eurosat", "EuroSAT", "EuroSAT: 27,000 pieces of land seen by a satellite, 10 uses",
        "eurosat/2750", "https://huggingface.co/datasets/torchgeo/eurosat",
        ("eurosat/EuroSAT.zip",), "MIT",
    ),
    TorchSet(
        "flowers102", "Flowers102", "Flowers102: 8,189 photos of 102 kinds of flower",
        "flowers-102", f"{_OXFORD}flowers/102/setid.mat", ("flowers-102/102flowers.tgz",),
    ),
    TorchSet(
        "oxford_pets", "Oxford-IIIT Pet", "Oxford-IIIT Pet: 7,349 cats and dogs of 37 breeds",
        "oxford-iiit-pet", f"{_OXFORD}pets/data/annotations.tar.gz",
        ("oxford-iiit-pet/images.tar.gz", "oxford-iiit-pet/annotations.tar.gz"), "CC BY-SA 4.0",
    ),
    TorchSet(
        "gtsrb", "GTSRB", "GTSRB: 39,270 photos of 43 German traffic signs",
        "gtsrb", "https://sid.erda.dk/public/archives/daaeac0d7ce1152aea9b61d9f1e19370/",
        ("gtsrb/GTSRB-Training_fixed.zip",),
    ),
)  # fmt: skip
SETS = {row.name: row for row in _ROWS}
