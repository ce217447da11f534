"""Guards around torchvision's dataset classes: checksums, unpickling and the progress bar."""

import pickle
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import numpy as np

from ml.compat.torchvision_private import replaced
from ml.data.pixels.parallel import Progress
from ml.errors import BadInputError

UNLABELLED_PICTURES = "unlabeled_X.bin"
"""The file of STL10 with its 100,000 pictures without label: it may be missing."""


@contextmanager
def guarded_reading(unofficial: list[str]) -> Iterator[None]:
    """Patch torchvision for the block: it reads files with another checksum, whose names are
    appended to ``unofficial``, and unpickles arrays alone."""
    from torchvision.datasets import cifar, flowers102, stl10, svhn, utils

    official = getattr(utils, "check_integrity", lambda path, md5: True)

    def check(path: str, md5: str | None = None) -> bool:
        name = Path(path).name
        if not Path(path).is_file():
            return name == UNLABELLED_PICTURES
        if md5 is not None and not official(path, md5):
            unofficial.append(name)
        return True

    with ExitStack() as stack:
        for module in (cifar, flowers102, stl10, svhn):
            stack.enter_context(replaced(module, "check_integrity", check))
        stack.enter_context(replaced(cifar, "pickle", SimpleNamespace(load=load_arrays)))
        yield


@contextmanager
def download_progress(progress: Progress | None) -> Iterator[None]:
    """Patch torchvision for the block: downloads call ``progress`` with the share done (0 to 1) and
    draw no bar of their own."""
    from torchvision.datasets import utils

    class Bar:
        def __init__(self, *_: Any, total: int | None = None, **__: Any) -> None:
            self.total, self.done = total, 0

        def __enter__(self) -> "Bar":
            return self

        def __exit__(self, *_: object) -> None:
            return None

        def update(self, step: int) -> None:
            self.done += step
            if progress and self.total:
                progress(min(self.done / self.total, 1.0))

    with replaced(utils, "tqdm", Bar):
        yield


class _ArraysOnly(pickle.Unpickler):
    """Unpickles containers of numbers, text and numpy arrays, and nothing that could run code."""

    def find_class(self, module: str, name: str) -> Any:
        """The few names that arrays are pickled with. Raises BadInputError for any other."""
        place = module.replace("numpy.core", "numpy._core")  # as numpy 1 called it
        if (place, name) in ALLOWED:
            return ALLOWED[place, name]
        raise BadInputError(f"it holds {module}.{name}, which is no picture")


def check_pickles_are_guarded() -> None:
    """Raises BadInputError where torchvision would unpickle CIFAR past ``guarded_reading``."""
    from torchvision.datasets import cifar

    if not hasattr(cifar, "pickle"):
        raise BadInputError("this version of torchvision would run code that its files hold")


def load_arrays(file: IO[bytes], encoding: str = "latin1") -> Any:
    """``pickle.load`` for files from anywhere."""
    return _ArraysOnly(file, encoding=encoding).load()


def _latin(text: str, encoding: str = "latin1") -> bytes:
    """``_codecs.encode`` as pickles of bytes use it."""
    if encoding not in ("latin1", "latin-1"):
        raise BadInputError(f"it holds text in {encoding}")
    return text.encode("latin1")


ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy._core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy._core.numeric", "_frombuffer"): np.empty(0).__reduce_ex__(5)[0],
    ("_codecs", "encode"): _latin,
}
"""What a pickle of arrays names, by module and name: numpy says itself how it pickles one."""
