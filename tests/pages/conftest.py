"""No test of a page starts training behind its back."""

from tests.dashboard.conftest import _no_dispatcher  # noqa: F401
