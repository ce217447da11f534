"""How a command tells the page that started it how far it is."""

import sys
import time

FIRST_SECONDS = 1.0
"""No time left is told before: the first steps say little."""


class Progress:
    """Writes ``progress 0.42`` and ``left 12`` (seconds) to standard error, at each percent at
    most."""

    def __init__(self) -> None:
        self.said = -1
        self.began = time.monotonic()

    def __call__(self, share: float) -> None:
        """Tell that ``share`` of the work is done, 0 to 1."""
        percent = int(share * 100)
        if percent <= self.said:
            return
        self.said = percent
        lines = [f"progress {percent / 100:.2f}\n"]
        spent = time.monotonic() - self.began
        if spent > FIRST_SECONDS and 0 < share < 1:
            lines.append(f"left {spent * (1 - share) / share:.0f}\n")
        sys.stderr.write("".join(lines))
        sys.stderr.flush()
