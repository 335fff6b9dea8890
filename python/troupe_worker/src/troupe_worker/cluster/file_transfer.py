"""Copies model folders between the driver and actors on other nodes, through Ray, in chunks with checksums.

The nodes therefore need no shared file system; the run folder exists only on the driver's machine.
"""

from __future__ import annotations

import json
import os
import shutil
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ray

from ..adapter_config import ADAPTER_CONFIG, base_folder, is_adapter_folder, read_adapter_config
from ..errors import BadModel, WorkerError
from .agent_placement import AgentPlacement

CHUNK_BYTES = 32 * 2**20
#: Maximum number of chunks in flight.
_MAX_IN_FLIGHT = 3
_OPTIMIZER = "optimizer.safetensors"
#: Suffixes of the files that are copied; other files of a model folder are not copied.
_SUFFIXES = frozenset({".json", ".jinja", ".txt", ".model", ".safetensors"})


@dataclass(frozen=True)
class UploadedModel:
    """A model folder that was copied to the node of an actor."""

    #: Path of the folder on the node.
    folder: str
    #: Paths of the folders on the driver's machine, by the paths of their copies on the node.
    local_names: Mapping[str, str]
    #: For adapters: path of the base model on the node, and base_model_name_or_path in the driver's folder.
    base: tuple[str, str] | None = None

    def with_local_names(self, message: str) -> str:
        """Replaces paths on the node in a text by the paths on the driver's machine."""
        for remote, local in self.local_names.items():
            message = message.replace(remote, local)
        return message


def upload_model(placement: AgentPlacement, folder: Path, params: Mapping[str, Any]) -> UploadedModel:
    """Copies the folder of a `load` call to the actor's node: a model, or an adapter and its base model.

    Args:
        params: parameters of the `load` call

    Raises:
        BadModel: the folder does not exist or cannot be read.
    """
    optimizer = params.get("optimizer") is True
    if is_adapter_folder(folder):
        config = read_adapter_config(folder)
        base = base_folder(folder, config.base, Path(str(params.get("cwd", "."))))
        remote_base = _upload_base(placement, base)
        replaced = {ADAPTER_CONFIG: replace(config, base=remote_base).to_json()}
        remote = upload_folder(placement.actor, folder, optimizer=optimizer, replaced=replaced)
        return UploadedModel(remote, {remote: str(folder), remote_base: str(base)}, (remote_base, config.base))
    if params.get("lora") is not None:
        remote = _upload_base(placement, folder)
        return UploadedModel(remote, {remote: str(folder)}, (remote, str(folder.absolute())))
    remote = upload_folder(placement.actor, folder, optimizer=optimizer)
    return UploadedModel(remote, {remote: str(folder)})


def delete_upload(placement: AgentPlacement, uploaded: UploadedModel) -> None:
    """Deletes the copied folder after the load. Keeps base models on the node, for other adapters."""
    if uploaded.folder not in placement.uploaded_bases.values():
        placement.actor.remove_folder.remote(uploaded.folder)


def _upload_base(placement: AgentPlacement, folder: Path) -> str:
    key = str(folder.absolute())
    if key not in placement.uploaded_bases:
        placement.uploaded_bases[key] = upload_folder(placement.actor, folder, optimizer=False)
    return placement.uploaded_bases[key]


def upload_folder(
    actor: Any, folder: Path, *, optimizer: bool, replaced: Mapping[str, bytes] | None = None
) -> str:
    """Copies a folder to the actor's node. Returns the path of the copy.

    Args:
        optimizer: whether to copy the optimizer state
        replaced: content that replaces that of some files, by file name

    Raises:
        BadModel: the folder does not exist or cannot be read.
    """
    if not folder.is_dir():
        raise BadModel(f"{folder / 'config.json'}: the file is missing; a model folder needs its config.json")
    remote: str = ray.get(actor.make_folder.remote())
    try:
        _wait_for_all(
            actor.write_chunk.remote(remote, path.name, offset, data, zlib.crc32(data))
            for path in sorted(folder.iterdir())
            if path.is_file() and path.suffix in _SUFFIXES and (optimizer or path.name != _OPTIMIZER)
            for offset, data in _chunks(path, (replaced or {}).get(path.name))
        )
    except OSError as error:
        raise BadModel(f"{folder}: cannot be read ({error.strerror})") from error
    return remote


def download_folder(actor: Any, remote: str, folder: Path, base: tuple[str, str] | None) -> None:
    """Copies a folder from the actor's node. Previous files are replaced only after all files have arrived.

    Args:
        base: see `UploadedModel.base`

    Raises:
        WorkerError: a file cannot be written or was corrupted in transit.
    """
    temporary = folder / f".tmp-{os.getpid()}"
    try:
        temporary.mkdir(parents=True, exist_ok=True)
        files = ray.get(actor.list_files.remote(remote))
        names = [name for name, _ in files]
        for name, size in files:
            with open(temporary / name, "wb") as file:
                for offset in range(0, size, CHUNK_BYTES):
                    data, checksum = ray.get(actor.read_chunk.remote(remote, name, offset, CHUNK_BYTES))
                    if zlib.crc32(data) != checksum:
                        raise WorkerError(f"{name}: a chunk was corrupted in transit", "store")
                    file.write(data)
                file.flush()
                os.fsync(file.fileno())
        if base is not None and ADAPTER_CONFIG in names:
            _replace_base(temporary / ADAPTER_CONFIG, *base)
        # Delete old files first, so that an interruption cannot leave old moments beside the new weights.
        for path in folder.iterdir():
            if path.suffix in _SUFFIXES and (path.name not in names or path.name == _OPTIMIZER):
                path.unlink()
        for name in sorted(names, key=lambda name: (name == _OPTIMIZER, name)):
            (temporary / name).replace(folder / name)
    except OSError as error:
        raise WorkerError(f"{folder}: cannot be written ({error.strerror})", "store") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _chunks(path: Path, content: bytes | None) -> Iterator[tuple[int, bytes]]:
    """Yields offset and data of each chunk of a file, or of `content` if given. An empty file has one chunk."""
    if content is not None:
        yield 0, content
        return
    offset = 0
    with open(path, "rb") as file:
        while True:
            data = file.read(CHUNK_BYTES)
            if data or offset == 0:
                yield offset, data
            if len(data) < CHUNK_BYTES:
                return
            offset += len(data)


def _replace_base(path: Path, remote: str, local: str) -> None:
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(json.dumps(remote), json.dumps(local, ensure_ascii=False)), encoding="utf-8")


def _wait_for_all(calls: Iterable[Any]) -> None:
    """Runs all calls with a limited number in flight, and waits until all are finished."""
    in_flight: deque[Any] = deque()
    for call in calls:
        in_flight.append(call)
        if len(in_flight) >= _MAX_IN_FLIGHT:
            ray.get(in_flight.popleft())
    for call in in_flight:
        ray.get(call)
