"""The Ray actor of an agent, or of one rank of an agent. It runs the service of a worker and transfers files.

The driver forwards frames as bytes, so that the receiver checks the lengths and checksums that the sender wrote.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import WorkerError
from ..frames import decode

#: Interval, seconds, at which a call wakes up while it waits for its next frame. It sends nothing when it wakes
#: up.
_HEARTBEAT_SECONDS = 60.0
_FOLDER_PREFIX = "troupe-actor-"


class AgentActor:
    """The class from which team_placement.py creates Ray actors. Its methods run concurrently in threads."""

    def __init__(self, *, threads: int, gpus: float) -> None:
        """
        Args:
            threads: number of CPU threads of PyTorch
            gpus: number of GPUs of this actor; a fraction limits the actor's GPU memory, 0 selects the CPU

        Raises:
            ImportError: the Python of the node lacks a package; the driver reports the name of the package.
        """
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        import torch
        import transformers

        from ..service import Service

        torch.set_num_threads(threads)
        transformers.utils.logging.set_verbosity_error()
        transformers.utils.logging.disable_progress_bar()
        limit: int | None = None
        if 0 < gpus < 1:  # other actors use the rest of the GPU's memory
            limit = int(gpus * torch.cuda.get_device_properties(0).total_memory)
            torch.cuda.set_per_process_memory_fraction(gpus)
        self._service = Service("cuda" if gpus > 0 else "cpu", limit)
        _remove_stale_folders()
        self._root = Path(tempfile.mkdtemp(prefix=f"{_FOLDER_PREFIX}{os.getpid()}-"))

    def info(self) -> dict[str, Any]:
        """Returns the Ray node id, host name, process id and device of this actor, and the package versions."""
        import ray

        return {
            "node": ray.get_runtime_context().get_node_id(),
            "host": socket.gethostname(),
            "pid": os.getpid(),
            **{key: self._service.hello()[key] for key in ("python", "torch", "transformers", "device")},
        }

    def divide_memory(self, processes: int) -> None:
        """Limits models to 1/processes of the node's free memory."""
        self._service.divide_memory(processes)

    def join(self, rendezvous: str, rank: int, world_size: int) -> None:
        """Joins the process group of an agent, and waits for all ranks. See `AgentProcessGroup.init`."""
        from ..process_group import AgentProcessGroup

        self._service.join(AgentProcessGroup.init(Path(rendezvous), rank, world_size, self._service.device))

    def call(self, data: bytes, header: dict[str, Any]) -> Iterator[tuple[bool, bytes]]:
        """Yields all frames of a call. Each comes with a flag that is True for the last frame.

        Args:
            data: the encoded frame of the client
            header: header fields that replace those of the frame, with this node's names of models and folders
        """
        frame = decode(data)
        operation = self._service.begin(replace(frame, header={**frame.header, **header}))
        previous: bytes | None = None
        for emitted in operation.frames(_HEARTBEAT_SECONDS):
            if emitted is None:
                continue
            if previous is not None:
                yield False, previous
            previous = emitted
        assert previous is not None
        yield True, previous

    def cancel(self, header: dict[str, Any]) -> bool:
        return self._service.cancel(header)

    def make_folder(self) -> str:
        """Creates a temporary folder for a file transfer. Returns its path on this node."""
        return tempfile.mkdtemp(dir=self._root)

    def write_chunk(self, folder: str, name: str, offset: int, data: bytes, checksum: int) -> None:
        """Writes a part of a file.

        Raises:
            WorkerError: the data does not match its CRC-32.
        """
        if zlib.crc32(data) != checksum:
            raise WorkerError(f"{name}: a chunk was corrupted in transit", "store")
        handle = os.open(self._resolve(folder, name), os.O_CREAT | os.O_WRONLY, 0o600)
        try:
            os.pwrite(handle, data, offset)
        finally:
            os.close(handle)

    def list_files(self, folder: str) -> list[tuple[str, int]]:
        """Names and sizes of a folder's files, sorted by name."""
        return sorted((path.name, path.stat().st_size) for path in Path(folder).iterdir() if path.is_file())

    def read_chunk(self, folder: str, name: str, offset: int, size: int) -> tuple[bytes, int]:
        """Returns a part of a file and the CRC-32 of this part."""
        with open(self._resolve(folder, name), "rb") as file:
            file.seek(offset)
            data = file.read(size)
        return data, zlib.crc32(data)

    def remove_folder(self, folder: str) -> None:
        self._resolve(folder, "x")
        shutil.rmtree(folder, ignore_errors=True)

    def _resolve(self, folder: str, name: str) -> Path:
        """Returns the path of a file in a folder that `make_folder` created.

        Raises:
            WorkerError: the path is outside of the folders that `make_folder` created.
        """
        path = Path(folder) / name
        if Path(folder).parent != self._root or path.parent != Path(folder):
            raise WorkerError(f"expected a file in a folder of this actor, got {path}", "store")
        return path


def _remove_stale_folders() -> None:
    """Removes the temporary folders of actors that were killed on this node."""
    for path in Path(tempfile.gettempdir()).glob(f"{_FOLDER_PREFIX}*-*"):
        pid = path.name.removeprefix(_FOLDER_PREFIX).split("-")[0]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            shutil.rmtree(path, ignore_errors=True)
