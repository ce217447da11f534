"""Set Lensmith up and start it: ``python launch.py``. Run its tests: ``python launch.py test``.

Needs the standard library alone. Everything is installed into ``.venv`` beside this file, unless
the Python that runs it has all that is needed already. Nothing outside this folder is changed.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - so everything in this file must parse on Python 3.6
    sys.exit(
        "Lensmith needs Python 3.11 or newer, and this is Python {}.{}. Install a newer one from "
        "python.org and start it with that.".format(*sys.version_info)
    )

import argparse
import contextlib
import errno
import hashlib
import importlib.metadata
import json
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
import venv
import webbrowser
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "installed.json"
"""What is installed completely, as file name to hash; written last, so that it is never early."""
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
SECONDS_TO_ANSWER = 5
START_SECONDS = 120


class LaunchError(Exception):
    """What went wrong, in one line: what, why, what to do."""


def main(arguments: list[str]) -> int:
    """Start the app, or run the tests. Returns the exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        if arguments[:1] == ["test"]:
            return run_tests(arguments[1:])
        parser = argparse.ArgumentParser(
            prog="launch.py", description="Start Lensmith. To run its tests: launch.py test"
        )
        parser.add_argument("--port", type=int, default=8501, help="default: 8501")
        parser.add_argument("--no-browser", action="store_true", help="do not open the browser")
        options = parser.parse_args(arguments)
        return serve(options.port, not options.no_browser)
    except LaunchError as error:
        print(str(error), file=sys.stderr)
        return 1
    except OSError as error:
        print(f"Lensmith could not be set up: {reason(str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. Start it again to go on where it was.", file=sys.stderr)
        return 130


# --- the app ------------------------------------------------------------------------------------


def serve(wanted_port: int, open_browser: bool) -> int:
    """Serve the app on this machine until Ctrl-C."""
    python = ready_python("requirements.txt")
    port = free_port(wanted_port)
    if port != wanted_port:
        say(f"Port {wanted_port} is taken by another program: using {port}.")
    command = [str(python), "-m", "streamlit", "run", "streamlit_app.py"]
    command += [f"--server.port={port}", "--server.address=localhost"]
    command += ["--server.headless=true"]
    environment = {**os.environ, "STREAMLIT_LOGGER_HIDE_WELCOME_MESSAGE": "true"}
    server = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        if answers(server, port):
            address = f"http://localhost:{port}"
            say(f"Lensmith is at {address}  (Ctrl-C ends the page; training goes on)")
            if open_browser and has_screen():
                webbrowser.open(address)
        code = server.wait()
    except KeyboardInterrupt:
        code = 0
    finally:
        end(server)
    if code:
        raise LaunchError(f"The server ended with code {code}; what it said stands above.")
    return 0


def free_port(wanted: int) -> int:
    """The first port from ``wanted`` on that nobody on this machine listens on."""
    if not 1 <= wanted <= 65535:
        raise LaunchError(f"A port goes from 1 to 65535, not {wanted}.")
    for port in range(wanted, min(wanted + 100, 65536)):
        if not any(taken(family, port) for family in (socket.AF_INET, socket.AF_INET6)):
            return port
    raise LaunchError(f"The ports from {wanted} on are all taken. Choose another with --port.")


def taken(family: int, port: int) -> bool:
    """Whether ``port`` of the loopback address is in use."""
    place = ("127.0.0.1" if family == socket.AF_INET else "::1", port)
    try:
        if os.name != "nt":
            # Elsewhere than on Windows a port that was just left can be had at once by this option.
            # On macOS it also shares a port that is in use: so ask whether somebody answers there.
            with socket.socket(family, socket.SOCK_STREAM) as asking:
                if asking.connect_ex(place) == 0:
                    return True
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            if os.name != "nt":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except PermissionError as error:
        if os.name == "nt":  # what Windows says of a port in exclusive use
            return True
        raise LaunchError(f"Port {port} is for administrators. Choose one above 1023.") from error
    except OSError as error:
        return error.errno == errno.EADDRINUSE  # anything else: this machine has no such addresses
    return False


