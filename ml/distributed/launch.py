"""Launch the ranks of a distributed training and detect the rank of this process. Light: no torch.

A training on several devices runs the same command in several processes. A launcher (``torchrun``,
or ``srun`` of SLURM) names the rank in the environment. Without a launcher, local rank 0 of each
computer starts the others with the variables that Lightning reads: ``LOCAL_RANK``, ``NODE_RANK``,
``WORLD_SIZE``, ``MASTER_ADDR`` and ``MASTER_PORT``. Lightning's own launcher starts them only after
torch is loaded and the data are open, and kills the whole training silently when one process ends.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from ml.errors import BadInputError


@dataclass(frozen=True)
class RankInfo:
    """The rank of this process.

    ``rank`` counts processes over all computers from 0, ``local_rank`` on this computer;
    ``devices`` is the number of processes of a computer, ``nodes`` the number of computers.
    ``launcher`` is ``torchrun``, ``slurm`` or "".
    """

    rank: int = 0
    local_rank: int = 0
    devices: int = 1
    nodes: int = 1
    launcher: str = ""

    @property
    def world_size(self) -> int:
        """The number of processes of the training."""
        return self.devices * self.nodes

    @property
    def is_leader(self) -> bool:
        """Whether this is rank 0, which creates the run, writes its event log and exports."""
        return self.rank == 0


def detect_rank(
    devices: int | None,
    nodes: int | None,
    environment: Mapping[str, str] | None = None,
) -> RankInfo:
    """The rank of this process, by the requested numbers (None: not given) and the environment.

    Raises:
        BadInputError: a launcher started another number of processes than requested, or a rank in
            the environment is too large.
    """
    env = os.environ if environment is None else environment
    if "TORCHELASTIC_RUN_ID" in env:
        per_node = int(env["LOCAL_WORLD_SIZE"])
        rank_info = RankInfo(
            int(env["RANK"]),
            int(env["LOCAL_RANK"]),
            per_node,
            int(env["WORLD_SIZE"]) // per_node,
            "torchrun",
        )
    elif _is_srun_task(env):
        world_size, node_count = int(env["SLURM_NTASKS"]), int(env.get("SLURM_NNODES", "1"))
        rank_info = RankInfo(
            int(env["SLURM_PROCID"]),
            int(env["SLURM_LOCALID"]),
            int(env.get("SLURM_NTASKS_PER_NODE") or world_size // node_count),
            node_count,
            "slurm",
        )
    else:
        per_node, node_count = devices or 1, nodes or 1
        local, node = int(env.get("LOCAL_RANK", "0")), int(env.get("NODE_RANK", "0"))
        if per_node * node_count == 1:
            return RankInfo()
        if local >= per_node or node >= node_count:
            raise BadInputError(
                f"NODE_RANK {node} and LOCAL_RANK {local} lie beyond {node_count} computers with "
                f"{per_node} devices each. Both count from 0."
            )
        return RankInfo(node * per_node + local, local, per_node, node_count)
    for name, requested, launched in (
        ("devices", devices, rank_info.devices),
        ("num-nodes", nodes, rank_info.nodes),
    ):
        if requested is not None and requested != launched:
            raise BadInputError(
                f"{rank_info.launcher} has started {rank_info.devices} processes on each of "
                f"{rank_info.nodes} computers, and --{name} {requested} was asked for. Leave "
                f"--{name} out, or start as many."
            )
    return rank_info


def is_launched_externally(environment: Mapping[str, str] | None = None) -> bool:
    """Whether ``torchrun`` or ``srun`` started this process as one of several."""
    return bool(detect_rank(None, None, environment).launcher)


def _is_srun_task(env: Mapping[str, str]) -> bool:
    """Whether ``srun`` started this process as one of several tasks. A shell in an allocation has
    the same variables."""
    is_shell = env.get("SLURM_JOB_NAME") in ("bash", "interactive")
    is_step = "SLURM_STEP_ID" in env or "SLURM_STEPID" in env
    return is_step and not is_shell and int(env.get("SLURM_NTASKS", "1")) > 1


def start_local_ranks(rank_info: RankInfo) -> list["subprocess.Popen[bytes]"]:
    """Start the other ranks of this computer with the command of this process.

    It starts none where a launcher has done so. On one computer the ranks connect at a free port;
    on several they connect at ``MASTER_ADDR`` and ``MASTER_PORT``.

    Raises:
        BadInputError: there are several computers, and one of these variables is not set.
    """
    if rank_info.launcher or rank_info.world_size == 1 or rank_info.local_rank:
        return []
    if rank_info.nodes == 1:
        os.environ["MASTER_ADDR"] = "127.0.0.1"
        os.environ["MASTER_PORT"] = str(_free_port())
    elif not {"MASTER_ADDR", "MASTER_PORT", "NODE_RANK"} <= set(os.environ):
        raise BadInputError(
            "Several computers have to meet: set MASTER_ADDR and MASTER_PORT to a port of the "
            "first one, and NODE_RANK to 0, 1, 2 on each, or start with torchrun or srun."
        )
    os.environ |= {"WORLD_SIZE": str(rank_info.world_size), "LOCAL_RANK": "0"}
    command = [sys.executable, "-m", "ml", *sys.argv[1:]]
    return [
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, env={**os.environ, "LOCAL_RANK": str(local_rank)}
        )
        for local_rank in range(1, rank_info.devices)
    ]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
