"""One agent's models in a process that Ray places: an ordinary service behind a narrow door. Frames come and
go as bytes, so the lengths and checksums that a client wrote are checked here, and the other way round.
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

#: How often a call that says nothing looks whether it is done.
_BEAT_SECONDS = 60.0
_FOLDERS = "troupe-actor-"


class AgentActor:
    """Made a Ray actor where it is placed; its methods run in threads of their own."""

    def __init__(self, *, threads: int, gpus: float) -> None:
        """Raises ImportError where the node's Python lacks a package; the front says which."""
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        import torch
        import transformers

        from ..service import Service

        torch.set_num_threads(threads)
        transformers.utils.logging.set_verbosity_error()
        transformers.utils.logging.disable_progress_bar()
        limit: int | None = None
        if 0 < gpus < 1:  # others have the rest of the card
            limit = int(gpus * torch.cuda.get_device_properties(0).total_memory)
            torch.cuda.set_per_process_memory_fraction(gpus)
        self._service = Service("cuda" if gpus > 0 else "cpu", limit)
        _sweep()
        self._root = Path(tempfile.mkdtemp(prefix=f"{_FOLDERS}{os.getpid()}-"))

    def about(self) -> dict[str, Any]:
        """Where this runs."""
        import ray

        return {
            "node": ray.get_runtime_context().get_node_id(),
            "host": socket.gethostname(),
            "pid": os.getpid(),
            **{key: self._service.hello()[key] for key in ("python", "torch", "transformers", "device")},
        }

    def share_memory(self, parts: int) -> None:
        """Others on the same node compute on its CPUs too."""
        self._service.share_memory(parts)

    def join(self, meeting: str, rank: int, size: int) -> None:
        """Becomes one of the ranks of an agent; waits for the others."""
        from ..ranks import Ranks

        self._service.join(Ranks.form(Path(meeting), rank, size, self._service.device))

    def call(self, data: bytes, header: dict[str, Any]) -> Iterator[tuple[bool, bytes]]:
        """Everything a call says, with whether it is the last.

        Args:
            data: the frame as the client sent it
            header: what stands in its header instead: the names of models and folders are the front's there
        """
        frame = decode(data)
        operation = self._service.begin(replace(frame, header={**frame.header, **header}))
        held: bytes | None = None
        for said in operation.frames(_BEAT_SECONDS):
            if said is None:
                continue
            if held is not None:
                yield False, held
            held = said
        assert held is not None
        yield True, held

    def cancel(self, header: dict[str, Any]) -> bool:
        return self._service.cancel(header)

    def drop(self, session: str) -> None:
        """Frees what a client holds."""
        self._service.drop_session(session)

    def make_folder(self) -> str:
        """A folder of its own for files on their way, on this node."""
        return tempfile.mkdtemp(dir=self._root)

    def write(self, folder: str, name: str, offset: int, data: bytes, checksum: int) -> None:
        """Takes a piece of a file."""
        if zlib.crc32(data) != checksum:
            raise WorkerError(f"{name}: a piece was damaged on the way", "store")
        handle = os.open(self._inside(folder, name), os.O_CREAT | os.O_WRONLY, 0o600)
        try:
            os.pwrite(handle, data, offset)
        finally:
            os.close(handle)

    def listing(self, folder: str) -> list[tuple[str, int]]:
        """Names and sizes of its files."""
        return sorted((path.name, path.stat().st_size) for path in Path(folder).iterdir() if path.is_file())

    def read(self, folder: str, name: str, offset: int, size: int) -> tuple[bytes, int]:
        """A piece of a file and its checksum."""
        with open(self._inside(folder, name), "rb") as file:
            file.seek(offset)
            data = file.read(size)
        return data, zlib.crc32(data)

    def remove_folder(self, folder: str) -> None:
        self._inside(folder, "x")
        shutil.rmtree(folder, ignore_errors=True)

    def _inside(self, folder: str, name: str) -> Path:
        """Nothing outside its own folders is read or written here."""
        path = Path(folder) / name
        if Path(folder).parent != self._root or path.parent != Path(folder):
            raise WorkerError(f"expected a file of this actor, got {path}", "store")
        return path


def _sweep() -> None:
    """Removes what actors that were killed left on this node."""
    for path in Path(tempfile.gettempdir()).glob(f"{_FOLDERS}*-*"):
        pid = path.name.removeprefix(_FOLDERS).split("-")[0]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            shutil.rmtree(path, ignore_errors=True)
