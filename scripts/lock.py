"""Renew the locks that ``launch.py`` installs from: ``python scripts/lock.py``.

The present pins stay where the requirements allow them. ``--tested`` takes the versions that
``.venv`` has, as after ``python launch.py test --latest``. Every other option goes to
``uv pip compile``, such as ``--upgrade`` or ``--upgrade-package NAME``. Any Python will do:
uv and packaging are installed into a temporary folder.

Writes ``locks/``: ``app.txt``, ``cuda.txt`` (what torch's CUDA build needs besides), ``dev.txt``
(what the tests need besides), ``pip.txt``, and ``sizes.json`` (bytes to download).
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "locks"
VENV_PYTHON = ROOT / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
PYTHONS = ((3, 11), (3, 12), (3, 13))
MACHINES = (
    ("Linux", "x86_64"),
    ("Linux", "aarch64"),
    ("Darwin", "arm64"),
    ("Windows", "AMD64"),
)
OLDEST_MANYLINUX, NEWEST_MANYLINUX = 5, 39  # the C library's minor versions; Ubuntu 24.04 has 2.39
MACOS = (15, 0)
CUDA = re.compile(r"(nvidia|cuda)-|triton\b")
"""Names of the packages that only the CUDA build of torch needs."""
PIP = "pip>=24.1"
"""The first pip that can print its progress in bytes, without a terminal."""
HEADER = """\
# {what} Installed by launch.py.
# Renewed by one command: python scripts/lock.py
# That keeps the pins which the requirements allow. Add --upgrade for the newest versions, or
# --tested for those in .venv, as after: python launch.py test --latest
"""
CONTENT = {
    "app": "Versions and hashes of what requirements.txt needs, on every system.",
    "cuda": "What torch's CUDA build needs besides app.txt, on Linux.",
    "dev": "What requirements-dev.txt needs besides app.txt, on every system.",
    "pip": "The pip that installs the rest.",
}


def main(options: list[str]) -> int:
    """Write the locks; returns the exit code."""
    with tempfile.TemporaryDirectory() as name:
        tools = Path(name)
        try:
            install_tools(tools)
            preferences = pins_in_locks()
            if "--tested" in options:
                options.remove("--tested")
                preferences = versions_in_venv()
            locks, sizes = resolve(tools, preferences, options)
        except subprocess.CalledProcessError as error:
            print(
                f"The locks stay as they were: `{Path(error.cmd[0]).name}` failed, and why stands "
                "above. Correct the requirements or the connection and start again.",
                file=sys.stderr,
            )
            return 1
    LOCKS.mkdir(exist_ok=True)
    for lock, pins in locks.items():
        header = HEADER.format(what=CONTENT[lock])
        (LOCKS / f"{lock}.txt").write_text(header + "".join(pins.values()), newline="\n")
    rows = (f"{json.dumps(pin)}: {json.dumps(size)}" for pin, size in sorted(sizes.items()))
    (LOCKS / "sizes.json").write_text("{\n" + ",\n".join(rows) + "\n}\n", newline="\n")
    return 0


def install_tools(folder: Path) -> None:
    """Install uv and packaging into ``folder``, for this process and those that it starts."""
    command = [sys.executable, "-m", "pip", "install", "-qq", "--target", str(folder)]
    subprocess.run([*command, "uv", "packaging"], check=True)
    sys.path.insert(0, str(folder))


def pins_in_locks() -> str:
    """The present locks as one text."""
    return "".join(file.read_text() for file in sorted(LOCKS.glob("*.txt")))


def versions_in_venv() -> str:
    """Every package of ``.venv`` at its version, without local versions such as ``+cpu``."""
    command = [str(VENV_PYTHON), "-m", "pip", "freeze"]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return "".join(f"{pin}\n" for pin in re.findall(r"^[\w.-]+==[^+\s]+", output, re.MULTILINE))


Locks = dict[str, dict[str, str]]
Sizes = dict[str, int | dict[str, int]]


def resolve(tools: Path, preferences: str, options: list[str]) -> tuple[Locks, Sizes]:
    """The pins of every lock, and the bytes that each pin takes."""
    result = tools / "result.txt"  # uv prefers the pins that its output file has already
    result.write_text(preferences)
    everything = compiled(tools, ["requirements-dev.txt"], result, options)
    consistent = ["--constraint", str(result)]
    app = compiled(tools, ["requirements.txt"], tools / "app.txt", consistent)
    (tools / "pip.in").write_text(PIP)
    result.write_text(preferences)
    pip = compiled(tools, [str(tools / "pip.in")], result, options)
    locks = {
        "app": {name: pin for name, pin in app.items() if not CUDA.match(name)},
        "cuda": {name: pin for name, pin in app.items() if CUDA.match(name)},
        "dev": {name: pin for name, pin in everything.items() if pin != app.get(name)},
        "pip": pip,
    }
    pinned, files = tools / "pinned.txt", tools / "pylock.toml"
    pinned.write_text("".join((everything | pip).values()))
    uv(tools, "--format", "pylock.toml", "--no-deps", "--output-file", str(files), str(pinned))
    packages = tomllib.loads(files.read_text())["packages"]
    return locks, {f"{p['name']}=={p['version']}": download_size(p) for p in packages}


def compiled(
    tools: Path, requirements: list[str], output: Path, options: list[str]
) -> dict[str, str]:
    """The package names that uv resolves ``requirements`` to, with their lines of a lock."""
    uv(tools, "--generate-hashes", *options, "--output-file", str(output), *requirements)
    blocks = re.split(r"^(?=\S)", output.read_text(), flags=re.MULTILINE)
    return {re.split("=| ", block)[0]: block for block in blocks if block}


def uv(tools: Path, *arguments: str) -> None:
    """Run ``uv pip compile`` for every system, with one version for all Pythons where one fits."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal"]
    command += ["--python-version", ".".join(map(str, PYTHONS[0])), "--fork-strategy", "fewest"]
    command += ["--no-header", "--no-annotate"]
    environment = {**os.environ, "PYTHONPATH": str(tools)}
    subprocess.run([*command, *arguments], check=True, cwd=ROOT, env=environment)


