"""Set Lensmith up and start it: ``python launch.py``. Run its tests: ``python launch.py test``.

Needs the standard library alone. Everything is installed into ``.venv`` beside this file, unless
the Python that runs it has all that is needed already. Nothing outside this folder is changed.
The tested versions are installed, by the hashes in ``locks/``; ``--latest`` takes the newest.
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
import threading
import time
import urllib.request
import venv
import webbrowser
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "installed.json"
"""What is installed completely, as file name to hash; written last, so that it is never early."""
LOCKS = ROOT / "locks"
REQUIREMENTS = {"app": "requirements.txt", "dev": "requirements-dev.txt"}
TORCH_PAIR = ("torch", "torchvision")
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
WITHOUT_TORCH = ("Darwin x86_64", "Windows ARM64")
CPU_PAIR_BYTES = 200_000_000
"""About what the CPU builds of torch and torchvision take to download; 2.13's took 194 MB."""
RAW_PROGRESS_PIP = (24, 1)
"""The first version of pip that can print its progress in bytes, without a terminal."""
LOG_SECONDS = 30
LOG_SHARE = 0.1
"""A log gets a line of progress after so many seconds, or after so much of the whole."""
SECONDS_TO_ANSWER = 5
START_SECONDS = 120
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")


class LaunchError(Exception):
    """What went wrong, in one line: what, why, what to do."""


