"""Counts and shares as people say them."""

from collections.abc import Sequence


def count(number: int, one: str, many: str | None = None) -> str:
    """``1 picture``, ``3 pictures``."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def be(number: int) -> str:
    """``is`` or ``are``."""
    return "is" if number == 1 else "are"


def have(number: int) -> str:
    """``has`` or ``have``."""
    return "has" if number == 1 else "have"


def percent(share: float, decimals: int | None = None) -> str:
    """``4 %``; with a decimal below ten, or as many as are asked for."""
    figure = 100 * share
    if decimals is None:
        decimals = 0 if figure >= 10 or figure == round(figure) else 1
    return f"{figure:.{decimals}f} %"


def listed(names: Sequence[str], most: int = 5) -> str:
    """``a, b and c``; of many the first few."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
