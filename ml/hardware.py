"""What this computer is, and what was measured on it once and is remembered. Light: no torch.

Measurements are kept in the workspace, one file a host, under keys that name what was measured.
"""

import ctypes
import os
import platform
import sys
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import psutil
from filelock import FileLock

from ml import __version__
from ml.utils.files import read_json, write_json
from ml.workspace import Workspace

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of malloc.h


@dataclass(frozen=True)
class Machine:
    """Cores, memory in bytes, and the best accelerator: ``cpu``, ``cuda`` or ``mps``."""

    cores: int
    memory: int
    free: int
    accelerator: str


def keep_freed_memory() -> bool:
    """Let a training keep the memory that it frees, for its next step; True where that was done.

    glibc gives the large tensors of each step back to the system and asks for them again, page by
    page: up to a third of a small network's time. Elsewhere nothing is changed.
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


def peak_memory() -> int:
    """The most memory that this process has held, in bytes."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(most if sys.platform == "darwin" else most * 1024)


def accelerator() -> str:
    """The accelerator that torch would find, told without importing it."""
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return "mps"
    if sys.platform == "win32":
        system = os.environ.get("SYSTEMROOT", r"C:\Windows")
        driver = os.path.join(system, "System32", "nvcuda.dll")  # noqa: PTH118 (a Windows path)
    else:
        driver = "/dev/nvidiactl"
    return "cuda" if os.path.exists(driver) else "cpu"  # noqa: PTH110 (also for a device)


def describe() -> Machine:
    """This machine. ``cores`` are those that this process may use."""
    memory = psutil.virtual_memory()
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return Machine(usable or 1, memory.total, memory.available, accelerator())


def threads(wanted: int) -> int:
    """How many CPU threads to compute with; 0 takes what the page left or all cores."""
    given = os.environ.get("LENSMITH_THREADS", "")
    return wanted or (int(given) if given.isdigit() and int(given) else 0) or describe().cores


def versions() -> dict[str, str]:
    """The versions that a run records."""
    found = {"lensmith": __version__, "python": platform.python_version()}
    for package in ("torch", "torchvision", "lightning", "onnxruntime"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "missing"
    return found


def remembered(workspace: Workspace) -> dict[str, Any]:
    """Everything measured on this host, by key."""
    found = read_json(workspace.machine / f"{platform.node() or 'host'}.json", {})
    return found if isinstance(found, dict) else {}


def remember(workspace: Workspace, key: str, value: Any) -> None:
    """Keep a measurement."""
    workspace.machine.mkdir(exist_ok=True)
    path = workspace.machine / f"{platform.node() or 'host'}.json"
    with FileLock(path.with_suffix(".lock")):
        write_json(path, {**remembered(workspace), key: value})