def main(arguments: list[str]) -> int:
    """Start the app, or run the tests. Returns the exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        latest = "--latest" in arguments
        words = [word for word in arguments if word != "--latest"]
        if words[:1] == ["test"]:
            return run_tests(words[1:], latest)
        parser = argparse.ArgumentParser(
            prog="launch.py", description="Start Lensmith. To run its tests: launch.py test"
        )
        parser.add_argument("--port", type=int, default=8501, help="default: 8501")
        parser.add_argument("--no-browser", action="store_true", help="do not open the browser")
        parser.add_argument(
            "--allow-host",
            action="append",
            default=[],
            metavar="NAME",
            help="a further name that people reach it by, such as that of a proxy",
        )
        parser.add_argument(
            "--latest", action="store_true", help="install the newest versions, not the tested ones"
        )
        options = parser.parse_args(arguments)
        return serve(options.port, not options.no_browser, latest, options.allow_host)
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


def serve(wanted_port: int, open_browser: bool, latest: bool, hosts: Sequence[str] = ()) -> int:
    """Serve the app on this machine until Ctrl-C. ``hosts`` are allowed beside its own names."""
    python = ready_python(["app"], latest)
    port = free_port(wanted_port)
    if port != wanted_port:
        say(f"Port {wanted_port} is taken by another program: using {port}.")
    command = [str(python), "-m", "streamlit", "run", "streamlit_app.py"]
    command += [f"--server.port={port}", "--server.address=localhost"]
    command += ["--server.headless=true"]
    if hosts:  # else .streamlit/config.toml has the list
        command += [f"--server.allowedHosts={host}" for host in (*LOOPBACK_HOSTS, *hosts)]
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
        if not any(port_in_use(family, port) for family in (socket.AF_INET, socket.AF_INET6)):
            return port
    raise LaunchError(f"The ports from {wanted} on are all taken. Choose another with --port.")


def port_in_use(family: int, port: int) -> bool:
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


def run_tests(arguments: list[str], latest: bool) -> int:
    """Run pytest with ``arguments``, the browser tests included."""
    browser = find_browser()
    if browser is None and not any("not browser" in word for word in arguments):
        raise LaunchError(
            f"The browser tests need Chromium, Chrome or Edge. Get one: {how_to_get_a_browser()}. "
            'Or leave those tests out: python launch.py test -m "not browser"'
        )
    python = ready_python(["app", "dev"], latest)
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
    places = [Path(path) for path in map(shutil.which, names) if path]
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


def ready_python(parts: Sequence[str], latest: bool) -> Path:
    """A Python in which everything that ``parts`` need is installed; installs it where needed."""
    files = [ROOT / REQUIREMENTS[part] for part in parts]
    if Path(sys.prefix).resolve() != VENV and all(map(satisfied, files)):
        return Path(sys.executable)
    wanted = fingerprints(parts, latest)
    if not installed(wanted):
        with one_at_a_time():
            if not installed(wanted):  # another start may have done it meanwhile
                install(parts, latest)
    return PYTHON


def fingerprints(parts: Sequence[str], latest: bool) -> dict[str, str]:
    """Which versions are wanted, and the hash of each file that names them."""
    files = [REQUIREMENTS[part] if latest else f"locks/{part}.txt" for part in parts]
    hashes = {name: hashlib.sha256((ROOT / name).read_bytes()).hexdigest() for name in files}
    return {"versions": "latest" if latest else "locked", **hashes}


def installed(wanted: dict[str, str]) -> bool:
    """Whether ``.venv`` has all that these requirements name."""
    return PYTHON.exists() and read_stamp().items() >= wanted.items()


def read_stamp() -> dict[str, str]:
    """What ``.venv`` has completely; nothing where that is not known."""
    try:
        return dict(json.loads(STAMP.read_text()))
    except (OSError, ValueError, TypeError):
        return {}


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
                installed = numbers(importlib.metadata.version(name))
            except importlib.metadata.PackageNotFoundError:
                return False
            for sign, version in re.findall(r"(>=|!=)([\w.]+)", rules):
                if not (
                    installed >= numbers(version) if sign == ">=" else installed != numbers(version)
                ):
                    return False
    return True


def numbers(version: str) -> tuple[int, ...]:
    """``"2.9.1+cpu"`` as (2, 9, 1)."""
    return tuple(int(part) for part in re.findall(r"\d+", version.split("+")[0]))


def install(parts: Sequence[str], latest: bool) -> None:
    """Make ``.venv`` and install what ``parts`` need; goes on where a broken-off one stopped."""
    index = torch_index()
    wanted = fingerprints(parts, latest)
    if not latest:
        refuse_incomplete_lock(parts)
    say("Setting Lensmith up, once.")
    make_environment()
    stamp = read_stamp()
    STAMP.unlink(missing_ok=True)  # the packages change from here on
    upgrade_pip()
    if not (cpu_build_is_wanted(latest) and install_with_cpu_build(parts, latest, index)):
        cuda = sys.platform == "linux" and not has_cpu_build()
        output = pip_install(parts, latest, cuda, Progress(announced_bytes(parts, cuda)))
        if output is not None:
            raise LaunchError(f"The packages could not be installed: {reason(output)}")
    if stamp.get("versions") != wanted["versions"]:
        stamp = {}
    beside = STAMP.with_suffix(".part")
    beside.write_text(json.dumps({**stamp, **wanted}))
    beside.replace(STAMP)
    say("Everything is installed.")


def torch_index() -> str:
    """The index of torch's CPU build. Its files are not in the lock: so it must be a safe one."""
    index = os.environ.get("LENSMITH_TORCH_INDEX") or CPU_INDEX
    if not index.startswith(("https://", "file:///")):
        raise LaunchError(
            f"LENSMITH_TORCH_INDEX is {without_password(index)}, where anybody on the way could "
            "exchange what is installed. Give an address that starts with https://, or unset it."
        )
    return index.rstrip("/")


def without_password(address: str) -> str:
    """An address that can be shown."""
    return re.sub(r"//[^/@]*@", "//", address)


def pins(part: str) -> dict[str, str]:
    """Package name to version, as one file of the lock has them."""
    lines = re.findall(
        r"^([\w.-]+)==([^\s;\\]+)", (LOCKS / f"{part}.txt").read_text(), re.MULTILINE
    )
    return {normalized(name): version for name, version in lines}


def normalized(name: str) -> str:
    """One spelling for all that mean the same package."""
    return re.sub(r"[-_.]+", "-", name).lower()


