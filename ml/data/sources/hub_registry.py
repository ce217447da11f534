"""The registry of hubs: ``@named_source`` registers one, from which datasets come by their name.

A hub is one module in ``ml/data/sources/hubs``. The command line, the catalogue, ingest and the
list on the page Data follow from what it declares.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from ml.data.pixels.parallel import Progress
from ml.data.sources import hubs as modules
from ml.data.sources.listing import Listing
from ml.errors import BadInputError
from ml.utils.paths import absolute_path
from ml.utils.submodules import import_submodules
from ml.workspace import Workspace


class NamedSet(Protocol):
    """A dataset of a hub, as lists show it: ``words`` is a line that describes it."""

    @property
    def name(self) -> str:
        """What it is asked for by."""

    @property
    def title(self) -> str:
        """Its name for people."""

    @property
    def words(self) -> str:
        """A line that describes it."""

    @property
    def licence(self) -> str:
        """What its pictures are under, "" where that is not known."""


Load = Callable[[Workspace, Any, Path | None, Progress], Listing]


@dataclass(frozen=True)
class Hub:
    """A place that has datasets by name.

    Attributes:
        name: what stands before the colon, as in ``torchvision:cifar10``.
        label: the hub for people.
        help: what the list of its sets is called on the page Data.
        list: the sets that are offered, each a ``NamedSet``. It asks no network.
        load: gives the pictures of one of them: ``load(workspace, set, root, progress)``, where
            ``root`` is the folder with its files or None. Raises BadInputError where it cannot.
        licence: of sets that name none of their own.
    """

    name: str
    label: str
    help: str
    list: Callable[[], Iterable[NamedSet]]
    load: Load
    licence: str = ""

    def folder(self, workspace: Workspace, named_set: NamedSet, root: Path | None) -> Path:
        """Where the files of a set lie: ``root``, or a folder of the workspace."""
        return absolute_path(root) if root else workspace.root / self.name / named_set.name

    def listing(
        self, workspace: Workspace, named_set: NamedSet, root: Path | None, progress: Progress
    ) -> Listing:
        """The pictures of a set, which say what the hub says of it where they do not themselves.

        Raises:
            BadInputError: it is not there and cannot be had, or its files are damaged.
        """
        listing = self.load(workspace, named_set, root, progress)
        licence = named_set.licence or self.licence
        about = {"title": named_set.title, "description": named_set.words, "licence": licence}
        about = {key: value for key, value in about.items() if value}
        return replace(listing, about={**about, **listing.about})


_hubs: dict[str, Hub] = {}


def named_source(
    name: str,
    *,
    label: str,
    help: str,
    list: Callable[[], Iterable[NamedSet]],
    licence: str = "",
) -> Callable[[Load], Load]:
    """Register the decorated function as ``load`` of a ``Hub`` with these attributes.

    Raises:
        ValueError: there is a hub of that name already.
    """

    def decorate(load: Load) -> Load:
        if name in _hubs:
            raise ValueError(f"There are two hubs named {name}.")
        _hubs[name] = Hub(name, label, help, list, load, licence)
        return load

    return decorate


def all_hubs() -> list[Hub]:
    """Every hub, in the order of their modules' names. One that cannot be imported is left out."""
    import_submodules(modules)
    return [*_hubs.values()]


def find(text: str) -> tuple[Hub, NamedSet] | None:
    """The set that a person means by ``text``, such as ``CIFAR-10`` or ``torchvision:cifar10``.

    Raises:
        BadInputError: ``text`` names a hub, and that has no such set.
    """
    for hub in all_hubs():
        prefix = f"{hub.name}:"
        plain_name = _plain(text.removeprefix(prefix))
        sets = [*hub.list()]
        named_set = next(
            (one for one in sets if plain_name in (_plain(one.name), _plain(one.title))), None
        )
        if named_set:
            return hub, named_set
        if text.startswith(prefix):
            raise BadInputError(
                f"{text.removeprefix(prefix)[:80]!r} is none of {hub.label}'s sets that are "
                f"known here: {', '.join(one.name for one in sets)}."
            )
    return None


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())
