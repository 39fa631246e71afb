"""A Slurm script for a training job: one task a node, each of which is a torchrun with a rank for each device."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

GRACE_S = 120
"""Seconds before the end of its time at which a job is told to save; torchrun waits a little less for its ranks."""
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def sbatch_script(
    name: str,
    runtime: Mapping[str, Any],
    command: tuple[str, ...],
    *,
    python: str = "python",
) -> str:
    """The text of a script for `sbatch`.

    The script goes on to the end, or to the SIGUSR1 that Slurm sends before the time is up; then all ranks are told, a
    checkpoint is written, and the job queues itself again. A job that fails by itself ends with its exit code and is
    not queued again, nor is one that is cancelled: Slurm tells its ranks, which write a checkpoint.

    Args:
        name: of the job; an address is made safe for a file name.
        runtime: `nodes`, `processes` (ranks a node), `device`, `threads` and `slurm` of the Model, by their YAML
            names; `slurm` holds `partition`, `account`, `time` (24 hours unless given) and other `options`,
            of which an empty one stands without a value.
        command: what torchrun starts on every rank, such as `-m bigcode.run.job`; the arguments of the script follow
            it. A path there must be on a file system that all nodes share.
        python: the interpreter on the nodes.

    Raises:
        ValueError: for a name or an option that would break the script.
    """
    nodes, ranks = int(runtime.get("nodes") or 1), int(runtime.get("processes") or 1)
    threads = int(runtime.get("threads") or 1)
    asked: Mapping[str, Any] = runtime.get("slurm") or {}
    on_gpu = runtime.get("device") == "cuda"
    safe = _UNSAFE.sub("-", name).strip("-")
    if not safe or not command:
        raise ValueError("a job needs a name and a command")
    lines = {
        "job-name": safe,
        "nodes": str(nodes),
        "ntasks-per-node": "1",
        **({"cpus-per-task": str(ranks * threads)} if runtime.get("threads") else {}),
        **({"gpus-per-node": str(ranks)} if on_gpu else {}),
        "time": asked.get("time") or "24:00:00",
        **{key: asked[key] for key in ("partition", "account") if asked.get(key)},
        "output": f"{safe}-%j.log",
        "open-mode": "append",
        "signal": f"B:USR1@{GRACE_S}",
        **(asked.get("options") or {}),
    }
    for key, value in lines.items():
        if not re.fullmatch(r"[a-z][a-z-]*", key) or "\n" in value:
            raise ValueError(f"`{key}={value}` is no option of Slurm")
    header = "\n".join(
        f"#SBATCH --{key}={value}" if value else f"#SBATCH --{key}" for key, value in lines.items()
    )
    started = " ".join(shlex.quote(part) for part in command)
    return _SCRIPT.format(
        header=header,
        threads=threads,
        ranks=ranks,
        wait=GRACE_S - 30,
        python=shlex.quote(python),
        command=started,
    )


_SCRIPT = """\
#!/bin/bash
{header}
#SBATCH --requeue

set -uo pipefail

export OMP_NUM_THREADS={threads}
export HF_HUB_OFFLINE=1
# A step does not take over the cores of a task by itself.
if [ -n "${{SLURM_CPUS_PER_TASK:-}}" ]; then
    export SRUN_CPUS_PER_TASK="$SLURM_CPUS_PER_TASK"
fi

# All nodes meet at the first one, under the address that Slurm has for it. The port follows from the job, so that jobs
# on one node do not collide.
first=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
address=$(scontrol --oneliner show node "$first" | grep -o ' NodeAddr=[^ ]*' | cut -d = -f 2)
port=$((20000 + SLURM_JOB_ID % 20000))

told=0
heard=1
step=
tell() {{
    trap '' USR1
    told=1
    heard=1
    [ -z "$step" ] || kill -TERM "$step" 2>/dev/null
}}
trap tell USR1
# One task a node, the first of which holds the meeting. `--kill-on-bad-exit` ends the other nodes when one fails, so
# that none waits for it.
srun --kill-on-bad-exit=1 --ntasks-per-node=1 \\
    bash -c 'export PET_RDZV_CONF="is_host=$((SLURM_NODEID == 0))"; exec "$@"' node \\
    {python} -m torch.distributed.run \\
    --nnodes="$SLURM_JOB_NUM_NODES" \\
    --nproc-per-node={ranks} \\
    --rdzv-backend=c10d \\
    --rdzv-endpoint="${{address:-$first}}:$port" \\
    --rdzv-id="$SLURM_JOB_ID-${{SLURM_RESTART_COUNT:-0}}" \\
    --max-restarts=0 \\
    --shutdown-timeout={wait} \\
    {command} "$@" &
step=$!
# Slurm tells the steps of a job that is cancelled by itself; this waits for them.
trap '' TERM
[ "$told" = 0 ] || kill -TERM "$step" 2>/dev/null

# A signal ends a wait; another one ends with the step.
while [ "$heard" = 1 ]; do
    heard=0
    wait "$step"
    code=$?
done

if [ "$told" = 1 ] && [ "$code" != 0 ]; then
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
"""