def refuse_incomplete_lock(parts: Sequence[str]) -> None:
    """Raise when a requirement was added that the lock does not have."""
    locked = {name for part in parts for name in pins(part)}
    for part in parts:
        for line in requirements(ROOT / REQUIREMENTS[part]):
            name = re.split(r"[<>=!~;\[ ]", line)[0]
            if not line.startswith("-r") and normalized(name) not in locked:
                raise LaunchError(
                    f"{REQUIREMENTS[part]} asks for {name}, which the lock does not have. Renew it "
                    "with python scripts/lock.py, or start with --latest."
                )


def upgrade_pip() -> None:
    """Bring a pip that can print its progress, where there is an older one."""
    version = present("pip")
    if version and numbers(version) < RAW_PROGRESS_PIP:
        output = pip("install", "--require-hashes", "-r", str(LOCKS / "pip.txt"))
        if output is not None:
            raise LaunchError(f"pip could not be upgraded: {reason(output)}")


def pip_install(parts: Sequence[str], latest: bool, cuda: bool, progress: "Progress") -> str | None:
    """Install what ``parts`` need. None, or what pip said when it failed."""
    if latest:
        words = ["--upgrade"]
        for part in parts:
            words += ["-r", str(ROOT / REQUIREMENTS[part])]
        if has_cpu_build():  # the newest that the package index has would be a CUDA build
            versions = ((name, present(name)) for name in TORCH_PAIR)
            constraints = VENV / "constraints.txt"
            constraints.write_text("".join(f"{name}=={v}\n" for name, v in versions if v))
            words += ["-c", str(constraints)]
    else:
        # Without hashes are only the tools that a build from source needs: so nothing is built.
        words = ["--require-hashes", "--only-binary", ":all:"]
        for part in [*parts, "cuda"] if cuda else parts:
            words += ["-r", str(LOCKS / f"{part}.txt")]
    return pip("install", *words, progress=progress)


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
    for information in distributions():
        if not (information / "INSTALLER").exists():
            shutil.rmtree(information)


def packages_folder() -> Path:
    """The ``site-packages`` of ``.venv``."""
    if os.name == "nt":
        return VENV / "Lib/site-packages"
    return next(iter(VENV.glob("lib/python3*/site-packages")), VENV / "lib")


def distributions() -> list[Path]:
    """The ``.dist-info`` folder of each package in ``.venv``."""
    return list(packages_folder().glob("*.dist-info"))


def present(package: str) -> str | None:
    """The version of a package that ``.venv`` has."""
    for information in distributions():
        name, _, version = information.name.removesuffix(".dist-info").partition("-")
        if normalized(name) == package:
            return version
    return None


def has_nvidia_driver() -> bool:
    """Whether an NVIDIA driver is loaded, so that a CUDA build would be of use."""
    return Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None


def cpu_build_is_wanted(latest: bool) -> bool:
    """Whether torch's CPU build would be of more use than the torch that is there, or none."""
    version = present("torch")
    right = version is not None and (latest or numbers(version) == numbers(pins("app")["torch"]))
    return sys.platform == "linux" and not has_nvidia_driver() and not right


def has_cpu_build() -> bool:
    """Whether ``.venv`` has a torch that needs no CUDA packages."""
    version = present("torch")
    metadata = packages_folder() / f"torch-{version}.dist-info/METADATA"
    if version is None or not metadata.exists():
        return False
    cuda_package = r"^Requires-Dist: *(nvidia|cuda|triton)(?![a-z])"
    return not re.search(cuda_package, metadata.read_text("utf-8"), re.MULTILINE | re.IGNORECASE)


def install_with_cpu_build(parts: Sequence[str], latest: bool, index: str) -> bool:
    """Install what ``parts`` need on top of torch's CPU build, where a working pair can be had."""
    problem = None if index.startswith("file:") else unreachable(index)
    if problem is None:
        say("There is no NVIDIA driver here: trying the CPU build of PyTorch, which is smaller.")
        progress = Progress(announced_bytes(parts, cuda=False, cpu_build=True))
        problem = install_cpu_pair(latest, index, progress)
        if problem is None:
            output = pip_install(parts, latest, False, progress)
            if output is not None:
                raise LaunchError(f"The packages could not be installed: {reason(output)}")
            if quietly([str(PYTHON), "-c", "import torch, torchvision"]):
                say("The CPU build of PyTorch is installed, and works.")
                return True
            problem = "the pair that it gives cannot be imported together."
        pip("uninstall", "-y", *TORCH_PAIR)
    say(f"Installing the plain build of PyTorch, as the CPU build cannot be had: {problem}")
    return False


