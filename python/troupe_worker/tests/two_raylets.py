"""Starts a Ray cluster of two nodes on this machine for failure tests: `python -m tests.two_raylets`.

Prints {"address": "HOST:PORT"} when the cluster is ready. Then reads a command from each line of standard input,
runs it, and prints `{}`. The commands are `kill-actor` (kills the actor on the second node), `kill-node` (kills
the second node) and `add-node` (adds a new second node). Exits when standard input ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

CPUS = 1
#: Size of the smallest object store that Ray allows, bytes.
STORE_BYTES = 80 * 2**20
#: Timeout for a new node to register, seconds; Ray's default is 30 s.
NODE_SECONDS = 300


def main() -> None:
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def print_line(line: dict[str, object]) -> None:
        out.write(f"{json.dumps(line)}\n")
        out.flush()

    # The name of the folder is short, because the paths of Ray's sockets have a length limit.
    with tempfile.TemporaryDirectory(prefix="tr-") as folder:
        os.environ["RAY_TMPDIR"] = folder  # must be set before Ray is imported
        (Path(folder) / "ray").mkdir()
        from ray.cluster_utils import Cluster

        shape = {"num_cpus": CPUS, "object_store_memory": STORE_BYTES}
        health = {
            "health_check_initial_delay_ms": 1000,
            "health_check_period_ms": 1000,
            "health_check_failure_threshold": 3,
        }
        cluster = Cluster()
        add = partial(_add_node, cluster, **shape)
        add(include_dashboard=False, _system_config=health)
        second = add()
        try:
            print_line({"address": cluster.address})
            for line in sys.stdin:
                if line.strip() == "kill-actor":
                    _kill_actor(second)
                elif line.strip() == "kill-node":
                    _kill_node(second)
                    cluster.remove_node(second, allow_graceful=False)
                elif line.strip() == "add-node":
                    second = add()
                print_line({})
        finally:
            cluster.shutdown()


def _add_node(cluster: Any, **options: Any) -> Any:
    node = cluster.add_node(wait=False, **options)
    cluster._wait_for_node(node, NODE_SECONDS)
    return node


def _kill_actor(node: object) -> None:
    """Kills the process of an agent on a node, as the kernel does when memory runs out."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for pid, title in _children(_raylet(node)):
            if title.startswith("ray::AgentActor"):
                os.kill(pid, signal.SIGKILL)
                return
        time.sleep(0.1)
    raise RuntimeError("expected an actor on the second node, got none")


def _kill_node(node: object) -> None:
    """Kills a raylet (Ray's process of a node) and its child processes, to simulate the failure of a machine.

    If only the raylet were killed, its actors would exit a second or two later and might finish a short stage.
    """
    raylet = _raylet(node)
    children = _children(raylet)
    os.kill(raylet, signal.SIGKILL)
    for pid, _ in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _children(parent: int) -> list[tuple[int, str]]:
    """Returns the process ids and command lines of the child processes of a process."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            title = (path / "cmdline").read_bytes().decode(errors="replace")
            above = int((path / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if above == parent:
            found.append((int(path.name), title))
    return found


def _raylet(node: object) -> int:
    processes = node.all_processes["raylet"]  # type: ignore[attr-defined]
    pid: int = processes[0].process.pid
    return pid


if __name__ == "__main__":
    main()
