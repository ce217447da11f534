"""Crash safety: twenty kills of a run's worker: ``python benchmarks/kills.py``.

Ten kills come at random moments of one run, start-up included, ten while another run writes a
checkpoint. Afterwards each run must be there, readable, shown as interrupted, at most an epoch
behind; and resumed to its end it must have the weights of a run that nobody disturbed.
"""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ml.runs.events import EpochEnd, RunStarted
from ml.workspace import open_workspace
from tests.faults.victim import Victim

SETTINGS = {
    "model": "tutorial_net",
    "batch_size": 8,
    "threads": 1,
    "device": "cpu",
    "precision": "32",
    "augment": "light",
}


def main() -> int:
    """Print a line a kill, and the verdict. Returns 0 when everything held."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=10, help="of each kind (default: 10)")
    parser.add_argument("--epochs", type=int, default=150, help="of each run (default: 150)")
    parser.add_argument("--seed", type=int, default=0, help="of the random moments")
    options = parser.parse_args()
    dice = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        victims = {
            name: Victim(
                open_workspace(Path(folder) / name), "fashion", **SETTINGS, epochs=options.epochs
            )
            for name in ("undisturbed", "random", "checkpoint")
        }
        undisturbed = victims["undisturbed"]
        undisturbed.start()
        undisturbed.finish()
        seconds = training_seconds(undisturbed)
        print(f"undisturbed: {options.epochs} epochs in {seconds:.0f} s of training", flush=True)
        lost_epochs = []
        for kind in ("random", "checkpoint"):
            victim = victims[kind]
            for number in range(1, options.kills + 1):
                where = kill(victim, kind, number, options.kills, options.epochs, dice)
                lost_epochs.append(victim.check_remains())
                print(
                    f"{kind} {number}: killed {where}; lost {lost_epochs[-1]:.2f} epochs",
                    flush=True,
                )
            victim.start()
            victim.finish()
        same = [victims[kind].digest() == undisturbed.digest() for kind in ("random", "checkpoint")]
    print(
        f"{len(lost_epochs)} kills; most lost: {max(lost_epochs):.2f} epochs; "
        f"mean {sum(lost_epochs) / len(lost_epochs):.2f}"
    )
    print(f"weights equal the undisturbed ones: {same[0]} (random), {same[1]} (checkpoint)")
    return 0 if max(lost_epochs) <= 1 and all(same) and seconds >= 60 else 1


def kill(
    victim: Victim, kind: str, number: int, kills: int, epochs: int, dice: random.Random
) -> str:
    """Start the worker, kill it at its moment, and say where that was."""
    victim.start()
    if kind == "random":
        share = epochs / (kills + 1) / 2  # the rest is for what passes between a wish and a kill
        seconds = dice.uniform(0, 2)
        if dice.random() < 0.8:
            victim.wait_for_epochs(dice.randrange(1, max(2, round(share))))
        else:
            victim.wait_for(lambda event: True)
        time.sleep(seconds)
        victim.kill()
    else:
        victim.wait_for_epochs(1 + dice.randrange(max(1, epochs // kills // 2)))
        while not victim.kill_in_checkpoint():  # the moment was just missed
            victim.start()
    ends = sum(isinstance(event, EpochEnd) for event in victim.run.events()[0])
    return f"after {ends} epochs were told"


def training_seconds(victim: Victim) -> float:
    """From the start of the first epoch to the end of the last."""
    events = victim.run.events()[0]
    began = next(event.time for event in events if isinstance(event, RunStarted))
    return max(event.time for event in events if isinstance(event, EpochEnd)) - began


if __name__ == "__main__":
    sys.exit(main())
