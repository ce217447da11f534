"""Choices of a run: what it decides for its machine at its first start, and keeps when resumed.

``RunStarted.choices`` in the event log holds it as JSON. Light: no torch.
"""

from dataclasses import asdict, dataclass, fields
from typing import Any, get_type_hints

from ml.utils.typed_json import fits


@dataclass(frozen=True)
class TimePlan:
    """How much of a training has room in its time limit.

    ``epochs`` in all; ``batches`` of each epoch (0: all of them; None for a head on features);
    ``views`` of each picture (None for a whole network); ``ending``, the seconds that evaluation
    and export need after training.
    """

    epochs: int
    ending: float
    batches: int | None = None
    views: int | None = None


@dataclass(frozen=True)
class RunChoices:
    """Device and arithmetic of a run, and what its time limit has room for.

    Args:
        device: as torch names its kinds: ``cpu``, ``cuda``, ``mps``.
        precision: ``32`` or ``bf16``; None while nobody has measured which is faster.
        threads: of the CPU; 0 while nobody has chosen.
        layout: of the network's weights and pictures in memory.
        processes: how many train together, on all computers.
        computers: how many train together.
        time: None without a time limit.
    """

    device: str
    precision: str | None = None
    threads: int = 0
    layout: str = "channels_last"
    processes: int = 1
    computers: int = 1
    time: TimePlan | None = None

    @property
    def batches(self) -> int:
        """How many batches an epoch has; 0 for all of them."""
        return (self.time.batches if self.time else None) or 0

    def to_json(self) -> dict[str, Any]:
        """A flat dictionary of what has been chosen; ``processes`` only where there are several."""
        content = {name: value for name, value in vars(self).items() if value and name != "time"}
        if self.processes == 1:
            del content["processes"], content["computers"]
        plan = asdict(self.time) if self.time else {}
        return content | {name: value for name, value in plan.items() if value is not None}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "RunChoices":
        """What ``to_json`` wrote, in this version or an older one; unknown entries are left out."""
        time = None
        plan = _known(TimePlan, content)
        if {"epochs", "ending"} <= plan.keys():
            time = TimePlan(**plan)
        return cls(**{"device": "cpu"} | _known(cls, content), time=time)


def _known(kind: Any, content: dict[str, Any]) -> dict[str, Any]:
    hints = get_type_hints(kind)
    names = {item.name for item in fields(kind)} - {"time"}
    known = {name: value for name, value in content.items() if name in names}
    return {name: value for name, value in known.items() if fits(value, hints[name])}
