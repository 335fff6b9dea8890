"""Model folders on their way to actors of other machines and back: in pieces, each with a checksum, through
Ray's object store, so that the run's folder needs to exist on the front's machine alone.
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
from .places import Place

PIECE_BYTES = 32 * 2**20
#: Pieces under way at once.
_AHEAD = 3
_OPTIMIZER = "optimizer.safetensors"
#: What a model folder may hold; anything else in it is nobody's business on another machine.
_SUFFIXES = frozenset({".json", ".jinja", ".txt", ".model", ".safetensors"})


@dataclass(frozen=True)
class Sent:
    """A model folder as an actor sees it."""

    folder: str
    #: Paths there, and what they are called here.
    names: Mapping[str, str]
    #: The path of an adapter's base there, and what the adapter's file says here.
    base: tuple[str, str] | None = None

    def here(self, text: str) -> str:
        """A message about folders there, about those here."""
        for there, name in self.names.items():
            text = text.replace(there, name)
        return text


def send_model(place: Place, folder: Path, params: Mapping[str, Any]) -> Sent:
    """Copies what a call of `load` names to the actor's node: a model, or an adapter and its base.

    Raises:
        BadModel: there is no such folder, or it cannot be read.
    """
    optimizer = params.get("optimizer") is True
    if is_adapter_folder(folder):
        config = read_adapter_config(folder)
        base = base_folder(folder, config.base, Path(str(params.get("cwd", "."))))
        kept = _send_base(place, base)
        changed = {ADAPTER_CONFIG: replace(config, base=kept).to_json()}
        there = send_folder(place.actor, folder, optimizer=optimizer, changed=changed)
        return Sent(there, {there: str(folder), kept: str(base)}, (kept, config.base))
    if params.get("lora") is not None:
        kept = _send_base(place, folder)
        return Sent(kept, {kept: str(folder)}, (kept, str(folder.absolute())))
    there = send_folder(place.actor, folder, optimizer=optimizer)
    return Sent(there, {there: str(folder)})


def forget_sent(place: Place, sent: Sent) -> None:
    """Removes what a model was loaded from; bases stay for the next adapter."""
    if sent.folder not in place.bases.values():
        place.actor.remove_folder.remote(sent.folder)


def _send_base(place: Place, folder: Path) -> str:
    key = str(folder.absolute())
    if key not in place.bases:
        place.bases[key] = send_folder(place.actor, folder, optimizer=False)
    return place.bases[key]


def send_folder(actor: Any, folder: Path, *, optimizer: bool, changed: Mapping[str, bytes] | None = None) -> str:
    """Copies a folder to the actor's node, with other bytes in some files. Returns its path there.

    Raises:
        BadModel: there is no such folder, or it cannot be read.
    """
    if not folder.is_dir():
        raise BadModel(f"{folder / 'config.json'}: the file is missing; a model folder needs its config.json")
    there: str = ray.get(actor.make_folder.remote())
    try:
        _settle(
            actor.write.remote(there, path.name, offset, data, zlib.crc32(data))
            for path in sorted(folder.iterdir())
            if path.is_file() and path.suffix in _SUFFIXES and (optimizer or path.name != _OPTIMIZER)
            for offset, data in _pieces(path, (changed or {}).get(path.name))
        )
    except OSError as error:
        raise BadModel(f"{folder}: cannot be read ({error.strerror})") from error
    return there


def fetch_folder(actor: Any, there: str, folder: Path, base: tuple[str, str] | None) -> None:
    """Copies what an actor saved into a folder here; files that were there are replaced only when all are whole.

    Raises:
        WorkerError: a file cannot be written here, or was damaged on the way.
    """
    temporary = folder / f".tmp-{os.getpid()}"
    try:
        temporary.mkdir(parents=True, exist_ok=True)
        names = [name for name, _ in ray.get(actor.listing.remote(there))]
        for name, size in ray.get(actor.listing.remote(there)):
            with open(temporary / name, "wb") as file:
                for offset in range(0, size, PIECE_BYTES):
                    data, checksum = ray.get(actor.read.remote(there, name, offset, PIECE_BYTES))
                    if zlib.crc32(data) != checksum:
                        raise WorkerError(f"{name}: a piece was damaged on the way", "store")
                    file.write(data)
                file.flush()
                os.fsync(file.fileno())
        if base is not None and ADAPTER_CONFIG in names:
            _rename_base(temporary / ADAPTER_CONFIG, *base)
        # what is not part of the new model must never stand beside it, moments above all
        for path in folder.iterdir():
            if path.suffix in _SUFFIXES and (path.name not in names or path.name == _OPTIMIZER):
                path.unlink()
        for name in sorted(names, key=lambda name: (name == _OPTIMIZER, name)):
            (temporary / name).replace(folder / name)
    except OSError as error:
        raise WorkerError(f"{folder}: cannot be written ({error.strerror})", "store") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _pieces(path: Path, instead: bytes | None) -> Iterator[tuple[int, bytes]]:
    """At least one, so that an empty file exists too."""
    if instead is not None:
        yield 0, instead
        return
    offset = 0
    with open(path, "rb") as file:
        while True:
            data = file.read(PIECE_BYTES)
            if data or offset == 0:
                yield offset, data
            if len(data) < PIECE_BYTES:
                return
            offset += len(data)


def _rename_base(path: Path, there: str, here: str) -> None:
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(json.dumps(there), json.dumps(here, ensure_ascii=False)), encoding="utf-8")


def _settle(calls: Iterable[Any]) -> None:
    """Waits for every call, with a few under way at once."""
    waiting: deque[Any] = deque()
    for call in calls:
        waiting.append(call)
        if len(waiting) >= _AHEAD:
            ray.get(waiting.popleft())
    for call in waiting:
        ray.get(call)