def has_screen() -> bool:
    """Whether there is a desktop to open a browser on; without one, a text browser would start."""
    names = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "WSL_DISTRO_NAME")
    return sys.platform != "linux" or any(os.environ.get(name) for name in names)


def answers(server: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until the page can be had; False when the server ended before."""
    asking = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None:
        with contextlib.suppress(OSError):
            asking.open(f"http://localhost:{port}/_stcore/health", timeout=2).close()
            return True
        if time.monotonic() > deadline:
            raise LaunchError(f"The page did not come up within {START_SECONDS} s. Try again.")
        time.sleep(0.05)
    return False


def end(server: subprocess.Popen[bytes]) -> None:
    """Let the server end by itself, as Ctrl-C has reached it too; then insist."""
    for insist, seconds in ((None, 1), (server.terminate, 5), (server.kill, 5)):
        if insist:
            insist()
        try:
            server.wait(timeout=seconds)
            return
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            continue


# --- the tests ----------------------------------------------------------------------------------


def run_tests(arguments: list[str]) -> int:
    """Run pytest with ``arguments``, the browser tests included."""
    browser = find_browser()
    if browser is None and not any("not browser" in word for word in arguments):
        raise LaunchError(
            f"The browser tests need Chromium, Chrome or Edge. Get one: {how_to_get_a_browser()}. "
            'Or leave those tests out: python launch.py test -m "not browser"'
        )
    python = ready_python("requirements.txt", "requirements-dev.txt")
    environment = {**os.environ, **({"LENSMITH_BROWSER": browser} if browser else {})}
    # Two at a time, and the threads of each would get in the way of the other's.
    environment.setdefault("OMP_NUM_THREADS", "1")
    two = [] if "-n" in arguments else ["-n", "2", "--no-loadscope-reorder"]
    command = [str(python), "-m", "pytest", *two, *arguments]
    code = subprocess.call(command, cwd=ROOT, env=environment)
    if code < 0:
        raise LaunchError(f"The tests were ended from outside (signal {-code}), before their end.")
    return code


def find_browser() -> str | None:
    """The path of a Chromium, Chrome or Edge on this system; ``LENSMITH_BROWSER`` comes first."""
    names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
    names += ["chrome", "msedge", "microsoft-edge", "microsoft-edge-stable"]
    places = [Path(found) for found in map(shutil.which, names) if found]
    if sys.platform == "darwin":
        for app in ("Google Chrome", "Chromium", "Microsoft Edge"):
            for folder in (Path("/Applications"), Path.home() / "Applications"):
                places.append(folder / f"{app}.app/Contents/MacOS/{app}")
    for variable in ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA"):
        if os.name == "nt" and variable in os.environ:
            folder = Path(os.environ[variable])
            places += [folder / "Google/Chrome/Application/chrome.exe"]
            places += [folder / "Chromium/Application/chrome.exe"]
            places += [folder / "Microsoft/Edge/Application/msedge.exe"]
    if "LENSMITH_BROWSER" in os.environ:
        places.insert(0, Path(os.environ["LENSMITH_BROWSER"]))
    return next((str(place) for place in places if place.is_file()), None)


def how_to_get_a_browser() -> str:
    """The command or page that brings a browser to this system."""
    if sys.platform == "linux":
        for tool, command in (
            ("apt-get", "sudo apt-get install chromium"),
            ("dnf", "sudo dnf install chromium"),
            ("pacman", "sudo pacman -S chromium"),
        ):
            if shutil.which(tool):
                return command
    return "google.com/chrome"


# --- the environment ----------------------------------------------------------------------------


def ready_python(*files: str) -> Path:
    """A Python in which everything that ``files`` name is installed; installs it where needed."""
    if Path(sys.prefix).resolve() != VENV and all(satisfied(ROOT / name) for name in files):
        return Path(sys.executable)
    wanted = fingerprints(files)
    if not installed(wanted):
        with one_at_a_time():
            if not installed(wanted):  # another start may have done it meanwhile
                install(files)
    return PYTHON


def fingerprints(files: tuple[str, ...]) -> dict[str, str]:
    """File name to the hash of its content."""
    return {name: hashlib.sha256((ROOT / name).read_bytes()).hexdigest() for name in files}


def installed(wanted: dict[str, str]) -> bool:
    """Whether ``.venv`` has all that these requirements name."""
    try:
        stamp = json.loads(STAMP.read_text())
        return PYTHON.exists() and stamp.items() >= wanted.items()
    except (OSError, ValueError, AttributeError):
        return False


def requirements(file: Path) -> list[str]:
    """The lines of a requirements file without its comments."""
    lines = (line.split("#")[0].strip() for line in file.read_text().splitlines())
    return [line for line in lines if line]


def satisfied(file: Path) -> bool:
    """Whether the Python that runs this has every package of a requirements file."""
    for line in requirements(file):
        if line.startswith("-r"):
            if not satisfied(file.parent / line[2:].strip()):
                return False
        else:
            name, rules = re.match(r"([\w.-]+)(.*)", line).groups()  # type: ignore[union-attr]
            try:
                found = numbers(importlib.metadata.version(name))
            except importlib.metadata.PackageNotFoundError:
                return False
            for sign, version in re.findall(r"(>=|!=)([\w.]+)", rules):
                if not (found >= numbers(version) if sign == ">=" else found != numbers(version)):
                    return False
    return True


def numbers(version: str) -> tuple[int, ...]:
    """``"2.9.1+cpu"`` as (2, 9, 1)."""
    return tuple(int(part) for part in re.findall(r"\d+", version.split("+")[0]))


def install(files: tuple[str, ...]) -> None:
    """Make ``.venv`` and install what ``files`` name; goes on where a broken-off one stopped."""
    say("Setting Lensmith up. This takes a few minutes, once.")
    make_environment()
    if sys.platform == "linux" and not has_nvidia_driver() and not present("torch"):
        install_cpu_torch()
    for name in files:
        output = pip("install", "-r", str(ROOT / name))
        if output is not None:
            raise LaunchError(f"The packages could not be installed: {reason(output)}")
    stamp = json.loads(STAMP.read_text()) if STAMP.exists() else {}
    beside = STAMP.with_suffix(".part")
    beside.write_text(json.dumps({**stamp, **fingerprints(files)}))
    beside.replace(STAMP)
    say("Everything is installed.")


def make_environment() -> None:
    """A ``.venv`` with a working pip, without what an installation left half done."""
    works = PYTHON.exists() and quietly([str(PYTHON), "-m", "pip", "--version"])
    if not works:
        if Path(sys.prefix).resolve() == VENV:
            raise LaunchError(f"There is no pip in {VENV}. Delete that folder and start again.")
        try:
            shutil.rmtree(VENV, ignore_errors=True)
            venv.create(VENV, symlinks=os.name != "nt")
            output = run([str(PYTHON), "-m", "ensurepip", "--upgrade", "--default-pip"])
        except OSError as error:
            raise LaunchError(f"{VENV} could not be made: {reason(str(error))}") from error
        if output is not None:
            missing = "No module named ensurepip" in output or "ensurepip is disabled" in output
            raise LaunchError(
                "Python's venv module is not complete here. On Debian and Ubuntu: "
                "sudo apt-get install python3-venv"
                if missing
                else f"{VENV} could not be made: {reason(output)}"
            )
    # pip writes INSTALLER when all files of a package are in place. Where it is missing, pip was
    # killed in between, and would take the torn package for a whole one.
    for information in packages_folder().glob("*.dist-info"):
        if not (information / "INSTALLER").exists():
            shutil.rmtree(information)


def packages_folder() -> Path:
    """The ``site-packages`` of ``.venv``."""
    if os.name == "nt":
        return VENV / "Lib/site-packages"
    return next(iter(VENV.glob("lib/python3*/site-packages")), VENV / "lib")


def present(package: str) -> bool:
    """Whether ``.venv`` has some version of a package."""
    return any(packages_folder().glob(f"{package}-*.dist-info"))


def has_nvidia_driver() -> bool:
    """Whether an NVIDIA driver is loaded, so that a CUDA build would be of use."""
    return Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None


def install_cpu_torch() -> None:
    """Install the CPU build of torch and torchvision where a pair that works can be had."""
    index = os.environ.get("LENSMITH_TORCH_INDEX", CPU_INDEX)
    problem = None if index.startswith("file:") else unreachable(index)
    if problem is None:
        say("There is no NVIDIA driver here: trying the CPU build of PyTorch, which is smaller.")
        lines = requirements(ROOT / "requirements.txt")
        pair = [line for line in lines if re.match(r"(torch|torchvision)\b", line)]
        quick = ["--timeout", "15", "--retries", "0"]
        output = pip("install", "--index-url", index, *quick, *pair)
        if output is not None:
            problem = reason(output)
        elif not quietly([str(PYTHON), "-c", "import torch, torchvision"]):
            problem = "the pair that it gives cannot be imported together."
        else:
            say("The CPU build of PyTorch is installed, and works.")
            return
        pip("uninstall", "-y", "torch", "torchvision")
    say(f"Installing the plain build of PyTorch, as the CPU build cannot be had: {problem}")


def unreachable(index: str) -> str | None:
    """Why an index cannot be asked; None when it answers."""
    try:
        urllib.request.urlopen(index + "/torch/", timeout=SECONDS_TO_ANSWER).close()
    except (OSError, ValueError) as error:
        return f"{index} does not answer ({getattr(error, 'reason', error)})."
    return None


def pip(*arguments: str) -> str | None:
    """Run pip in ``.venv``; its own configuration holds. None, or what it said when it failed."""
    output = run([str(PYTHON), "-m", "pip", "--disable-pip-version-check", *arguments])
    if output is not None:
        (VENV / "install.log").write_text(output, encoding="utf-8", errors="replace")
    return output


def reason(output: str) -> str:
    """The sentence for what pip or the system said."""
    found = re.search(r"No matching distribution found for (\S+)", output)
    if re.search(r"No space left on device|Errno 28\b|WinError 112\b|not enough space", output):
        free = shutil.disk_usage(ROOT).free / 1e9
        return (
            f"the disk is full ({free:.1f} GB free in {ROOT}, temporary files in "
            f"{tempfile.gettempdir()}); about 8 GB are needed. Free some space and start again."
        )
    if re.search(
        r"NewConnectionError|NameResolutionError|Failed to establish|name resolution|getaddrinfo"
        r"|ConnectTimeout|ReadTimeout|Read timed out|Connection (reset|refused|aborted)|ProxyError",
        output,
    ):
        return "there is no connection to the package index. Connect and start again."
    if found:
        return (
            f"there is no {found[1]} for Python {platform.python_version()} on this "
            f"{platform.system()} {platform.machine()}. Try another Python, such as 3.12."
        )
    told = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in told if line.lower().startswith("error")]
    return f"{(errors or told or ['no reason was given'])[-1]} (All of it: .venv/install.log.)"


def run(command: list[str]) -> str | None:
    """Run a command, showing what it is at. None when it worked, else what it printed."""
    told = []
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, cwd=ROOT
    ) as process:
        try:
            for raw in process.stdout or ():
                line = raw.decode("utf-8", "replace").rstrip()
                told.append(line)
                if re.match(r"Collecting |\s+Downloading |Installing collected", line):
                    show(line.strip())
        except KeyboardInterrupt:
            process.terminate()
            raise
    show("")
    return "\n".join(told) if process.returncode else None


def quietly(command: list[str]) -> bool:
    """Whether a command works; what it prints is of no interest."""
    return subprocess.run(command, capture_output=True, cwd=VENV).returncode == 0


def show(text: str) -> None:
    """One line of a terminal that the next one takes the place of; nothing in a log."""
    if sys.stdout.isatty():
        width = shutil.get_terminal_size().columns - 1
        print("\r" + text[:width].ljust(width) + ("" if text else "\r"), end="", flush=True)


def say(text: str) -> None:
    """One line for the reader."""
    print(text, flush=True)


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Hold the lock of this folder's installation; it ends with the process, however that ends."""
    name = hashlib.sha256(str(VENV).encode()).hexdigest()[:16]
    with (Path(tempfile.gettempdir()) / f"lensmith-{name}.lock").open("a+b") as file:
        told = False
        while not lock(file.fileno()):
            if not told:
                say("Another start is installing at the moment: waiting for it.")
            told = True
            time.sleep(0.5)
        yield


def lock(descriptor: int) -> bool:
    """Take the lock of an open file if nobody has it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
