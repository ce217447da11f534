"""Every kind of error has the exit code of the command line's contract."""

import pytest

from ml import errors


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.BadInputError, 2),
        (errors.WorkspaceError, 2),
        (errors.MLError, 1),
        (errors.DivergedError, 1),
        (errors.OutOfMemoryError, 1),
        (errors.StoppedError, 130),
    ],
)
def test_the_exit_code_tells_what_kind_of_failure_it_was(
    kind: type[errors.MLError], code: int
) -> None:
    assert kind.exit_code == code
    assert issubclass(kind, errors.MLError)
    assert str(kind("A sentence.")) == "A sentence."


def test_no_kind_is_left_out_above() -> None:
    kinds = {item for item in vars(errors).values() if isinstance(item, type)}
    assert len(kinds) == 6
