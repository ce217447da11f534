"""Set-up in one command, tried for real on a small project with a package index of its own."""

import ast
import base64
import contextlib
import ensurepip
import hashlib
import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import launch

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parent.parent
NOBODY = "https://127.0.0.1:9"  # the discard port: nobody answers there

STREAMLIT = """
import http.server, os, sys
options = dict(word.removeprefix("--").split("=") for word in sys.argv[3:])
print("hosts", [word.split("=")[1] for word in sys.argv if "allowedHosts" in word], flush=True)
class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *args): pass
print("served", sys.argv[1:3], options["server.address"], options["server.headless"], flush=True)
try:
    http.server.HTTPServer(("127.0.0.1", int(options["server.port"])), Health).serve_forever()
except KeyboardInterrupt:
    print("server ended", flush=True)
"""
PYTEST = """
import os, sys
import tinydev, tinyapp
print("pytest", sys.argv[1:], os.environ.get("LENSMITH_BROWSER"))
sys.exit(5)
"""
TORCH = "class version: cuda = {cuda}"
TORCHVISION = "import torch; assert torch.version.cuda is {cuda}, 'operator nms does not exist'"


def wheel(index: Path, name: str, version: str, code: str, *needs: str, main: str = "") -> None:
    """Put a package of one module, and perhaps a ``__main__``, into a package index."""
    folder = index / name
    folder.mkdir(parents=True, exist_ok=True)
    about = f"{name}-{version}.dist-info"
    needed = "".join(f"Requires-Dist: {need}\n" for need in needs)
    content = {
        f"{name}/__init__.py": code,
        f"{name}/__main__.py": main,
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needed}",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{path},sha256={_digest(text)},{len(text)}\n" for path, text in content.items()
    )
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as file:
        for path, text in (content | {f"{about}/RECORD": record + f"{about}/RECORD,,\n"}).items():
            file.writestr(path, text)
    list_wheels(folder)


def list_wheels(folder: Path) -> None:
    """Write the page by which pip finds the wheels of one package."""
    links = "".join(f'<a href="{item.name}">{item.name}</a>\n' for item in folder.glob("*.whl"))
    (folder / "index.html").write_text(f"<!DOCTYPE html><html><body>{links}</body></html>")


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


class Project:
    """A folder with ``launch.py`` and small requirements, and what it is started with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self.folder.mkdir()
        shutil.copy(ROOT / "launch.py", self.folder)
        (self.folder / "streamlit_app.py").write_text("")
        (self.folder / "requirements.txt").write_text(
            "torch>=2.9  # why\ntorchvision>=0.24\n\n# a comment\nstreamlit>=1\ntinyapp>=1,!=1.5\n"
        )
        (self.folder / "requirements-dev.txt").write_text("-r requirements.txt\npytest>=1\ntinydev")
        self.plain, self.cpu = folder / "plain", folder / "cpu"
        wheel(self.plain, "torch", "2.14.1", TORCH.format(cuda="13"), "triton")
        wheel(self.plain, "triton", "1.0", "")
        wheel(self.plain, "torchvision", "0.29.1", TORCHVISION.format(cuda="not None"), "torch")
        wheel(self.plain, "streamlit", "1.67", "", main=STREAMLIT)
        wheel(self.plain, "tinyapp", "1.0", "")
        wheel(self.plain, "tinydev", "1.0", "")
        wheel(self.plain, "pytest", "9.0", "", main=PYTEST)
        wheel(self.cpu, "torch", "2.14.1+cpu", TORCH.format(cuda=None))
        wheel(self.cpu, "torchvision", "0.29.1+cpu", TORCHVISION.format(cuda=None), "torch==2.14.1")
        self.lock()
        wheel(self.plain, "tinyapp", "1.1", "")  # was released after the lock was made
        hidden = ("PIP_", "LENSMITH_", "VIRTUAL_ENV", "PYTHONPATH", "DISPLAY", "WAYLAND", "BROWSER")
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(hidden)}
        self.environment |= {
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_CACHE_DIR": "1",
            "PIP_RETRIES": "1",
            "PIP_INDEX_URL": self.plain.as_uri(),
            "LENSMITH_TORCH_INDEX": self.cpu.as_uri(),
            "LENSMITH_BROWSER": sys.executable,
        }

    def lock(self, **more: str) -> None:
        """Write the lock; ``more`` is what the app needs besides, name to version."""
        app = {"torch": "2.14.1", "torchvision": "0.29.1", "streamlit": "1.67", "tinyapp": "1.0"}
        self.write_lock("app", app | more)
        self.write_lock("cuda", {"triton": "1.0"})
        self.write_lock("dev", {"pytest": "9.0", "tinydev": "1.0"})
        bundled = next((Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl"))
        (self.plain / "pip").mkdir(exist_ok=True)
        shutil.copy(bundled, self.plain / "pip")
        list_wheels(self.plain / "pip")
        self.write_lock("pip", {"pip": ensurepip.version()})
        sizes = {"torch==2.14.1": 500_000_000, "triton==1.0": 2_500_000_000, "tinyapp==1.0": 7}
        (self.folder / "locks" / "sizes.json").write_text(json.dumps(sizes))

    def write_lock(self, part: str, versions: dict[str, str]) -> None:
        """Write one file of the lock, with the hashes of the package index's wheels."""
        lines = ""
        for name, version in versions.items():
            file = self.plain / name / f"{name}-{version}-py3-none-any.whl"
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            lines += f"{name}=={version} \\\n    --hash=sha256:{digest}\n"
        (self.folder / "locks").mkdir(exist_ok=True)
        (self.folder / "locks" / f"{part}.txt").write_text("# header\n" + lines)

    @property
    def packages(self) -> dict[str, str]:
        """What is installed, name to version."""
        folders = (self.folder / ".venv").glob("[Ll]ib/**/site-packages/*.dist-info")
        return dict(path.name.removesuffix(".dist-info").split("-") for path in folders)

    def start(self, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, str(self.folder / "launch.py"), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment | environment,
            start_new_session=True,
        )

    def run(self, *arguments: str, **environment: str) -> tuple[int, str, str]:
        """Exit code, standard output and standard error of a start that ends by itself."""
        process = self.start(*arguments, **environment)
        try:
            out, err = process.communicate(timeout=120)
        finally:
            end(process)
        return process.returncode, out, err

    def serve(self, *arguments: str, **environment: str) -> tuple[str, str]:
        """Start the app, wait until it is there, press Ctrl-C: what it printed, and its errors."""
        process = self.start("--no-browser", *arguments, **environment)
        try:
            assert process.stdout is not None
            seen = ""
            for line in process.stdout:
                seen += line
                if "Lensmith is at" in line:
                    break
            os.killpg(process.pid, signal.SIGINT)
            out, err = process.communicate(timeout=30)
        finally:
            end(process)
        assert process.returncode == 0, err
        return seen + out, err


