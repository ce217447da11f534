"""The hardware of this computer (cores, memory, accelerator) and measurements on it. No torch.

Measurements lie in the workspace, one JSON file a host name, under keys that name the measurement.
"""

import _thread
import ctypes
import os
import platform
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import psutil

from ml import __version__
from ml.utils.environment import value
from ml.utils.files import read_json, write_json
from ml.utils.locks import held
from ml.workspace import Workspace

MEMORY_LIMIT = "LENSMITH_MEMORY_LIMIT"
"""In the environment of a child: how many bytes it may allocate."""
PARENT = "LENSMITH_PARENT"
"""In the environment of a child: the process id without which nobody waits for its result."""
PARENT_SECONDS = 2.0
INTERRUPT_SECONDS = 10.0
"""How long an interrupted process may take to put away what it has begun."""
ON_WINDOWS = sys.platform == "win32"
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of malloc.h


@dataclass(frozen=True)
class Machine:
    """Usable cores, total and free memory in bytes, and ``cpu``, ``cuda`` or ``mps``."""

    cores: int
    memory: int
    free: int
    accelerator: str


def keep_freed_memory() -> bool:
    """Make glibc's malloc keep freed memory for the next step; whether it does now.

    By default glibc returns the large tensors of each step to the system and maps them again, which
    takes up to a third of a small network's time. Other C libraries are left as they are.
    """
    if sys.platform != "linux":
        return False
    try:
        libc = ctypes.CDLL("libc.so.6")
        return bool(
            libc.mallopt(_MMAP_THRESHOLD, 32 << 20) and libc.mallopt(_TRIM_THRESHOLD, 2**30)
        )
    except (OSError, AttributeError):  # another C library
        return False


def limit_memory(limit: int) -> bool:
    """Let an allocation beyond ``limit`` bytes fail; False where the system cannot do that.

    Pictures and archives come from anywhere: one that takes too much ends this process and no
    other.
    """
    try:
        import resource
    except ImportError:  # Windows
        return False
    try:
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
    except (ValueError, OSError):
        return False
    return sys.platform == "linux"  # elsewhere it is set and not kept


def limit_of_child(environment: Mapping[str, str] = os.environ) -> int:
    """The bytes that ``MEMORY_LIMIT`` allows this process; 0 where it sets no limit."""
    return int(value(MEMORY_LIMIT, environment) or 0)


def end_with_parent(environment: Mapping[str, str] = os.environ) -> None:
    """Interrupt this process when the one that ``PARENT`` names has ended."""
    text = environment.get(PARENT, "")
    if text.isdecimal():
        threading.Thread(target=_follow, args=(int(text),), daemon=True).start()


def _follow(parent: int) -> None:
    while psutil.pid_exists(parent) and (ON_WINDOWS or os.getppid() == parent):
        time.sleep(PARENT_SECONDS)
    _thread.interrupt_main()
    time.sleep(INTERRUPT_SECONDS)
    os._exit(130)


def peak_memory() -> int:
    """The peak memory of this process (resident set size), in bytes."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)


def accelerator() -> str:
    """The accelerator that torch would use, detected without importing torch."""
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return "mps"
    if sys.platform == "win32":
        system = os.environ.get("SYSTEMROOT", r"C:\Windows")
        driver = os.path.join(system, "System32", "nvcuda.dll")  # noqa: PTH118 (a Windows path)
    else:
        driver = "/dev/nvidiactl"
    return "cuda" if os.path.exists(driver) else "cpu"  # noqa: PTH110 (also for a device)


def describe() -> Machine:
    """This machine. ``cores`` counts those that this process may use."""
    memory = psutil.virtual_memory()
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return Machine(usable or 1, memory.total, memory.available, accelerator())


def thread_count(requested: int) -> int:
    """The number of CPU threads; for 0 that in ``LENSMITH_THREADS``, else all usable cores."""
    return requested or int(value("LENSMITH_THREADS") or 0) or describe().cores


def versions() -> dict[str, str]:
    """The versions of Lensmith, Python and the packages that a run records."""
    by_package = {"lensmith": __version__, "python": platform.python_version()}
    for package in ("torch", "torchvision", "lightning", "onnxruntime"):
        try:
            by_package[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            by_package[package] = "missing"
    return by_package


def read_measurements(workspace: Workspace) -> dict[str, Any]:
    """All measurements on this host, by key."""
    content = read_json(workspace.machine / f"{platform.node() or 'host'}.json", {})
    return content if isinstance(content, dict) else {}


def save_measurement(workspace: Workspace, key: str, value: Any) -> None:
    """Save a measurement of this host under ``key``."""
    workspace.machine.mkdir(exist_ok=True)
    path = workspace.machine / f"{platform.node() or 'host'}.json"
    with held(path.with_suffix(".lock")):
        write_json(path, {**read_measurements(workspace), key: value})
