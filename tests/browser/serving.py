"""A server over a workspace of its own, and the browser that is installed here."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from playwright.sync_api import Page, expect

from ml.runs.folder import list_runs
from ml.utils.files import read_json
from ml.workspace import Workspace

ROOT = Path(__file__).resolve().parent.parent.parent
BROWSER_COMMANDS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "msedge",
    "chrome",
)
BROWSER_PATHS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
]
TIMEOUT_MS = 60_000
"""Milliseconds that a state may take on a busy machine."""


def find_browser() -> str | None:
    """The path of a browser of the Chromium family, or None."""
    if configured := os.environ.get("LENSMITH_BROWSER"):
        return configured
    on_path = (shutil.which(name) for name in BROWSER_COMMANDS)
    return next((path for path in on_path if path), None) or next(
        (path for path in BROWSER_PATHS if Path(path).exists()), None
    )


@dataclass
class App:
    """A server over a workspace. ``module`` is what takes Streamlit's commands."""

    workspace: Workspace
    base_path: str = ""
    port: int = 0
    options: list[str] = field(default_factory=list)
    module: str = "streamlit"
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self) -> "App":
        """Start the server and wait until it answers."""
        self.port = self.port or _free_port()
        with (self.workspace.root / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", self.module, "run", "streamlit_app.py"),
                    *("--server.headless=true", f"--server.port={self.port}"),
                    *("--server.address=127.0.0.1", f"--server.baseUrlPath={self.base_path}"),
                    *self.options,
                ],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "LENSMITH_WORKSPACE": str(self.workspace.root)},
            )
        deadline = time.monotonic() + TIMEOUT_MS / 1000
        while not self._answers():
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < deadline, f"The server does not answer.\n{self.log()}"
            time.sleep(0.1)
        return self

    def url(self, page: str = "", **parameters: str) -> str:
        """The address of a page."""
        path = "/".join(part for part in (self.base_path, page) if part)
        query = "&".join(f"{name}={value}" for name, value in parameters.items())
        return f"http://127.0.0.1:{self.port}/{path}{'?' + query if query else ''}"

    def kill(self) -> None:
        """End the server at once, as a crash would. What it started goes on."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(30)

    def log(self) -> str:
        """Everything the server printed."""
        return (self.workspace.root / "server.log").read_text(errors="replace")

    def end_workers(self) -> None:
        """End the children that still live: those that train, but not a test that acts as one,
        and those that a page was waiting for, such as the doctor."""
        for run in list_runs(self.workspace):
            if run.status.name == "running" and worker_pid(run.folder) != os.getpid():
                with contextlib.suppress(psutil.Error):
                    psutil.Process(worker_pid(run.folder)).kill()

        for child in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                words = child.cmdline()
                if "ml" in words[:4] and str(self.workspace.root) in words:
                    child.kill()

    def _answers(self) -> bool:
        path = f"{self.base_path}/" if self.base_path else ""
        try:
            address = f"http://127.0.0.1:{self.port}/{path}_stcore/health"
            with urllib.request.urlopen(address, timeout=2) as response:
                return bool(response.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def worker_pid(folder: Path) -> int:
    """The process that trains the run in ``folder``."""
    return int(read_json(folder / "worker.json")["pid"])


def wait_until_settled(page: Page) -> None:
    """Wait until the server has run the page to its end."""
    expect(page.locator('[data-testid="stApp"]')).to_have_attribute(
        "data-test-script-state", "notRunning"
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
