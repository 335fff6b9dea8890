"""`python -m troupe_worker.cluster`: the front of a Ray cluster. Says in one JSON line on standard output where
it listens, or why it cannot.
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

#: How long Ray may take to end what it started.
_SHUTDOWN_SECONDS = 15.0


def main() -> int:
    """Serves until it is told to stop, or, with --with-parent, until standard input ends."""
    options = _arguments()
    say = _quiet_output()
    _settle_environment(options.address)
    try:
        import numpy  # noqa: F401
        import ray
    except ImportError as error:
        say({"error": {"kind": "package", "package": error.name or "ray", "message": str(error)}})
        return MISSING_PACKAGE
    from ..errors import WorkerError
    from ..server import serve
    from .joining import Joining, join
    from .service import ClusterService

    if options.with_parent:
        # before Ray is asked for anything: a parent may vanish while a cluster starts
        threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    signal.signal(signal.SIGTERM, _interrupt)
    token = os.environ.get(TOKEN_VARIABLE) or secrets.token_urlsafe(24)
    try:
        join(
            Joining(
                address=options.address,
                num_cpus=options.num_cpus,
                num_gpus=options.num_gpus,
                object_store_mib=options.object_store_mib,
                temporary=options.temp_dir,
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
        say({"error": {"kind": error.kind, "message": str(error)}})
        return 1
    made_up = {} if os.environ.get(TOKEN_VARIABLE) else {"token": token}
    cluster = ray.get_runtime_context().gcs_address
    say(
        {
            "address": server.url,
            "version": VERSION,
            "protocol": PROTOCOL,
            "pid": os.getpid(),
            "ray": cluster,
            **made_up,
        }
    )
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()
    _shut_down()
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="troupe-worker-cluster", description=__doc__)
    parser.add_argument(
        "--address", default="auto", help="of the Ray cluster: HOST:PORT, auto, or local for one of its own"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: loopback)")
    parser.add_argument("--port", type=int, default=0, help="port; 0: any free one")
    parser.add_argument("--num-cpus", type=int, help="CPUs of a cluster of its own")
    parser.add_argument("--num-gpus", type=int, help="GPUs of a cluster of its own")
    parser.add_argument("--object-store-mib", type=int, help="object store of a cluster of its own, MiB")
    parser.add_argument("--temp-dir", help="Ray's folder for a cluster of its own")
    parser.add_argument("--lease-seconds", type=float, help="how long an unheard client is kept (600)")
    parser.add_argument("--with-parent", action="store_true", help="end when standard input ends")
    return parser.parse_args()


def _settle_environment(address: str) -> None:
    """What Ray reads when it is imported, and its processes inherit."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # as future versions do; else a warning
    if address == "local":
        # Ray listens on all interfaces, and whoever reaches its ports may run code
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_urlsafe(32))
    else:
        # what listens was reached before: it is asked three times, not twenty, before it is given up
        os.environ.setdefault("RAY_NUM_REDIS_GET_RETRIES", "3")


def _quiet_output() -> Any:
    """Standard output is for one line of ours; what Ray and its libraries print goes to standard error."""
    ours = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(line: dict[str, object]) -> None:
        ours.write(f"{json.dumps(line)}\n")
        ours.flush()

    return say


def _end_with_parent() -> None:
    """A parent that dies, however it dies, closes the pipe; the actors of this driver go with it."""
    while sys.stdin.buffer.read(1):
        pass
    _shut_down()
    os._exit(0)


def _shut_down() -> None:
    """Ends a cluster of our own, or leaves the one that was joined; never waits for it for long."""
    import ray

    ending = threading.Thread(target=ray.shutdown, daemon=True)
    ending.start()
    ending.join(_SHUTDOWN_SECONDS)


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
