"""Sentences about a test set that changed, and with it the yardstick of scores."""

from dashboard.text.wording import count


def changed_test_sentence(relabelled: int, left: int, added: int) -> str:
    """What changed in a test set, and that scores before and after are of different tests.

    Args:
        relabelled, left, added: how many pictures got another label, left it or came into it.

    >>> changed_test_sentence(0, 1, 0)
    'The test changed (1 picture left it): scores before and after are of different tests.'
    """
    numbers = {"with another label": relabelled, "left it": left, "came into it": added}
    parts = [f"{count(number, 'picture')} {words}" for words, number in numbers.items() if number]
    return f"The test changed ({', '.join(parts)}): scores before and after are of different tests."
