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


def percent(share: float) -> str:
    """``4 %``, with a decimal below ten."""
    figure = 100 * share
    return f"{figure:.0f} %" if figure >= 10 or figure == round(figure) else f"{figure:.1f} %"


def listed(names: Sequence[str], most: int = 5) -> str:
    """``a, b and c``; of many the first few."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