def download_size(package: dict[str, Any]) -> int | dict[str, int]:
    """The bytes to download, by system, machine and Python where these make a difference."""
    sizes = {}
    for system, machine in MACHINES:
        for python in PYTHONS:
            place = f"{system} {machine} {python[0]}.{python[1]}"
            if applies(package.get("marker"), system, machine, python):
                file = best_file(package, system, machine, python)
                if file is None:
                    print(f"{package['name']} {package['version']} has no wheel for {place}.")
                else:
                    sizes[place] = int(file["size"])
    same = set(sizes.values())
    everywhere = len(sizes) == len(MACHINES) * len(PYTHONS)
    return same.pop() if len(same) == 1 and everywhere else sizes


def applies(marker: str | None, system: str, machine: str, python: tuple[int, int]) -> bool:
    """Whether a package is installed on such a system."""
    from packaging.markers import Marker

    version = f"{python[0]}.{python[1]}"
    environment = {
        "sys_platform": {"Windows": "win32"}.get(system, system.lower()),
        "os_name": "nt" if system == "Windows" else "posix",
        "platform_system": system,
        "platform_machine": machine,
        "python_version": version,
        "python_full_version": f"{version}.0",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    return marker is None or Marker(marker).evaluate(environment)


def best_file(
    package: dict[str, Any], system: str, machine: str, python: tuple[int, int]
) -> dict[str, Any] | None:
    """The wheel that pip takes on such a system."""
    from packaging.utils import parse_wheel_filename

    order = {tag: place for place, tag in enumerate(wheel_tags(system, machine, python))}
    best: tuple[int, dict[str, Any] | None] = (len(order), None)
    for file in package.get("wheels", ()):
        tags = parse_wheel_filename(file["url"].rsplit("/", 1)[1].replace("%2B", "+"))[3]
        place = min((order[tag] for tag in tags if tag in order), default=len(order))
        if place < best[0]:
            best = (place, file)
    return best[1]


def wheel_tags(system: str, machine: str, python: tuple[int, int]) -> list[Any]:
    """The tags of the wheels that fit such a system, best first."""
    from packaging import tags

    if system == "Linux":
        newest_first = range(NEWEST_MANYLINUX, OLDEST_MANYLINUX - 1, -1)
        platforms = [f"manylinux_2_{minor}_{machine}" for minor in newest_first]
        platforms += [f"manylinux{year}_{machine}" for year in (2014, 2010, 1)]
    elif system == "Darwin":
        platforms = list(tags.mac_platforms(MACOS, machine))
    else:
        platforms = [f"win_{machine.lower()}"]
    interpreter = f"cp{python[0]}{python[1]}"
    own = tags.cpython_tags(python_version=python, abis=[interpreter], platforms=platforms)
    return [*own, *tags.compatible_tags(python, interpreter, platforms)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
