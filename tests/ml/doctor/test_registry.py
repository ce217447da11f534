"""The registry of checks: what one file adds, and that a check that fails harms no other."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ml.__main__ import main
from ml.doctor import registry
from ml.doctor.check_context import CheckContext
from ml.doctor.examination import findings_of
from ml.errors import MLError
from ml.workspace import Workspace
from tests.helpers.scratch_checks import scratch_check
from tests.ml.doctor.conftest import Shot, photos
from tests.ml.doctor.test_checks import noise

Make = Callable[..., CheckContext]
KINDS = (
    "undecodable", "exact_duplicate", "near_duplicate", "contradiction", "leak", "near_leak",
    "burst", "tiny_class", "missing_in_split", "imbalance", "blank", "tiny", "blurred",
    "extreme_aspect", "label_error", "shift", "odd_size", "check_failed",
)  # fmt: skip


def test_the_kinds_stand_in_their_order() -> None:
    assert tuple(registry.kinds()) == KINDS
    assert registry.import_errors == {}
    assert all(kind.label and kind.advice for kind in registry.kinds().values())


def test_one_file_adds_a_check_to_the_command_and_its_list(
    tmp_path: Path, make_context: Make, workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    make_context(noise(20))
    with scratch_check(tmp_path):
        assert main(["doctor", "pets", "--json", "--workspace", str(workspace.root)]) == 0
        findings = json.loads(capsys.readouterr().out.splitlines()[-1])["findings"]
        (finding,) = (one for one in findings if one["kind"] == "odd_number")
        assert finding["items"] == list(range(1, 20, 2))
        assert finding["advice"] == "Leave them."
        assert main(["doctor", "--list", "--json"]) == 0
        listed = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert [kind["name"] for kind in listed][-2:] == ["odd_number", "check_failed"]
    assert "odd_number" not in registry.kinds()


def test_a_check_that_fails_is_named_and_the_others_stand(
    tmp_path: Path, make_context: Make
) -> None:
    first = photos(1)[0]
    context = make_context([Shot(first, "b"), Shot(first, "c"), *noise(20)])
    before = findings_of(context)
    assert "contradiction" in {finding.kind for finding in before}
    with scratch_check(tmp_path, last_line='raise KeyError("no")'):
        after = findings_of(context)
    assert [one for one in after if one.kind not in ("check_failed", "odd_number")] == before
    (failed,) = (finding for finding in after if finding.kind == "check_failed")
    assert failed.title == "1 check failed: “Odd numbers”."
    assert "KeyError: 'no'" in failed.why
    assert failed.advice == registry.CHECK_FAILED.advice


def test_a_file_that_cannot_be_imported_is_named(tmp_path: Path, make_context: Make) -> None:
    with scratch_check(tmp_path):
        (tmp_path / "torn_check.py").write_text("def broken(:\n", encoding="utf-8")
        (failed,) = (
            one for one in findings_of(make_context(noise(20))) if one.kind == "check_failed"
        )
    assert "ml.doctor.checks.torn_check" in failed.title
    assert "SyntaxError" in failed.why


def test_what_no_check_is_to_blame_for_ends_the_examination(
    tmp_path: Path, make_context: Make
) -> None:
    line = 'from ml.errors import MLError; raise MLError("No weights.")'
    with scratch_check(tmp_path, last_line=line), pytest.raises(MLError, match="No weights"):
        findings_of(make_context(noise(20)))


def test_two_checks_for_one_kind_are_refused() -> None:
    registry.all_checks()
    with pytest.raises(ValueError, match="two checks for leak"):
        registry.check(registry.Kind("leak", label="Leaks", advice="Mend them."))(
            lambda context: []
        )


def test_a_kind_whose_check_is_gone_is_last() -> None:
    kind = registry.kind_of("of_a_plugin")
    assert (kind.label, kind.order) == ("Of a plugin", registry.LAST_ORDER)
    assert not kind.shows_split
