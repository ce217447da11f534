"""What each kind of edit does to the classes and items of a version. Pure."""

from collections.abc import Callable, Sequence
from typing import Any

from ml.data.edits import validation
from ml.data.splits.splits import draw_test, in_test, pin_test, settle
from ml.data.store.item import Item
from ml.errors import BadInputError

MOST_SENTENCES = 4
WORDS = {"train": "kept for training", "val": "kept for validation", "test": "kept for the test"}
FREE = "dealt to training or validation again"
NOT_COMPARABLE = "Scores from before and after cannot be compared."


class Draft:
    """A version under change: ``change`` for each edit, then ``finish``."""

    def __init__(self, classes: Sequence[str], items: Sequence[Item]) -> None:
        self.before = (tuple(classes), tuple(items))
        self.classes = list(classes)
        # Where it was not decided yet, the test set is, before anything else changes.
        self._pinned = settle(pin_test(classes, items))
        self.items = list(self._pinned)
        self.gone: set[int] = set()
        self._moved: set[int] = set()
        self._said: dict[str, int] = {}
        self._other_test = False

    def change(self, edit: Any) -> None:
        """Do one edit.

        Raises:
            BadInputError: it is none, or cannot be done.
        """
        kind = edit.get("do") if isinstance(edit, dict) else None
        if not isinstance(kind, str) or kind not in KINDS:
            raise BadInputError(f"{edit!r:.80} is no edit. The kinds are: {', '.join(KINDS)}.")
        method, takes = KINDS[kind]
        if set(edit) != {"do", *takes}:
            raise BadInputError(f"The edit {kind} takes {', '.join(takes)}, not {edit!r:.80}.")
        known = validation.Known(self.classes, len(self.items))
        method(self, *(check(known, edit[name]) for name, check in takes.items()))

    def finish(self) -> tuple[tuple[str, ...], tuple[Item, ...], str]:
        """Classes, items, and what changed in a sentence or a few."""
        if not self._said:
            return (*self.before, "Nothing changed.")
        items = self._with_a_test(self._kept())
        said = [_pictures(n, text) if n else text for text, n in self._said.items()]
        if len(said) > MOST_SENTENCES:
            rest = len(said) - MOST_SENTENCES + 1
            said = [*said[: MOST_SENTENCES - 1], f"And {rest} more changes."]
        if self._other_test:
            said.append(NOT_COMPARABLE)
        return tuple(self.classes), items, " ".join(said)

    def relabel(self, items: list[int], label: int) -> None:
        """Move items to a class."""
        moved = [n for n in items if self.items[n].label != label]
        for n in moved:
            self.items[n] = self.items[n]._replace(label=label)
        self._moved.update(moved)
        self._say(f"moved to {self.classes[label]}.", moved)

    def exclude(self, items: list[int]) -> None:
        """Take items out of every split."""
        self._mark(items, True, "excluded.")

    def include(self, items: list[int]) -> None:
        """Take excluded items in again."""
        self._mark(items, False, "included again.")

    def delete(self, items: list[int]) -> None:
        """Take items out of this version; earlier ones keep them."""
        deleted = [n for n in items if n not in self.gone]
        self.gone.update(deleted)
        self._say("deleted.", deleted)

    def add_class(self, name: str) -> None:
        """A class more, at the end, without pictures."""
        self._must_be_new(name)
        self.classes.append(name)
        self._say(f"Class {name} added.")

    def rename_class(self, old: int, new: str) -> None:
        """Another name for a class."""
        if self.classes[old] == new:
            return
        self._must_be_new(new, but=old)
        self._say(f"Class {self.classes[old]} renamed to {new}.")
        self.classes[old] = new

    def merge_classes(self, names: list[int], into: str) -> None:
        """Make one class of several, at the place of ``into`` or else of the first."""
        if into in self.classes:
            names = list(dict.fromkeys([self.classes.index(into), *names]))
        if len(names) < 2:
            raise BadInputError("To merge takes two classes at least. Name another.")
        if into not in self.classes:
            self._must_be_new(into, *(self.classes[n] for n in names))
        others = [self.classes[n] for n in names if self.classes[n] != into]
        target = names[0] if into in self.classes else min(names)
        for n, item in enumerate(self.items):
            if item.label in names:
                self.items[n] = item._replace(label=target)
                self._moved.add(n)
        self.classes[target] = into
        self._drop_classes(set(names) - {target})
        self._say(f"{_listed(others)} merged into {into}.")

    def remove_class(self, name: int) -> None:
        """Take a class out, with its pictures."""
        inside = [n for n, i in enumerate(self.items) if i.label == name and n not in self.gone]
        shown, count = self.classes[name], _pictures(len(inside), "").strip()
        self.gone.update(inside)
        self._drop_classes({name})
        self._say(f"Class {shown} removed{f' with its {count}' if inside else ''}.")

    def order_classes(self, names: list[int]) -> None:
        """The classes in another order."""
        if sorted(names) != list(range(len(self.classes))):
            raise BadInputError("Another order has each class once. Name all of them.")
        if names == sorted(names):
            return
        self.classes = [self.classes[n] for n in names]
        self._renumber({old: new for new, old in enumerate(names)})
        self._say("Classes put in another order.")

    def set_groups(self, groups: list[str | None]) -> None:
        """Which items must stay on one side of a split."""
        changed = [n for n, group in enumerate(groups) if self.items[n].group != group]
        for n in changed:
            self.items[n] = self.items[n]._replace(group=groups[n])
        if changed:
            count = len(set(groups) - {None})
            self._say(
                f"Pictures kept together in {count:,} groups." if count else "Groups removed."
            )

    def draw_test(self, seed: int) -> None:
        """Another test set, for good."""
        kept = [n for n in range(len(self.items)) if n not in self.gone]
        drawn = draw_test([self.items[n] for n in kept], seed)
        for n, item in zip(kept, drawn, strict=True):
            self.items[n] = item
        self._say(f"Another test set drawn ({_pictures(int(in_test(drawn).sum()), '')}).")
        self._other_test = True

    def set_split(self, items: list[int], split: str | None) -> None:
        """Decide the split of items, or leave it to be dealt."""
        changed = [n for n in items if self.items[n].split != split]
        before = in_test(self.items)
        for n in changed:
            self.items[n] = self.items[n]._replace(split=split)
        self._say(f"{WORDS[split] if split else FREE}.", changed)
        if (before != in_test(self.items)).any():
            self._other_test = True

    def _say(self, text: str, items: Sequence[int] | None = None) -> None:
        """``text`` is a sentence, or what happened to ``items``, which are counted."""
        if items is None:
            self._said[text] = 0
        elif items:
            self._said[text] = self._said.get(text, 0) + len(items)

    def _mark(self, items: list[int], excluded: bool, text: str) -> None:
        changed = [n for n in items if self.items[n].excluded != excluded]
        for n in changed:
            self.items[n] = self.items[n]._replace(excluded=excluded)
        self._say(text, changed)

    def _must_be_new(self, name: str, *but_names: str, but: int | None = None) -> None:
        for n, known in enumerate(self.classes):
            if n != but and known not in but_names and known.casefold() == name.casefold():
                raise BadInputError(
                    f"There is a class {known} already. Merge them, or choose another name."
                )

    def _drop_classes(self, dropped: set[int]) -> None:
        left = [n for n in range(len(self.classes)) if n not in dropped]
        self.classes = [self.classes[n] for n in left]
        self._renumber({old: new for new, old in enumerate(left)} | dict.fromkeys(dropped, 0))

    def _renumber(self, label_of: dict[int, int]) -> None:
        self.items = [item._replace(label=label_of[item.label]) for item in self.items]

    def _with_a_test(self, items: tuple[Item, ...]) -> tuple[Item, ...]:
        """Where none of the test set is left, another is drawn, and that is said."""
        left = any(not item.excluded for item in items)
        if not left or in_test(items).any() or not in_test(self._pinned).any():
            return items
        self._say("No picture of the test set is left, so another was drawn.")
        self._other_test = True
        return tuple(draw_test(items, 0))

    def _kept(self) -> tuple[Item, ...]:
        """The items that are left; a picture that came to where it is already is there once."""
        alike: dict[tuple[str, int, str | None], list[int]] = {}
        for n, item in enumerate(self.items):
            if n not in self.gone:
                alike.setdefault((item.hash, item.label, item.split), []).append(n)
        for same in alike.values():
            if len(same) > 1 and self._moved.intersection(same):
                stays = min(same, key=lambda n: (self.items[n].excluded, n))
                self.gone.update(n for n in same if n != stays)
        return tuple(item for n, item in enumerate(self.items) if n not in self.gone)


def _pictures(count: int, text: str) -> str:
    return f"{count:,} picture{'' if count == 1 else 's'} {text}".strip()


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


KINDS: dict[str, tuple[Callable[..., None], dict[str, validation.Check]]] = {
    "relabel": (Draft.relabel, {"items": validation.items, "label": validation.class_}),
    "exclude": (Draft.exclude, {"items": validation.items}),
    "include": (Draft.include, {"items": validation.items}),
    "delete": (Draft.delete, {"items": validation.items}),
    "add_class": (Draft.add_class, {"name": validation.name}),
    "rename_class": (Draft.rename_class, {"old": validation.class_, "new": validation.name}),
    "merge_classes": (Draft.merge_classes, {"names": validation.classes, "into": validation.name}),
    "remove_class": (Draft.remove_class, {"name": validation.class_}),
    "order_classes": (Draft.order_classes, {"names": validation.classes}),
    "set_groups": (Draft.set_groups, {"groups": validation.groups}),
    "draw_test": (Draft.draw_test, {"seed": validation.seed}),
    "set_split": (Draft.set_split, {"items": validation.items, "split": validation.split}),
}
