"""`python -m troupe_worker`: starts a worker and prints one JSON line with its address, or with the error."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import sys
import threading

from . import PROTOCOL, VERSION

TOKEN_VARIABLE = "TROUPE_WORKER_TOKEN"
#: Exit code when a Python package is missing.
MISSING_PACKAGE = 3


def main() -> int:
    """Serves until interrupted or, with --with-parent, until standard input ends. Returns the exit code."""
    options = _arguments()
    # All models are local folders, so Transformers must not send requests to the Hugging Face Hub.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        import numpy  # noqa: F401
        import safetensors  # noqa: F401
        import torch
        import transformers
    except ImportError as error:
        _print_line({"error": {"kind": "package", "package": error.name or "torch", "message": str(error)}})
        return MISSING_PACKAGE
    from .errors import WorkerError
    from .server import serve
    from .service import Service

    if options.threads > 0:
        torch.set_num_threads(options.threads)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    token = os.environ.get(TOKEN_VARIABLE) or secrets.token_urlsafe(24)
    try:
        server = serve(
            Service(options.device, int(options.memory_gib * 2**30) if options.memory_gib else None),
            host=options.host,
            port=options.port,
            token=token,
            lease_seconds=lease_seconds(options),
        )
    except WorkerError as error:
        _print_line({"error": {"kind": error.kind, "message": str(error)}})
        return 1
    generated = {} if os.environ.get(TOKEN_VARIABLE) else {"token": token}
    _print_line({"address": server.url, "version": VERSION, "protocol": PROTOCOL, "pid": os.getpid(), **generated})
    if options.with_parent:
        threading.Thread(target=_exit_with_parent, name="parent", daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="troupe-worker", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: loopback)")
    parser.add_argument("--port", type=int, default=0, help="port; 0: any free port")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, ...")
    parser.add_argument("--threads", type=int, default=0, help="threads on a CPU; 0: PyTorch's default")
    parser.add_argument(
        "--lease-seconds", type=float, help="free the models of a client that is silent for so long (600)"
    )
    parser.add_argument("--memory-gib", type=float, help="memory limit for models; default: all free memory")
    parser.add_argument("--with-parent", action="store_true", help="exit when standard input ends")
    return parser.parse_args()


def lease_seconds(options: argparse.Namespace) -> float | None:
    """Time after which the models of a silent client are freed, seconds.

    None with --with-parent, because the worker then exits when the client closes its standard input.
    """
    if options.lease_seconds is not None:
        return float(options.lease_seconds)
    return None if options.with_parent else 600.0


def _exit_with_parent() -> None:
    """Exits when standard input ends; the operating system closes the pipe also if the parent is killed."""
    while sys.stdin.buffer.read(1):
        pass
    os._exit(0)


def _print_line(line: dict[str, object]) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    sys.exit(main())