def end(process: "subprocess.Popen[str]") -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that was set up by its first start."""
    made = Project(tmp_path_factory.mktemp("ready"))
    made.first_start = made.serve("--port", str(a_free_port()))  # type: ignore[attr-defined]
    return made


def a_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


posix = pytest.mark.skipif(os.name == "nt", reason="signals and groups are those of POSIX")
linux_cpu = pytest.mark.skipif(
    sys.platform != "linux" or launch.has_nvidia_driver(),
    reason="the CPU build is for Linux without an NVIDIA driver",
)


def test_a_further_host_is_allowed_beside_loopback(ready: Project) -> None:
    out, _ = ready.serve("--allow-host", "lens.example", "--port", str(a_free_port()))
    assert "hosts ['localhost', '127.0.0.1', '::1', 'lens.example']" in out


# --- the first start and those after it -----------------------------------------------------------


@posix
@linux_cpu
def test_the_first_start_installs_the_cpu_pair_says_so_and_serves(ready: Project) -> None:
    out, err = ready.first_start  # type: ignore[attr-defined]
    assert err == ""
    assert re.search(r"no NVIDIA driver here: trying the CPU build", out)
    assert "The CPU build of PyTorch is installed, and works." in out, out
    assert "About 200 MB to download" in out
    assert ready.packages["torch"] == "2.14.1+cpu"
    assert ready.packages["torchvision"] == "0.29.1+cpu"
    assert "triton" not in ready.packages, "only the CUDA build needs it"
    assert ready.packages["tinyapp"] == "1.0", "the version in the lock, not the newest"
    assert "served ['run', 'streamlit_app.py'] localhost true" in out
    assert "hosts []" in out, "the list of .streamlit/config.toml holds"
    assert re.search(r"Lensmith is at http://localhost:\d+", out)
    assert "server ended" in out


@posix
def test_a_second_start_installs_nothing_and_needs_no_network(ready: Project) -> None:
    before = ready.packages
    out, err = ready.serve(
        "--port", str(a_free_port()), PIP_INDEX_URL=NOBODY, LENSMITH_TORCH_INDEX=NOBODY
    )
    assert "Setting Lensmith up" not in out
    assert err == ""
    assert ready.packages == before


@posix
def test_a_taken_port_is_left_for_the_next_free_one(ready: Project) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        out, _ = ready.serve("--port", str(port))
    match = re.search(rf"Port {port} is taken by another program: using (\d+)\.", out)
    assert match is not None
    assert int(match[1]) > port
    assert f"Lensmith is at http://localhost:{match[1]}" in out


@posix
def test_the_browser_is_opened_at_the_page(
    ready: Project, tmp_path: Path, until: Callable[..., Any]
) -> None:
    opener, opened = tmp_path / "opener", tmp_path / "opened"
    opener.write_text(f'#!/bin/sh\necho "$1" > {opened}.part && mv {opened}.part {opened}\n')
    opener.chmod(0o755)
    port = a_free_port()
    process = ready.start("--port", str(port), BROWSER=f"{opener} %s")
    try:
        until(opened.exists)
    finally:
        end(process)
    assert opened.read_text().strip() == f"http://localhost:{port}"


@posix
def test_a_request_to_end_takes_the_server_along(ready: Project, until: Callable[..., Any]) -> None:
    port = a_free_port()
    process = ready.start("--no-browser", "--port", str(port))
    try:
        until(lambda: not can_be_bound(port))
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(timeout=15) == 0
        until(lambda: can_be_bound(port), 5)
    finally:
        end(process)


def can_be_bound(port: int) -> bool:
    return not launch.port_in_use(socket.AF_INET, port)


def test_a_server_that_ends_at_once_is_an_error(ready: Project) -> None:
    main = next((ready.folder / ".venv").glob("[Ll]ib/**/site-packages/streamlit/__main__.py"))
    content = main.read_text()
    try:
        main.write_text("import sys; sys.exit(3)")
        code, _, err = ready.run("--no-browser")
    finally:
        main.write_text(content)
    assert code == 1
    assert "The server ended with code 3" in err


def test_the_tests_get_their_packages_their_arguments_and_the_browser(ready: Project) -> None:
    code, out, err = ready.run("test", "-k", "one", "--port", "x")
    assert (code, err) == (5, "")
    two = "'-n', '2', '--no-loadscope-reorder'"
    assert f"pytest [{two}, '-k', 'one', '--port', 'x'] {sys.executable}" in out
    assert {"tinydev", "tinyapp"} <= set(ready.packages)
    stamp = (ready.folder / ".venv" / "installed.json").read_text()
    assert set(json.loads(stamp)) == {"versions", "locks/app.txt", "locks/dev.txt"}
    again, out, _ = ready.run("test", PIP_INDEX_URL=NOBODY)
    assert again == 5
    assert "Setting Lensmith up" not in out


@posix
def test_tests_that_something_kills_are_no_verdict(ready: Project) -> None:
    ready.run("test")
    main = next((ready.folder / ".venv").glob("[Ll]ib/**/site-packages/pytest/__main__.py"))
    content = main.read_text()
    try:
        main.write_text("import os; os.kill(os.getpid(), 15)")
        code, _, err = ready.run("test")
    finally:
        main.write_text(content)
    assert code == 1
    assert "ended from outside (signal 15)" in err


@posix
def test_a_new_requirement_is_installed_once_it_is_locked(ready: Project) -> None:
    wheel(ready.plain, "tinymore", "1.0", "")
    file = ready.folder / "requirements.txt"
    file.write_text(file.read_text() + "Tiny.More>=1\n")
    (ready.folder / ".venv" / "installed.json").unlink()
    code, _, err = ready.run("test")
    assert code == 1
    assert err == (
        "requirements.txt asks for Tiny.More, which the lock does not have. Renew it with python "
        "scripts/lock.py, or start with --latest.\n"
    )
    file.write_text(file.read_text().replace("Tiny.More", "tinymore"))
    ready.lock(tinymore="1.0")
    out, _ = ready.serve("--port", str(a_free_port()))
    assert "Setting Lensmith up" in out
    assert "tinymore" in ready.packages
    assert "CPU build" not in out, "the torch that is there is kept"
    assert "triton" not in ready.packages


@posix
@linux_cpu
def test_latest_takes_the_newest_and_the_way_back_is_open(project: Project) -> None:
    project.serve("--port", str(a_free_port()))
    assert project.packages["tinyapp"] == "1.0"
    wheel(project.plain, "torch", "2.15.0", TORCH.format(cuda="13"), "triton")
    wheel(project.plain, "torchvision", "0.30.0", TORCHVISION.format(cuda="not None"), "torch")
    code, _, err = project.run("test", "--latest", "-k", "one")
    assert (code, err) == (5, "")
    assert project.packages["tinyapp"] == "1.1"
    assert project.packages["torch"] == "2.14.1+cpu", "not exchanged for a CUDA build"
    out, _ = project.serve("--latest", "--port", str(a_free_port()), PIP_INDEX_URL=NOBODY)
    assert "Setting Lensmith up" not in out
    out, _ = project.serve("--port", str(a_free_port()))
    assert "Setting Lensmith up" in out
    assert project.packages["tinyapp"] == "1.0"
    stamp = json.loads((project.folder / ".venv" / "installed.json").read_text())
    assert (stamp["versions"], set(stamp)) == ("locked", {"versions", "locks/app.txt"})


@posix
@linux_cpu
def test_a_newly_locked_torch_comes_from_the_cpu_index_too(ready: Project) -> None:
    wheel(ready.plain, "tinymore", "1.0", "")
    wheel(ready.plain, "torch", "2.15.0", TORCH.format(cuda="13"), "triton")
    wheel(ready.plain, "torchvision", "0.30.0", TORCHVISION.format(cuda="not None"), "torch")
    wheel(ready.cpu, "torch", "2.15.0+cpu", TORCH.format(cuda=None))
    wheel(ready.cpu, "torchvision", "0.30.0+cpu", TORCHVISION.format(cuda=None), "torch==2.15.0")
    ready.lock(torch="2.15.0", torchvision="0.30.0", tinymore="1.0")
    code, out, err = ready.run("test")
    assert (code, err) == (5, "")
    assert "The CPU build of PyTorch is installed, and works." in out
    assert ready.packages["torch"] == "2.15.0+cpu"
    assert "triton" not in ready.packages


# --- when something is in the way ---------------------------------------------------------------


@linux_cpu
def test_a_pair_that_does_not_fit_is_taken_back_for_the_plain_one(project: Project) -> None:
    wheel(project.cpu, "torch", "2.14.1+cpu", "class version: cuda = 'other'")
    code, out, err = project.run("test")
    assert (code, err) == (5, "")
    assert "cannot be had: the pair that it gives cannot be imported together." in out
    assert project.packages["torch"] == "2.14.1"
    assert project.packages["torchvision"] == "0.29.1"
    assert project.packages["triton"] == "1.0"
    assert "About 3.0 GB to download" in out


@linux_cpu
def test_another_build_from_a_further_index_is_not_taken_for_the_cpu_build(
    project: Project,
) -> None:
    shutil.rmtree(project.cpu)
    project.cpu.mkdir()
    code, out, err = project.run("test", PIP_EXTRA_INDEX_URL=project.plain.as_uri())
    assert (code, err) == (5, "")
    assert "The CPU build of PyTorch is installed" not in out
    assert re.search(r"as the CPU build cannot be had: file:.*/cpu does not have it\.", out)
    assert project.packages["triton"] == "1.0"


@posix
@linux_cpu
def test_an_installation_that_is_killed_is_taken_up_again(
    project: Project, until: Callable[..., Any]
) -> None:
    process = project.start("test", LENSMITH_TORCH_INDEX=NOBODY)
    until(lambda: (project.folder / ".venv" / "bin" / "python").exists())
    time.sleep(1)
    end(process)
    assert not (project.folder / ".venv" / "installed.json").exists()
    code, out, err = project.run("test", LENSMITH_TORCH_INDEX=NOBODY)
    assert (code, err) == (5, "")
    assert f"cannot be had: {NOBODY} does not answer" in out
    assert project.packages["torch"] == "2.14.1"

    # As if killed in the middle of unpacking a package: some of its files, and no last word of pip.
    packages = next((project.folder / ".venv").glob("lib/*/site-packages"))
    (packages / "tinyapp" / "__init__.py").unlink()
    (packages / "tinyapp-1.0.dist-info" / "INSTALLER").unlink()
    (project.folder / ".venv" / "installed.json").unlink()
    code, out, _ = project.run("test")
    assert code == 5
    assert (packages / "tinyapp" / "__init__.py").exists()
    assert project.packages["torch"] == "2.14.1"


@posix
def test_two_first_starts_install_once(project: Project) -> None:
    starts = [project.start("test") for _ in range(2)]
    outputs = [process.communicate(timeout=120)[0] for process in starts]
    assert [process.returncode for process in starts] == [5, 5]
    assert sorted("Setting Lensmith up" in out for out in outputs) == [False, True]
    assert sum("waiting for it" in out for out in outputs) == 1


def test_no_network_is_one_line(project: Project) -> None:
    for _ in range(2):
        code, _, err = project.run("test", PIP_INDEX_URL=NOBODY, LENSMITH_TORCH_INDEX=NOBODY)
        assert code == 1
        assert err.count("\n") == 1
        assert "there is no connection to the package index. Connect and start again." in err


def test_a_package_that_is_not_to_be_had_is_one_line(project: Project) -> None:
    (project.folder / "requirements.txt").write_text("tinyapp>=7")
    code, _, err = project.run("test", "--latest")
    assert code == 1
    assert err.count("\n") == 1
    assert "there is no tinyapp>=7 for Python 3" in err


def test_a_package_that_is_not_the_tested_file_is_not_installed(project: Project) -> None:
    wheel(project.plain, "tinyapp", "1.0", "print('other code')")
    code, _, err = project.run("test")
    assert code == 1
    assert err.count("\n") == 1
    assert "tinyapp==1.0 is not the file that was tested (its hash differs)" in err
    assert "tinyapp" not in project.packages
    assert not (project.folder / ".venv" / "installed.json").exists()


def test_a_lock_without_hashes_is_not_installed_from(project: Project) -> None:
    for part in ("app", "cuda", "dev"):
        file = project.folder / "locks" / f"{part}.txt"
        file.write_text(re.sub(r" \\\n +--hash=\S+", "", file.read_text()))
    code, _, err = project.run("test")
    assert code == 1
    assert err == (
        "The packages could not be installed: the lock is not complete. Renew it with python "
        "scripts/lock.py, or start with --latest.\n"
    )
    assert "tinyapp" not in project.packages


@pytest.mark.parametrize("address", ["http://someone:secret@x.org/whl", "ftp://x.org", "here"])
def test_an_unsafe_torch_index_is_one_line(address: str, project: Project) -> None:
    code, out, err = project.run("test", LENSMITH_TORCH_INDEX=address)
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert err.startswith("LENSMITH_TORCH_INDEX is ")
    assert "Give an address that starts with https://, or unset it." in err
    assert "secret" not in err
    assert not (project.folder / ".venv").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a small disk")
@pytest.mark.parametrize("free", [0, 4_000_000, 40_000_000], ids=["venv", "pip", "packages"])
def test_a_full_disk_is_one_line(free: int, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=100m", "tmpfs", str(disk)], capture_output=True
    ).returncode:
        pytest.skip("only an administrator can mount a disk")
    try:
        project = Project(disk)
        wheel(project.plain, "tinyapp", "1.0", "#" * 40_000_000)
        project.lock()
        with (disk / "filler").open("wb", buffering=0) as filler, contextlib.suppress(OSError):
            while shutil.disk_usage(disk).free > free:
                filler.write(b"x" * 4096)
        code, _, err = project.run("test")
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    assert code == 1
    assert err.count("\n") == 1, err
    assert "the disk is full" in err


def test_without_a_browser_it_is_said_how_to_get_one(project: Project) -> None:
    nothing = {"LENSMITH_BROWSER": "/nowhere", "PATH": str(project.folder)}
    code, out, err = project.run("test", **nothing)
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert "need Chromium, Chrome or Edge. Get one:" in err
    assert not (project.folder / ".venv").exists(), "this is said before anything is installed"


# --- its parts ----------------------------------------------------------------------------------


def test_an_older_python_can_read_the_file_and_is_told_what_it_needs() -> None:
    ast.parse((ROOT / "launch.py").read_text(), feature_version=(3, 6))
    code = "import runpy, sys; sys.version_info = (3, 9, 2); runpy.run_path(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", code, str(ROOT / "launch.py")], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr == (
        "Lensmith needs Python 3.11 or newer, and this is Python 3.9. Install a newer one from "
        "python.org and start it with that.\n"
    )


@pytest.mark.parametrize(
    ("line", "enough"),
    [
        ("psutil", True),
        ("psutil>=1.0", True),
        ("psutil>=999", False),
        ("psutil>=1,!=2.6.2", True),
        ("psutil!={}", False),
        ("psutil>={}  # as it is", True),
        ("not-there-at-all", False),
        ("# psutil>=999", True),
        ("", True),
        ("-r other.txt", False),
    ],
)
def test_an_environment_that_has_everything_is_used_as_it_is(
    line: str, enough: bool, tmp_path: Path
) -> None:
    import importlib.metadata

    (tmp_path / "other.txt").write_text("psutil>=999")
    file = tmp_path / "requirements.txt"
    file.write_text(line.format(importlib.metadata.version("psutil")) + "\n")
    assert launch.satisfied(file) is enough


def test_the_environment_of_these_tests_satisfies_the_real_requirements() -> None:
    assert launch.satisfied(ROOT / "requirements-dev.txt")


def test_every_requirement_has_a_lower_bound_and_the_bad_releases_are_out() -> None:
    lines = [
        line
        for name in ("requirements.txt", "requirements-dev.txt")
        for line in (ROOT / name).read_text().splitlines()
        if line and not line.startswith(("#", "-r"))
    ]
    assert all(re.fullmatch(r"[\w.-]+>=[\d.]+(,!=[\d.]+)*", line) for line in lines), lines
    assert next(line for line in lines if line.startswith("lightning")).endswith("!=2.6.2,!=2.6.3")


@pytest.mark.parametrize("machine", ["Darwin x86_64", "Windows ARM64"])
def test_where_torch_is_not_made_no_other_python_is_advised(
    machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch.platform, "system", lambda: machine.split()[0])
    monkeypatch.setattr(launch.platform, "machine", lambda: machine.split()[1])
    advice = launch.reason("ERROR: No matching distribution found for torch==2.14.1")
    assert f"on this {machine}. PyTorch is no longer made for it: use another computer." in advice
    assert "Try another Python" in launch.reason("ERROR: No matching distribution found for numpy")


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left", "full"),
        ("OSError: [WinError 112] There is not enough space on the disk", "the disk is full"),
        (
            "Retrying after NewConnectionError\nERROR: No matching distribution found for a",
            "no conn",
        ),
        ("ReadTimeoutError: Read timed out.", "there is no connection"),
        ("ERROR: No matching distribution found for torch>=2.9", "there is no torch>=2.9 for Py"),
        ("some\nERROR: it broke\nhint: x", "ERROR: it broke"),
        ("", "no reason was given"),
    ],
)
def test_what_pip_says_becomes_a_sentence(output: str, expected: str) -> None:
    sentence = launch.reason(output)
    assert expected in sentence
    assert "\n" not in sentence


# --- how far it is ------------------------------------------------------------------------------

PIP_LINES = """\
Collecting torch==2.14.1 (from -r app.txt (line 9))
  Using cached numpy-2.4.6-cp311.whl.metadata (500 bytes)
