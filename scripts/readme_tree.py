"""Writes the README's list of files anew, from the first line of each file's own description."""

import ast
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PLACE = re.compile(r"(<summary>Every file in a line</summary>\n\n```\n)(.*?)(```\n)", re.DOTALL)
WIDTH = 42

OTHERS = {
    ".ci/run": "what a change must pass",
    ".streamlit/config.toml": "server, theme, colours",
    "CHANGELOG.md": "what changed",
    "LICENSE": "MIT",
    "README.md": "this page",
    "docs/run-folder.md": "what training and pages agree on",
    "docs/screenshot.png": "the picture above",
    "pyproject.toml": "ruff, mypy, pytest",
    "requirements-dev.txt": "what the tests need besides",
    "requirements.txt": "what is installed, and why",
}
TOGETHER = {
    "dashboard/assets/": "the style sheet, the mark, the font, the chart library",
    "docs/decisions/": "what was decided, and why",
    "ml/data/bundled/fashion/": "2,500 small grey pictures of clothes",
    "ml/data/bundled/hands/": "1,000 photos of hands",
    "ml/data/bundled/recycling/": "600 photos of waste",
    "tests/": "mirrors the tree",
    "tests/browser/": "in a real browser",
    "tests/dashboard/": "pages and dashboard without a browser",
    "tests/faults/": "workers and servers that are killed",
}


def tree() -> str:
    """One line a file, and one for each folder that is told as a whole."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    lines: dict[str, str] = {}
    for name in sorted(names.splitlines(), key=lambda name: (name.count("/") == 0, name)):
        whole = [folder for folder in TOGETHER if name.startswith(folder)]
        if whole:
            lines[max(whole, key=len)] = TOGETHER[max(whole, key=len)]
        elif name in OTHERS:
            lines[name] = OTHERS[name]
        elif name.endswith(".py") and (ROOT / name).is_file():
            text = ast.get_docstring(ast.parse((ROOT / name).read_text(encoding="utf-8")))
            if text and not name.endswith("__init__.py"):
                lines[name] = first_sentence(text)
    return "".join(f"{name.ljust(WIDTH)} {what}\n" for name, what in lines.items())


def first_sentence(text: str) -> str:
    """The first line of a description, without its full stop and marks of code."""
    return text.split("\n")[0].replace("``", "").rstrip(".")


def written() -> str:
    """The list as it stands in the README."""
    found = PLACE.search(README.read_text(encoding="utf-8"))
    return found[2] if found else ""


if __name__ == "__main__":
    content = README.read_text(encoding="utf-8")
    now = tree()
    README.write_text(PLACE.sub(lambda found: found[1] + now + found[3], content), encoding="utf-8")
    sys.exit(0 if PLACE.search(content) else "README.md has no place for the list of files.")