def install_cpu_pair(latest: bool, index: str, progress: "Progress") -> str | None:
    """Install torch and torchvision from the index of CPU builds. None, or what was in the way."""
    words = ["--index-url", index, "--timeout", "15", "--retries", "0"]
    if latest:
        lines = requirements(ROOT / REQUIREMENTS["app"])
        words += [line for line in lines if re.match(r"(torch|torchvision)\b", line)]
    else:  # what these need comes from the lock, afterwards
        words += ["--no-deps", *(f"{name}=={pins('app')[name]}" for name in TORCH_PAIR)]
    output = pip("install", *words, progress=progress)
    if output is not None:
        return reason(output)
    # pip's own configuration can name a further index, and with it another build.
    return None if has_cpu_build() else f"{without_password(index)} does not have it."


def unreachable(index: str) -> str | None:
    """Why an index cannot be asked; None when it answers."""
    try:
        urllib.request.urlopen(index + "/torch/", timeout=SECONDS_TO_ANSWER).close()
    except (OSError, ValueError) as error:
        why = getattr(error, "reason", error)
        return f"{without_password(index)} does not answer ({why})."
    return None


def announced_bytes(parts: Sequence[str], cuda: bool, cpu_build: bool = False) -> int:
    """The bytes to download for what is not there yet; says how many, since the reader waits."""
    wanted = [item for part in parts for item in pins(part).items()]
    wanted += pins("cuda").items() if cuda else ()
    sizes = json.loads((LOCKS / "sizes.json").read_text())
    total = 0
    for name, version in wanted:
        if numbers(present(name) or "") != numbers(version):
            if not (cpu_build and name in TORCH_PAIR):
                total += size_here(sizes.get(f"{name}=={version}", 0))
            elif name == "torch":
                total += CPU_PAIR_BYTES
    if total:
        say(f"About {amount(total)} to download, less what pip has in its cache.")
    return total


def size_here(size: "int | dict[str, int]") -> int:
    """The bytes of one package for this system; of the newest Python known, on a newer one."""
    if isinstance(size, int):
        return size
    place = f"{platform.system()} {platform.machine()} "
    same_machine = [number for key, number in size.items() if key.startswith(place)]
    here = "{}.{}".format(*sys.version_info)
    return size.get(place + here, same_machine[-1] if same_machine else 0)


def amount(number: int) -> str:
    """Bytes as a reader wants them: ``3.1 GB``, ``412 MB``."""
    return f"{number / 1e9:.1f} GB" if number >= 1e9 else f"{max(1, round(number / 1e6))} MB"


