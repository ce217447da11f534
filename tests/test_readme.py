"""The README says what is so."""

import re
from pathlib import Path

from ml import __main__ as command_line
from ml import __version__

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_link_leads_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_command_it_names_is_there() -> None:
    named = set(re.findall(r"python -m ml ([a-z]+)", README))
    assert named <= set(command_line.COMMANDS)
    assert len(named) >= 5


def test_the_version_of_the_program_has_its_entry_in_the_changes() -> None:
    assert f"## {__version__}\n" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_bundled_set_has_its_licence_and_its_credits() -> None:
    for folder in (ROOT / "ml" / "data" / "bundled").iterdir():
        assert (folder / "LICENSE").stat().st_size > 500
        assert (folder / "CREDITS.md").stat().st_size > 100
        assert folder.name in README
