"""`python -m troupe_worker.cluster`: starts the driver of a Ray cluster.

Prints one JSON line with its address, or with the error.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import signal
import sys
import threading
from typing import Any

from .. import PROTOCOL, VERSION
from ..__main__ import MISSING_PACKAGE, TOKEN_VARIABLE, lease_seconds

#: Timeout of Ray's shutdown, seconds.
_SHUTDOWN_SECONDS = 15.0


def main() -> int:
    """Serves until interrupted or, with --with-parent, until standard input ends. Returns the exit code."""
    options = _arguments()
    print_line = _redirect_output()
    _set_environment(options.address)
    try:
        import numpy  # noqa: F401
        import ray
    except ImportError as error:
        print_line({"error": {"kind": "package", "package": error.name or "ray", "message": str(error)}})
        return MISSING_PACKAGE
    from ..errors import WorkerError
    from ..server import serve
    from .connection import ClusterOptions, connect
    from .service import ClusterService

    if options.with_parent:
        # Start this thread before Ray is initialized, because the parent may exit while Ray initializes (seconds).
        threading.Thread(target=_exit_with_parent, name="parent", daemon=True).start()
    signal.signal(signal.SIGTERM, _interrupt)
    token = os.environ.get(TOKEN_VARIABLE) or secrets.token_urlsafe(24)
    try:
        connect(
            ClusterOptions(
                address=options.address,
                num_cpus=options.num_cpus,
                num_gpus=options.num_gpus,
                object_store_mib=options.object_store_mib,
                temp_dir=options.temp_dir,
            )
        )
        server = serve(
            ClusterService(),
            host=options.host,
            port=options.port,
            token=token,
            lease_seconds=lease_seconds(options),
        )
    except WorkerError as error:
        print_line({"error": {"kind": error.kind, "message": str(error)}})
        return 1
    generated = {} if os.environ.get(TOKEN_VARIABLE) else {"token": token}
    cluster = ray.get_runtime_context().gcs_address
    print_line(
        {
            "address": server.url,
            "version": VERSION,
            "protocol": PROTOCOL,
            "pid": os.getpid(),
            "ray": cluster,
            **generated,
        }
    )
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()
    _shut_down()
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="troupe-worker-cluster", description=__doc__)
    parser.add_argument(
        "--address",
        default="auto",
        help="of the Ray cluster: HOST:PORT, auto, or local to start a cluster on this machine",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: loopback)")
    parser.add_argument("--port", type=int, default=0, help="port; 0: any free port")
    parser.add_argument("--num-cpus", type=int, help="CPUs of a local cluster")
    parser.add_argument("--num-gpus", type=int, help="GPUs of a local cluster")
    parser.add_argument("--object-store-mib", type=int, help="object store of a local cluster, MiB")
    parser.add_argument("--temp-dir", help="Ray's temporary folder for a local cluster")
    parser.add_argument(
        "--lease-seconds", type=float, help="free the actors of a client that is silent for so long (600)"
    )
    parser.add_argument("--with-parent", action="store_true", help="exit when standard input ends")
    return parser.parse_args()


def _set_environment(address: str) -> None:
    """Sets environment variables that Ray reads when it is imported and that its processes inherit."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # This value is the default of future Ray versions. If it is not set, Ray prints a warning.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    if address == "local":
        # Ray listens on all network interfaces. A token prevents other hosts from running code through its ports.
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_urlsafe(32))
    else:
        # `connect` has already checked that a process listens at the address, so Ray needs only 3 attempts to
        # connect instead of its default of 20.
        os.environ.setdefault("RAY_NUM_REDIS_GET_RETRIES", "3")


def _redirect_output() -> Any:
    """Redirects the standard output of Ray to standard error. Returns a function that prints a line."""
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def print_line(line: dict[str, object]) -> None:
        output.write(f"{json.dumps(line)}\n")
        output.flush()

    return print_line


def _exit_with_parent() -> None:
    """Exits when standard input ends; the operating system closes the pipe also if the parent is killed."""
    while sys.stdin.buffer.read(1):
        pass
    _shut_down()
    os._exit(0)


def _shut_down() -> None:
    """Stops a local cluster or disconnects from a remote one, with a timeout."""
    import ray

    thread = threading.Thread(target=ray.shutdown, daemon=True)
    thread.start()
    thread.join(_SHUTDOWN_SECONDS)


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
