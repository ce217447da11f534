"""The Lightning strategy (DDP or FSDP) and cluster environment of a distributed training."""

import os

import lightning.pytorch as pl
from lightning.fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.pytorch.strategies import DDPStrategy, FSDPStrategy, Strategy
from torch import Tensor, nn

from ml.config import TrainConfig
from ml.distributed.launch import RankInfo


def strategy_for(config: TrainConfig, rank_info: RankInfo) -> Strategy | str:
    """The strategy that ``config`` names; "auto" for one process."""
    if rank_info.world_size == 1:
        return "auto"
    if config.strategy == "fsdp":
        return FSDPStrategy(state_dict_type="full")
    # Synchronised batch normalisation (ml.distributed.sync_norm) keeps the buffers equal on all
    # ranks. Parameters that gradual unfreezing still freezes have no gradient to wait for.
    return DDPStrategy(forward_sync_buffers=False, find_unused_parameters=config.way == "gradual")


def full_state_dict(trainer: pl.Trainer, module: nn.Module) -> dict[str, Tensor]:
    """The state dict of ``module`` on the CPU.

    All ranks have to call this. Under FSDP, where each rank holds a shard, the leader gets the full
    state dict.
    """
    if not isinstance(trainer.strategy, FSDPStrategy):
        return {name: value.cpu() for name, value in module.state_dict().items()}
    state_dict = trainer.strategy.lightning_module_state_dict()
    return {name.removeprefix("module."): value.cpu() for name, value in state_dict.items()}


class RankEnvironment(ClusterEnvironment):
    """A Lightning cluster environment with the ranks of ``rank_info``, started already."""

    def __init__(self, rank_info: RankInfo) -> None:
        super().__init__()
        self.rank_info = rank_info

    @property
    def creates_processes_externally(self) -> bool:
        """True: Lightning starts no process."""
        return True

    @property
    def main_address(self) -> str:
        """The address of rank 0, where the ranks connect."""
        if self.rank_info.launcher == "slurm" and "MASTER_ADDR" not in os.environ:
            nodes = os.environ.get("SLURM_NODELIST", "127.0.0.1")
            return str(SLURMEnvironment.resolve_root_node_address(nodes))
        return os.environ.get("MASTER_ADDR", "127.0.0.1")

    @property
    def main_port(self) -> int:
        """The port of rank 0; in a SLURM job it follows from the job's number, as in Lightning."""
        job = os.environ.get("SLURM_JOB_ID", "")
        if self.rank_info.launcher == "slurm" and "MASTER_PORT" not in os.environ:
            return int(job[-4:] or 0) + 15000
        return int(os.environ.get("MASTER_PORT", "12910"))

    @staticmethod
    def detect() -> bool:
        """False: it is always passed to the trainer, never detected."""
        return False

    def world_size(self) -> int:
        """See ``RankInfo``."""
        return self.rank_info.world_size

    def set_world_size(self, size: int) -> None:
        """It is known already."""

    def global_rank(self) -> int:
        """See ``RankInfo``."""
        return self.rank_info.rank

    def set_global_rank(self, rank: int) -> None:
        """It is known already."""

    def local_rank(self) -> int:
        """See ``RankInfo``."""
        return self.rank_info.local_rank

    def node_rank(self) -> int:
        """Which computer this is."""
        return self.rank_info.rank // self.rank_info.devices
