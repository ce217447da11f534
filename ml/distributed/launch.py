"""Which of the processes of one training this is, and how they are started. Light: no torch.

A training on several devices is several processes that run the same command. Where a launcher has
started them (``torchrun``, or ``srun`` of SLURM) it says so in the environment. Where none has, the
first process of each computer starts the others of it, by the environment that Lightning reads when
"the user launches all processes": ``LOCAL_RANK``, ``NODE_RANK``, ``WORLD_SIZE``, ``MASTER_ADDR``
and ``MASTER_PORT``. Lightning's own launcher would do that too, yet only once torch is loaded and
the data are open, and it kills the whole training without a word when one process ends.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from ml.errors import BadInputError


@dataclass(frozen=True)
class Place:
    """Where this process stands. ``rank`` counts over all computers, ``local_rank`` on this one;
    ``devices`` is the processes of a computer and ``nodes`` the computers. ``launcher`` is
    ``torchrun``, ``slurm`` or empty.
    """

    rank: int = 0
    local_rank: int = 0
    devices: int = 1
    nodes: int = 1
    launcher: str = ""

    @property
    def world(self) -> int:
        """All processes of the training."""
        return self.devices * self.nodes

    @property
    def leads(self) -> bool:
        """Whether this process makes the run, writes its log and exports."""
        return self.rank == 0


def place(
    devices: int | None,
    nodes: int | None,
    environment: Mapping[str, str] | None = None,
) -> Place:
    """Where this process stands, by what was asked for (None: nothing) and by the environment.

    Raises:
        BadInputError: a launcher has started another number of processes than was asked for.
    """
    env = os.environ if environment is None else environment
    if "TORCHELASTIC_RUN_ID" in env:
        per_node = int(env["LOCAL_WORLD_SIZE"])
        found = Place(
            int(env["RANK"]),
            int(env["LOCAL_RANK"]),
            per_node,
            int(env["WORLD_SIZE"]) // per_node,
            "torchrun",
        )
    elif _by_srun(env):
        world, computers = int(env["SLURM_NTASKS"]), int(env.get("SLURM_NNODES", "1"))
        found = Place(
            int(env["SLURM_PROCID"]),
            int(env["SLURM_LOCALID"]),
            int(env.get("SLURM_NTASKS_PER_NODE") or world // computers),
            computers,
            "slurm",
        )
    else:
        per_node, computers = devices or 1, nodes or 1
        local, node = int(env.get("LOCAL_RANK", "0")), int(env.get("NODE_RANK", "0"))
        if per_node * computers == 1:
            return Place()
        if local >= per_node or node >= computers:
            raise BadInputError(
                f"NODE_RANK {node} and LOCAL_RANK {local} lie beyond {computers} computers with "
                f"{per_node} devices each. Both count from 0."
            )
        return Place(node * per_node + local, local, per_node, computers)
    for name, asked, given in (
        ("devices", devices, found.devices),
        ("num-nodes", nodes, found.nodes),
    ):
        if asked is not None and asked != given:
            raise BadInputError(
                f"{found.launcher} has started {found.devices} processes on each of {found.nodes} "
                f"computers, and --{name} {asked} was asked for. Leave --{name} out, or start as "
                "many."
            )
    return found


def by_launcher(environment: Mapping[str, str] | None = None) -> bool:
    """Whether a launcher has started this process as one of several."""
    return bool(place(None, None, environment).launcher)


def _by_srun(env: Mapping[str, str]) -> bool:
    """Whether ``srun`` started this process as one of several, and not a shell in an allocation."""
    shell = env.get("SLURM_JOB_NAME") in ("bash", "interactive")
    step = "SLURM_STEP_ID" in env or "SLURM_STEPID" in env
    return step and not shell and int(env.get("SLURM_NTASKS", "1")) > 1


def start_others(here: Place) -> list["subprocess.Popen[bytes]"]:
    """Start the other processes of this computer, with the command of this one.

    Nothing where a launcher has done it. Where the training has one computer, its processes meet at
    a free port of it; where it has several, at ``MASTER_ADDR`` and ``MASTER_PORT``.

    Raises:
        BadInputError: there are several computers, and they are not told where to meet.
    """
    if here.launcher or here.world == 1 or here.local_rank:
        return []
    if here.nodes == 1:
        os.environ["MASTER_ADDR"] = "127.0.0.1"
        os.environ["MASTER_PORT"] = str(_free_port())
    elif not {"MASTER_ADDR", "MASTER_PORT", "NODE_RANK"} <= set(os.environ):
        raise BadInputError(
            "Several computers have to meet: set MASTER_ADDR and MASTER_PORT to a port of the "
            "first one, and NODE_RANK to 0, 1, 2 on each, or start with torchrun or srun."
        )
    os.environ |= {"WORLD_SIZE": str(here.world), "LOCAL_RANK": "0"}
    command = [sys.executable, "-m", "ml", *sys.argv[1:]]
    return [
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, env={**os.environ, "LOCAL_RANK": str(number)}
        )
        for number in range(1, here.devices)
    ]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
