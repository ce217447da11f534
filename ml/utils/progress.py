"""Progress of a command, as lines on standard error for the page that started it."""

import sys
import time

FIRST_SECONDS = 1.0
"""The remaining time is written after so long; the first steps predict it badly."""


class Progress:
    """Writes ``progress 0.42`` and ``left 12`` (seconds) to standard error, at each percent at
    most."""

    def __init__(self) -> None:
        self.last_percent = -1
        self.started_at = time.monotonic()

    def __call__(self, share: float) -> None:
        """Write that ``share`` of the work is done, 0 to 1."""
        percent = int(share * 100)
        if percent <= self.last_percent:
            return
        self.last_percent = percent
        lines = [f"progress {percent / 100:.2f}\n"]
        elapsed = time.monotonic() - self.started_at
        if elapsed > FIRST_SECONDS and 0 < share < 1:
            lines.append(f"left {elapsed * (1 - share) / share:.0f}\n")
        sys.stderr.write("".join(lines))
        sys.stderr.flush()
