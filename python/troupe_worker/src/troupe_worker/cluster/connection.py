"""Connects to a Ray cluster: an existing one, or a new one on this machine."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

import ray
from ray._private import services

from ..calls import first_line
from ..errors import WorkerError

#: The Python package that Ray copies to the nodes of the actors.
PACKAGE = Path(__file__).resolve().parents[1]
_CONNECT_SECONDS = 10.0
_MIB = 2**20


@dataclass(frozen=True)
class ClusterOptions:
    """Selects a cluster, and the resources of a local cluster. None stands for all resources of the machine."""

    #: `HOST:PORT`; or `auto` for the cluster of this machine; or `local` for a new cluster on this machine, which
    #: stops with this process.
    address: str
    num_cpus: int | None = None
    num_gpus: int | None = None
    object_store_mib: int | None = None
    temp_dir: str | None = None


def connect(options: ClusterOptions) -> None:
    """Makes this process a driver of the cluster.

    Raises:
        WorkerError: there is no cluster at the address, or it has another version of Ray or Python.
    """
    if options.address not in ("local", "auto"):
        _require_reachable(options.address)
    environment = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    runtime = {"py_modules": [str(PACKAGE)], "env_vars": environment}
    object_store_mib = options.object_store_mib
    local = {
        "num_cpus": options.num_cpus,
        "num_gpus": options.num_gpus,
        "object_store_memory": None if object_store_mib is None else object_store_mib * _MIB,
        "include_dashboard": False,
        "_temp_dir": options.temp_dir,
    }
    try:
        ray.init(
            address=options.address,
            runtime_env=runtime,
            namespace="troupe",
            log_to_driver=False,
            logging_level="ERROR",
            **(local if options.address == "local" else {}),
        )
    except ConnectionError as error:
        addresses = _local_addresses() if options.address == "auto" else [options.address]
        message = _refused(", ".join(addresses)) if addresses else _not_found(options.address)
        raise WorkerError(message, "cluster") from error
    except RuntimeError as error:
        if "ersion mismatch" in str(error):
            raise WorkerError(_version_mismatch(options.address, str(error)), "cluster") from error
        raise WorkerError(f"Ray at {options.address}: {first_line(error)}", "cluster") from error
    except Exception as error:  # convert any exception of Ray to a one-line error
        raise WorkerError(
            f"Ray at {options.address}: {type(error).__name__}: {first_line(error)}", "cluster"
        ) from error


def _require_reachable(address: str) -> None:
    """Checks that a process listens at the address, because Ray itself would retry for a long time.

    Raises:
        WorkerError: the address is not valid, or no process listens there.
    """
    host, _, port = address.rpartition(":")
    if "://" in address or not host or not port.isdigit():
        raise WorkerError(
            f'expected a Ray cluster\'s address like 10.0.0.1:6379, "auto" or "local", got "{address}"', "cluster"
        )
    try:
        socket.create_connection((host, int(port)), _CONNECT_SECONDS).close()
    except OSError as error:
        raise WorkerError(f"{_not_found(address)} ({error.strerror or error})", "cluster") from error


def _local_addresses() -> list[str]:
    """Finds the addresses of all clusters that have a node on this machine, even if they refuse connections."""
    try:
        return sorted(services.find_gcs_addresses())
    except Exception:  # find_gcs_addresses is a private function of Ray and may change
        return []


def _not_found(address: str) -> str:
    where = "on this machine" if address == "auto" else f"at {address}"
    return f'there is no Ray cluster {where}; start one with "ray start --head", or try "troupe ray up"'


def _refused(address: str) -> str:
    """Message for a failed connection to a process that listens. Ray's own message does not name the cause."""
    return (
        f"cannot connect to {address}: it is not a Ray cluster, has another version of Ray, "
        "or needs a token (RAY_AUTH_MODE, RAY_AUTH_TOKEN)"
    )


def _version_mismatch(address: str, message: str) -> str:
    """Message for a version mismatch. Joins the lines of Ray's message, which names both versions."""
    details = " ".join(message.split())
    return f"the Ray cluster at {address} has other versions than this Python: {details}"