Downloading torch-2.14.1-cp311.whl (60.0 MB)
Progress 0 of 60000000
Progress 15000000 of 60000000"""


def after(lines: str, total: int = 100_000_000) -> launch.Progress:
    progress = launch.Progress(total)
    for line in lines.splitlines():
        progress.read(line)
    return progress


def test_progress_is_counted_in_bytes() -> None:
    share, text = after(PIP_LINES).state()
    assert share == pytest.approx(0.15, abs=0.001)
    assert text == "15 of about 100 MB: torch"


def test_progress_counts_what_came_before_and_from_caches(tmp_path: Path) -> None:
    local = tmp_path / "tiny-1.whl"
    local.write_bytes(b"x" * 1_000_000)
    more = "\nUsing cached scipy-1.17-cp311.whl (20.0 MB)"
    assert after(PIP_LINES + more).state()[1] == "80 of about 100 MB: scipy"
    more += f"\nProcessing {local}"
    assert after(PIP_LINES + more).state()[1] == "81 of about 100 MB: tiny"


def test_an_older_pip_without_bytes_counts_by_files() -> None:
    lines = "  Downloading a-1.whl (30.0 MB)\n  Downloading b-1.whl (20.0 MB)"
    assert after(lines).state()[1] == "30 of about 100 MB: b"


def test_a_total_that_was_too_low_grows() -> None:
    assert after(PIP_LINES, total=5).state() == (1.0, "15 of about 15 MB: torch")


def test_unpacking_is_counted_in_packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(launch, "packages_folder", lambda: tmp_path)
    (tmp_path / "Typing_Extensions-4.dist-info").mkdir()
    (tmp_path / "other-1.dist-info").mkdir()
    progress = after(PIP_LINES + "\nInstalling collected packages: typing-extensions, torch")
    assert progress.state()[1] == "Unpacking: 1 of 2 packages"


class Rounds(threading.Event):
    """Lets a progress be shown for some rounds, at once."""

    def __init__(self, progress: launch.Progress, *lines: str) -> None:
        super().__init__()
        self.progress, self.lines = progress, list(lines)

    def wait(self, timeout: float | None = None) -> bool:
        if not self.lines:
            return True
        self.progress.read(self.lines.pop(0))
        return False


def percent(done: int) -> str:
    return f"Progress {done}000000 of 100000000"


def test_a_log_gets_a_line_for_each_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    progress = after("Downloading torch-2.whl (100.0 MB)")
    progress.show(Rounds(progress, *(percent(done) for done in (1, 9, 10, 11, 19, 25, 30, 40))))
    assert re.findall(r"(\d+) of", capsys.readouterr().out) == ["10", "25", "40"]


def test_a_log_gets_a_line_when_it_takes_long(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "LOG_SECONDS", 0)
    progress = after("Downloading torch-2.whl (100.0 MB)")
    progress.show(Rounds(progress, percent(1), percent(1)))
    assert capsys.readouterr().out == "  1 of about 100 MB: torch\n" * 2


def test_a_terminal_has_one_line_that_is_rewritten(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    progress = after("Downloading torch-2.whl (100.0 MB)")
    progress.show(Rounds(progress, percent(1), percent(2)))
    out = capsys.readouterr().out
    assert out.count("\r") == 2
    assert "\n" not in out
    assert out.split("\r")[-1].startswith("2 of about 100 MB")


@pytest.mark.parametrize(("version", "raw"), [("23.2.1", False), ("24.1", True), ("26.3", True)])
def test_a_pip_that_can_is_asked_for_its_progress_in_bytes(
    version: str, raw: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[list[str]] = []
    monkeypatch.setattr(launch, "present", lambda name: version)
    monkeypatch.setattr(launch, "run", lambda command, progress: commands.append(command))
    launch.pip("install", "x", progress=launch.Progress(1))
    assert (commands[0][-2:] == ["--progress-bar", "raw"]) is raw
    commands.clear()
    launch.upgrade_pip()
    assert len(commands) == (not raw), "an older one is upgraded, by its hash"
    assert all("--require-hashes" in command for command in commands)


def test_the_size_is_that_of_this_system_and_of_what_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(launch, "LOCKS", tmp_path)
    monkeypatch.setattr(launch, "packages_folder", lambda: tmp_path)
    monkeypatch.setattr(launch.platform, "system", lambda: "Linux")
    monkeypatch.setattr(launch.platform, "machine", lambda: "x86_64")
    (tmp_path / "app.txt").write_text("torch==2.14.1 \\\ntorchvision==0.29.1 ; x\na-b==1\nwin==1\n")
    (tmp_path / "cuda.txt").write_text("nvidia-x==1\n")
    python = "{}.{}".format(*sys.version_info)
    sizes: dict[str, Any] = {"torch==2.14.1": {f"Linux x86_64 {python}": 600_000_000}}
    sizes |= {"torchvision==0.29.1": {"Linux x86_64 3.0": 7_000_000, "Darwin arm64 3.0": 1}}
    sizes |= {"a-b==1": 2_000_000, "win==1": {"Windows AMD64 3.11": 9}, "nvidia-x==1": 2 * 10**9}
    (tmp_path / "sizes.json").write_text(json.dumps(sizes))
    assert launch.announced_bytes(["app"], cuda=True) == 2_609_000_000
    assert "About 2.6 GB to download" in capsys.readouterr().out
    assert launch.announced_bytes(["app"], cuda=False) == 609_000_000
    pair = launch.CPU_PAIR_BYTES
    assert launch.announced_bytes(["app"], cuda=False, cpu_build=True) == 2_000_000 + pair
    (tmp_path / "torch-2.14.1+cpu.dist-info").mkdir()
    (tmp_path / "A_b-1.dist-info").mkdir()
    capsys.readouterr()
    assert launch.announced_bytes(["app"], cuda=False) == 7_000_000
    assert "About 7 MB to download" in capsys.readouterr().out


# --- the lock, and what runs on it ---------------------------------------------------------------


def test_the_workflows_take_fixed_actions_and_may_only_read() -> None:
    workflows = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
    assert [file.name for file in workflows] == ["audit.yml", "ci.yml", "latest.yml"]
    for file in workflows:
        text = file.read_text()
        actions = re.findall(r"uses: (.+)", text)
        assert actions
        assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v[\d.]+", action) for action in actions)
        assert re.findall(r"permissions:\n((?: +.+\n)+)", text) == ["  contents: read\n"]


def test_the_workflows_run_the_commands_of_the_readme_on_every_system() -> None:
    ci, latest, audit = (
        (ROOT / ".github" / "workflows" / f"{name}.yml").read_text()
        for name in ("ci", "latest", "audit")
    )
    systems = "os: [ubuntu-latest, macos-latest, windows-latest]"
    assert systems in ci
    assert systems in latest
    assert all(f'"{python}"' in ci for python in ("3.11", "3.12", "3.13"))
    assert "python launch.py --no-browser" in ci
    assert "run: python launch.py test" in ci
    assert "python launch.py test --latest" in latest
    assert all(f"-r locks/{part}.txt" in audit for part in PARTS)


PARTS = ("app", "cuda", "dev", "pip")


def locked(part: str) -> dict[str, str]:
    """Name to version of one file of the real lock; each has at least one hash."""
    text = (ROOT / "locks" / f"{part}.txt").read_text()
    blocks = [block for block in re.split(r"^(?=[^\s#])", text, flags=re.MULTILINE)[1:] if block]
    versions = {}
    for block in blocks:
        pin = re.match(r"([\w.-]+)==([\w.]+)( ; [^\\\n]+)? \\\n", block)
        assert pin, block
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\n", block), block
        versions[canonicalize_name(pin[1])] = pin[2]
    return versions


@pytest.mark.parametrize("part", ["app", "dev"])
def test_the_lock_satisfies_every_requirement(part: str) -> None:
    versions = locked("app") | (locked("dev") if part == "dev" else {})
    for line in launch.requirements(ROOT / launch.REQUIREMENTS[part]):
        if not line.startswith("-r"):
            need = Requirement(line)
            version = versions.get(canonicalize_name(need.name))
            assert version is not None, f"{line}: renew the lock (python scripts/lock.py)"
            assert need.specifier.contains(version), f"{line}, locked {version}: renew the lock"


def test_the_lock_names_no_host_and_says_how_it_is_renewed() -> None:
    for part in PARTS:
        text = (ROOT / "locks" / f"{part}.txt").read_text()
        assert "://" not in text
        assert "--index-url" not in text
        assert "python scripts/lock.py" in text.splitlines()[1]
    assert "://" not in (ROOT / "locks" / "sizes.json").read_text()


def test_what_only_cuda_needs_stands_apart() -> None:
    apart = re.compile(r"(nvidia|cuda)-|triton$")
    assert all(apart.match(name) for name in locked("cuda"))
    assert not any(apart.match(name) for part in ("app", "dev", "pip") for name in locked(part))


def test_every_locked_package_has_its_size_for_every_system() -> None:
    sizes = json.loads((ROOT / "locks" / "sizes.json").read_text())
    pins = {f"{name}=={version}" for part in PARTS for name, version in locked(part).items()}
    assert set(sizes) == pins, "renew the lock (python scripts/lock.py)"
    torch = sizes[f"torch=={locked('app')['torch']}"]
    systems = ("Linux x86_64", "Linux aarch64", "Darwin arm64", "Windows AMD64")
    assert set(torch) == {
        f"{name} {python}" for name in systems for python in ("3.11", "3.12", "3.13")
    }


@pytest.fixture
def lock_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("lock_script", ROOT / "scripts" / "lock.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("system", "machine", "python", "size"),
    [
        ("Linux", "x86_64", (3, 11), 1),
        ("Linux", "x86_64", (3, 13), 2),
        ("Darwin", "arm64", (3, 11), 3),
        ("Windows", "AMD64", (3, 12), 4),
        ("Linux", "aarch64", (3, 12), None),
    ],
)
def test_the_size_is_that_of_the_wheel_pip_takes(
    system: str, machine: str, python: tuple[int, int], size: int | None, lock_script: ModuleType
) -> None:
    names = ("cp311-cp311-manylinux_2_28_x86_64", "cp39-abi3-manylinux2014_x86_64")
    names += ("cp311-cp311-macosx_11_0_arm64", "py3-none-win_amd64")  # type: ignore[assignment]
    wheels = [{"url": f"x/a-1-{name}.whl", "size": i} for i, name in enumerate(names, 1)]
    file = lock_script.best_file({"wheels": wheels}, system, machine, python)
    assert (file and file["size"]) == size


def test_a_package_of_one_system_has_no_size_elsewhere(lock_script: ModuleType) -> None:
    wheels = [{"url": "x/a-1-py3-none-any.whl", "size": 5}]
    package = {"name": "a", "version": "1", "wheels": wheels}
    assert lock_script.download_size(package) == 5
    only = lock_script.download_size(package | {"marker": "sys_platform == 'win32'"})
    assert only == {f"Windows AMD64 {python}": 5 for python in ("3.11", "3.12", "3.13")}


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_port_that_is_none_is_a_sentence(port: int) -> None:
    with pytest.raises(launch.LaunchError, match="A port goes from 1 to 65535"):
        launch.free_port(port)


def test_a_port_taken_for_the_newer_kind_of_address_alone_is_taken() -> None:
    try:
        other = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with other:
        port = other.getsockname()[1]
        assert launch.free_port(port) != port


@pytest.fixture
def no_browser_on_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    monkeypatch.delenv("LENSMITH_BROWSER", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it looks in other places too")
@pytest.mark.parametrize("name", ["chromium", "google-chrome", "microsoft-edge"])
def test_chromium_chrome_and_edge_are_found(name: str, no_browser_on_path: Path) -> None:
    assert launch.find_browser() is None
    browser = no_browser_on_path / name
    browser.write_text("#!/bin/sh\n")
    browser.chmod(0o755)
    assert launch.find_browser() == str(browser)
