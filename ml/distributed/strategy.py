"""How Lightning shares the work among the processes of a training, and where they meet."""

import os

import lightning.pytorch as pl
from lightning.fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.pytorch.strategies import DDPStrategy, FSDPStrategy, Strategy
from torch import Tensor, nn

from ml.config import TrainConfig
from ml.distributed.launch import Place


def strategy_for(config: TrainConfig, place: Place) -> Strategy | str:
    """The strategy that the settings name. One process needs none."""
    if place.world == 1:
        return "auto"
    if config.strategy == "fsdp":
        return FSDPStrategy(state_dict_type="full")
    # Buffers stay the same everywhere: batch normalisation is shared (see
    # ml.distributed.sync_norm). What is not thawed yet (see ml.training.unfreezing) has no
    # gradient to wait for.
    return DDPStrategy(forward_sync_buffers=False, find_unused_parameters=config.way == "gradual")


def whole_weights(trainer: pl.Trainer, module: nn.Module) -> dict[str, Tensor]:
    """The weights of ``module`` on the CPU, by their names in it. All processes ask for them: where
    each holds a part, the leader gets the whole."""
    if not isinstance(trainer.strategy, FSDPStrategy):
        return {name: value.cpu() for name, value in module.state_dict().items()}
    found = trainer.strategy.lightning_module_state_dict()
    return {name.removeprefix("module."): value.cpu() for name, value in found.items()}


class Environment(ClusterEnvironment):
    """Tells Lightning what ``place`` says; the processes are there already."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place

    @property
    def creates_processes_externally(self) -> bool:
        """Nobody is started by Lightning."""
        return True

    @property
    def main_address(self) -> str:
        """Where the processes meet."""
        if self.place.launcher == "slurm" and "MASTER_ADDR" not in os.environ:
            nodes = os.environ.get("SLURM_NODELIST", "127.0.0.1")
            return str(SLURMEnvironment.resolve_root_node_address(nodes))
        return os.environ.get("MASTER_ADDR", "127.0.0.1")

    @property
    def main_port(self) -> int:
        """The port there; of a SLURM job it follows from its number, as in Lightning."""
        job = os.environ.get("SLURM_JOB_ID", "")
        if self.place.launcher == "slurm" and "MASTER_PORT" not in os.environ:
            return int(job[-4:] or 0) + 15000
        return int(os.environ.get("MASTER_PORT", "12910"))

    @staticmethod
    def detect() -> bool:
        """It is always given, never found."""
        return False

    def world_size(self) -> int:
        """See ``Place``."""
        return self.place.world

    def set_world_size(self, size: int) -> None:
        """It is known already."""

    def global_rank(self) -> int:
        """See ``Place``."""
        return self.place.rank

    def set_global_rank(self, rank: int) -> None:
        """It is known already."""

    def local_rank(self) -> int:
        """See ``Place``."""
        return self.place.local_rank

    def node_rank(self) -> int:
        """Which computer this is."""
        return self.place.rank // self.place.devices
