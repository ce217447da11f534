"""Apply edits: what each kind does to the classes and items of a version. Pure."""

from collections.abc import Callable, Sequence
from typing import Any

from ml.data.edits import validation
from ml.data.splits.splits import draw_test, in_test, normalised_splits, pin_test
from ml.data.store.item import Item
from ml.errors import BadInputError

MAX_SENTENCES = 4
SPLIT_PHRASES = {
    "train": "kept for training",
    "val": "kept for validation",
    "test": "kept for the test",
}
UNDECIDED_PHRASE = "dealt to training or validation again"
NOT_COMPARABLE = "Scores from before and after cannot be compared."


class Draft:
    """A version under change: call ``change`` for each edit, then ``finish``."""

    def __init__(self, classes: Sequence[str], items: Sequence[Item]) -> None:
        self.before = (tuple(classes), tuple(items))
        self.classes = list(classes)
        # An undecided test set is decided before anything else changes.
        self._pinned = normalised_splits(pin_test(classes, items))
        self.items = list(self._pinned)
        self.deleted: set[int] = set()
        self._relabelled: set[int] = set()
        self._counts: dict[str, int] = {}
        self._other_test = False

    def change(self, edit: Any) -> None:
        """Do one edit.

        Raises:
            BadInputError: ``edit`` is not an edit, or cannot be done.
        """
        kind = edit.get("do") if isinstance(edit, dict) else None
        if not isinstance(kind, str) or kind not in KINDS:
            raise BadInputError(f"{edit!r:.80} is no edit. The kinds are: {', '.join(KINDS)}.")
        method, checks = KINDS[kind]
        if set(edit) != {"do", *checks}:
            raise BadInputError(f"The edit {kind} takes {', '.join(checks)}, not {edit!r:.80}.")
        context = validation.EditContext(self.classes, len(self.items))
        method(self, **{name: check(context, edit[name]) for name, check in checks.items()})

    def finish(self) -> tuple[tuple[str, ...], tuple[Item, ...], str]:
        """The classes, the items, and what changed in at most five sentences."""
        if not self._counts:
            return (*self.before, "Nothing changed.")
        items = self._with_test(self._remaining_items())
        sentences = [_pictures(n, text) if n else text for text, n in self._counts.items()]
        if len(sentences) > MAX_SENTENCES:
            omitted = len(sentences) - MAX_SENTENCES + 1
            sentences = [*sentences[: MAX_SENTENCES - 1], f"And {omitted} more changes."]
        if self._other_test:
            sentences.append(NOT_COMPARABLE)
        return tuple(self.classes), items, " ".join(sentences)

    def relabel(self, items: list[int], label: int) -> None:
        """Move items to the class with the index ``label``."""
        moved = [n for n in items if self.items[n].label != label]
        for n in moved:
            self.items[n] = self.items[n]._replace(label=label)
        self._relabelled.update(moved)
        self._record(f"moved to {self.classes[label]}.", moved)

    def exclude(self, items: list[int]) -> None:
        """Take items out of every split."""
        self._set_excluded(items, True, "excluded.")

    def include(self, items: list[int]) -> None:
        """Put excluded items back into the splits."""
        self._set_excluded(items, False, "included again.")

    def delete(self, items: list[int]) -> None:
        """Remove items from this version; earlier versions still have them."""
        deleted = [n for n in items if n not in self.deleted]
        self.deleted.update(deleted)
        self._record("deleted.", deleted)

    def add_class(self, name: str) -> None:
        """Append a class without pictures."""
        self._check_new_class(name)
        self.classes.append(name)
        self._record(f"Class {name} added.")

    def rename_class(self, old: int, new: str) -> None:
        """Rename the class with the index ``old``."""
        if self.classes[old] == new:
            return
        self._check_new_class(new, but=old)
        self._record(f"Class {self.classes[old]} renamed to {new}.")
        self.classes[old] = new

    def merge_classes(self, names: list[int], into: str) -> None:
        """Merge classes into one, at the index of ``into`` or else of the first."""
        if into in self.classes:
            names = list(dict.fromkeys([self.classes.index(into), *names]))
        if len(names) < 2:
            raise BadInputError("To merge takes two classes at least. Name another.")
        if into not in self.classes:
            self._check_new_class(into, *(self.classes[n] for n in names))
        merged_names = [self.classes[n] for n in names if self.classes[n] != into]
        target = names[0] if into in self.classes else min(names)
        for n, item in enumerate(self.items):
            if item.label in names:
                self.items[n] = item._replace(label=target)
                self._relabelled.add(n)
        self.classes[target] = into
        self._drop_classes(set(names) - {target})
        self._record(f"{_and_list(merged_names)} merged into {into}.")

    def remove_class(self, name: int) -> None:
        """Remove the class with the index ``name``, and its pictures."""
        inside = [n for n, i in enumerate(self.items) if i.label == name and n not in self.deleted]
        shown, count = self.classes[name], _pictures(len(inside), "").strip()
        self.deleted.update(inside)
        self._drop_classes({name})
        self._record(f"Class {shown} removed{f' with its {count}' if inside else ''}.")

    def order_classes(self, names: list[int]) -> None:
        """Reorder the classes."""
        if sorted(names) != list(range(len(self.classes))):
            raise BadInputError("Another order has each class once. Name all of them.")
        if names == sorted(names):
            return
        self.classes = [self.classes[n] for n in names]
        self._renumber({old: new for new, old in enumerate(names)})
        self._record("Classes put in another order.")

    def set_groups(self, groups: list[str | None]) -> None:
        """Set the group of every item: items of a group stay on one side of a split."""
        changed = [n for n, group in enumerate(groups) if self.items[n].group != group]
        for n in changed:
            self.items[n] = self.items[n]._replace(group=groups[n])
        if changed:
            count = len(set(groups) - {None})
            self._record(
                f"Pictures kept together in {count:,} groups." if count else "Groups removed."
            )

    def draw_test(self, seed: int) -> None:
        """Draw another test set."""
        present = [n for n in range(len(self.items)) if n not in self.deleted]
        drawn = draw_test([self.items[n] for n in present], seed)
        for n, item in zip(present, drawn, strict=True):
            self.items[n] = item
        self._record(f"Another test set drawn ({_pictures(int(in_test(drawn).sum()), '')}).")
        self._other_test = True

    def set_split(self, items: list[int], split: str | None) -> None:
        """Set the split of items; None leaves it to the split seed."""
        changed = [n for n in items if self.items[n].split != split]
        before = in_test(self.items)
        for n in changed:
            self.items[n] = self.items[n]._replace(split=split)
        self._record(f"{SPLIT_PHRASES[split] if split else UNDECIDED_PHRASE}.", changed)
        if (before != in_test(self.items)).any():
            self._other_test = True

    def _record(self, text: str, items: Sequence[int] | None = None) -> None:
        """Record a sentence, or with ``items`` a phrase that is counted, for the summary."""
        if items is None:
            self._counts[text] = 0
        elif items:
            self._counts[text] = self._counts.get(text, 0) + len(items)

    def _set_excluded(self, items: list[int], excluded: bool, text: str) -> None:
        changed = [n for n in items if self.items[n].excluded != excluded]
        for n in changed:
            self.items[n] = self.items[n]._replace(excluded=excluded)
        self._record(text, changed)

    def _check_new_class(self, name: str, *but_names: str, but: int | None = None) -> None:
        for n, existing in enumerate(self.classes):
            if n != but and existing not in but_names and existing.casefold() == name.casefold():
                raise BadInputError(
                    f"There is a class {existing} already. Merge them, or choose another name."
                )

    def _drop_classes(self, dropped: set[int]) -> None:
        remaining = [n for n in range(len(self.classes)) if n not in dropped]
        self.classes = [self.classes[n] for n in remaining]
        self._renumber({old: new for new, old in enumerate(remaining)} | dict.fromkeys(dropped, 0))

    def _renumber(self, label_of: dict[int, int]) -> None:
        self.items = [item._replace(label=label_of[item.label]) for item in self.items]

    def _with_test(self, items: tuple[Item, ...]) -> tuple[Item, ...]:
        """The items with a new test set if no picture of the old one is left."""
        any_included = any(not item.excluded for item in items)
        if not any_included or in_test(items).any() or not in_test(self._pinned).any():
            return items
        self._record("No picture of the test set is left, so another was drawn.")
        self._other_test = True
        return tuple(draw_test(items, 0))

    def _remaining_items(self) -> tuple[Item, ...]:
        """The items that were not deleted; a relabelled picture is merged with its copy there."""
        copies: dict[tuple[str, int, str | None], list[int]] = {}
        for n, item in enumerate(self.items):
            if n not in self.deleted:
                copies.setdefault((item.hash, item.label, item.split), []).append(n)
        for numbers in copies.values():
            if len(numbers) > 1 and self._relabelled.intersection(numbers):
                kept_copy = min(numbers, key=lambda n: (self.items[n].excluded, n))
                self.deleted.update(n for n in numbers if n != kept_copy)
        return tuple(item for n, item in enumerate(self.items) if n not in self.deleted)


def _pictures(count: int, text: str) -> str:
    return f"{count:,} picture{'' if count == 1 else 's'} {text}".strip()


def _and_list(names: Sequence[str]) -> str:
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
