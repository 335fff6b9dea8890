"""The way into a Ray cluster: one that runs already, or a small one of our own on this machine."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

import ray
from ray._private import services

from ..calls import first_line
from ..errors import WorkerError

#: The package whose actors run on other nodes, which get this very copy of it.
PACKAGE = Path(__file__).resolve().parents[1]
_REACH_SECONDS = 10.0
_MIB = 2**20


@dataclass(frozen=True)
class Joining:
    """`address`: `local` starts a cluster that ends with this process; `auto` finds the one of this machine."""

    address: str
    #: Of a cluster of our own; None: what the machine has.
    num_cpus: int | None = None
    num_gpus: int | None = None
    object_store_mib: int | None = None
    temporary: str | None = None


def join(how: Joining) -> None:
    """Makes this process a driver of the cluster.

    Raises:
        WorkerError: there is none at the address, or it runs another Ray or Python.
    """
    if how.address not in ("local", "auto"):
        _require_reachable(how.address)
    environment = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    runtime = {"py_modules": [str(PACKAGE)], "env_vars": environment}
    own = {
        "num_cpus": how.num_cpus,
        "num_gpus": how.num_gpus,
        "object_store_memory": None if how.object_store_mib is None else how.object_store_mib * _MIB,
        "include_dashboard": False,
        "_temp_dir": how.temporary,
    }
    try:
        ray.init(
            address=how.address,
            runtime_env=runtime,
            namespace="troupe",
            log_to_driver=False,
            logging_level="ERROR",
            **(own if how.address == "local" else {}),
        )
    except ConnectionError as error:
        there = _heads_here() if how.address == "auto" else [how.address]
        complaint = _closed(", ".join(there)) if there else _none_at(how.address)
        raise WorkerError(complaint, "cluster") from error
    except RuntimeError as error:
        if "ersion mismatch" in str(error):
            raise WorkerError(_other_version(how.address, str(error)), "cluster") from error
        raise WorkerError(f"Ray at {how.address}: {first_line(error)}", "cluster") from error
    except Exception as error:  # whatever Ray throws must reach the user as one line
        raise WorkerError(
            f"Ray at {how.address}: {type(error).__name__}: {first_line(error)}", "cluster"
        ) from error


def _require_reachable(address: str) -> None:
    """Ray itself asks an address that nobody listens at for a long time."""
    host, _, port = address.rpartition(":")
    if "://" in address or not host or not port.isdigit():
        raise WorkerError(
            f'expected a Ray cluster\'s address like 10.0.0.1:6379, "auto" or "local", got "{address}"', "cluster"
        )
    try:
        socket.create_connection((host, int(port)), _REACH_SECONDS).close()
    except OSError as error:
        raise WorkerError(f"{_none_at(address)} ({error.strerror or error})", "cluster") from error


def _heads_here() -> list[str]:
    """Addresses of the clusters that this machine is a node of, whether or not they let this process in."""
    try:
        return sorted(services.find_gcs_addresses())
    except Exception:  # Ray's own, and not promised by it
        return []


def _none_at(address: str) -> str:
    where = "on this machine" if address == "auto" else f"at {address}"
    return f'there is no Ray cluster {where}; start one with "ray start --head", or try "troupe ray up"'


def _closed(address: str) -> str:
    """Somebody listens, but Ray's own words say no more than that it did not work."""
    return (
        f"what listens at {address} does not let this process in: no Ray cluster, another version of Ray, "
        "or one with a token (RAY_AUTH_MODE, RAY_AUTH_TOKEN)"
    )


def _other_version(address: str, message: str) -> str:
    """Ray's own text names both sides over several lines."""
    words = " ".join(message.split())
    return f"the Ray cluster at {address} runs other versions than this Python: {words}"
