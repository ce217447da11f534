"""Cost estimate: the time, memory and disk that a training is expected to take."""

from dataclasses import replace

from ml import hardware
from ml.config import TrainConfig
from ml.training.cost.estimate import Estimate, estimate
from ml.workspace import Workspace


def expected_cost(workspace: Workspace, config: TrainConfig, pictures: int) -> Estimate:
    """The estimate for a child of the pages, which leaves a core to them."""
    machine = hardware.describe()
    worker_machine = replace(machine, cores=max(1, machine.cores - 1))
    return estimate(config, pictures, worker_machine, hardware.read_measurements(workspace))