class Progress:
    """How far pip is: a line of a terminal that is rewritten, or a line now and then in a log."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.finished = 0
        self.file, self.file_size, self.file_done = "", 0, 0
        self.to_unpack: list[str] = []
        self.logged_at, self.logged_share = time.monotonic(), 0.0

    def read(self, line: str) -> None:
        """Take in one line that pip prints."""
        bytes_done = re.match(r"Progress (\d+) of", line)
        download = re.match(r"\s*(Downloading|Using cached) (\S+) \(([\d.]+) (\w+)\)", line)
        from_disk = re.match(r"Processing (.+\.whl)", line)
        names = re.match(r"Installing collected packages: (.+)", line)
        if bytes_done:
            self.file_done = int(bytes_done[1])
        elif download:
            unit = {"kB": 1e3, "MB": 1e6, "GB": 1e9}.get(download[4], 1)
            size = int(float(download[3]) * unit)
            self.begin(download[2], size, download[1] == "Using cached")
        elif from_disk:
            with contextlib.suppress(OSError):
                self.begin(Path(from_disk[1]).name, Path(from_disk[1]).stat().st_size, True)
        elif names:
            self.begin("", 0, False)
            self.to_unpack = [normalized(name) for name in names[1].split(", ")]

    def begin(self, file: str, size: int, is_here: bool) -> None:
        """Turn from the file before, which is done, to the next."""
        self.finished += self.file_size
        self.file, self.file_size, self.file_done = file, size, size if is_here else 0
        self.to_unpack = []

    def state(self) -> tuple[float, str]:
        """The share of the download that is done, and the line that says so."""
        if self.to_unpack:
            names = {normalized(path.name.split("-")[0]) for path in distributions()}
            unpacked = len(names & set(self.to_unpack))
            return 0.0, f"Unpacking: {unpacked} of {len(self.to_unpack)} packages"
        done = self.finished + self.file_done
        total = max(self.total, done, 1)
        name = self.file.split("-")[0]
        text = f"{done / 1e6:,.0f} of about {total / 1e6:,.0f} MB" + (f": {name}" if name else "")
        return done / total, text

    def show(self, ended: threading.Event) -> None:
        """Show how far it is, until it has ended."""
        while not ended.wait(0.2):
            share, text = self.state()
            if sys.stdout.isatty():
                show(text)
                continue
            late = time.monotonic() - self.logged_at >= LOG_SECONDS
            if late or share >= self.logged_share + LOG_SHARE:
                say(f"  {text}")
                self.logged_at, self.logged_share = time.monotonic(), share


def pip(*arguments: str, progress: "Progress | None" = None) -> str | None:
    """Run pip in ``.venv``; its own configuration holds. None, or what it said when it failed."""
    command = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", *arguments]
    if progress and numbers(present("pip") or "") >= RAW_PROGRESS_PIP:
        command += ["--progress-bar", "raw"]
    output = run(command, progress)
    if output is not None:
        (VENV / "install.log").write_text(output, encoding="utf-8", errors="replace")
    return output


def reason(output: str) -> str:
    """The sentence for what pip or the system said."""
    missing = re.search(r"No matching distribution found for (\S+)", output)
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
    if missing:
        machine = f"{platform.system()} {platform.machine()}"
        advice = "Try another Python, such as 3.12."
        if missing[1].startswith("torch") and machine in WITHOUT_TORCH:
            advice = "PyTorch is no longer made for it: use another computer."
        python = platform.python_version()
        return f"there is no {missing[1]} for Python {python} on this {machine}. {advice}"
    if re.search(r"Hashes are required|must have their versions pinned", output):
        advice = "Renew it with python scripts/lock.py, or start with --latest."
        return f"the lock is not complete. {advice}"
    changed = re.search(r"DO NOT MATCH THE HASHES.*?\n\s+(\S+)", output, re.DOTALL)
    if changed:
        return (
            f"{changed[1]} is not the file that was tested (its hash differs), so it was not "
            "installed. Start again; if it stays so, the package index or a proxy alters files."
        )
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error")]
    return f"{(errors or lines or ['no reason was given'])[-1]} (All of it: .venv/install.log.)"


def run(command: list[str], progress: "Progress | None" = None) -> str | None:
    """Run a command, showing how far it is. None when it worked, else what it printed."""
    lines = []
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}
    ended = threading.Event()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, cwd=ROOT
    ) as process:
        if progress:
            showing = threading.Thread(target=progress.show, args=(ended,), daemon=True)
            showing.start()
        try:
            for raw in process.stdout or ():
                line = raw.decode("utf-8", "replace").rstrip()
                if progress:
                    progress.read(line)
                if not line.startswith("Progress "):
                    lines.append(line)
        except KeyboardInterrupt:
            process.terminate()
            raise
        finally:
            ended.set()
            if progress:
                showing.join()
    show("")
    return "\n".join(lines) if process.returncode else None


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
        announced = False
        while not lock(file.fileno()):
            if not announced:
                say("Another start is installing at the moment: waiting for it.")
            announced = True
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
