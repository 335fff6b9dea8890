"""Hugging Face folders in and out, with the optimiser's moments beside them in `optimizer.safetensors`
under the names and in the layout of the embedded engine, so that either engine goes on from the other's.
"""

from __future__ import annotations

import copy
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from .calls import first_line
from .errors import BadModel, WorkerError
from .parameters import OptimizerState, Tensors

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
OPTIMIZER = "optimizer.safetensors"
CONFIG = "config.json"
#: Copied byte for byte from the folder a model was loaded from; tokens and templates are the client's.
TEXT_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "generation_config.json",
    "special_tokens_map.json",
)


@dataclass(frozen=True)
class Checkpoint:
    """A model as Transformers built it, on the host, and the small files of its folder."""

    model: Any
    files: Mapping[str, bytes]


def load_checkpoint(folder: Path, *, attention: str, dtype: torch.dtype = torch.float32) -> Checkpoint:
    """Reads weights from safetensors and the architecture from Transformers' own code, never the folder's.

    Args:
        dtype: of the weights in memory; what is trained is read in float32.

    Raises:
        BadModel: something is missing, or weights and config.json do not belong together.
    """
    if not (folder / CONFIG).is_file():
        raise BadModel(f"{folder / CONFIG}: the file is missing; a model folder needs its config.json")
    if not (folder / WEIGHTS).is_file() and not (folder / INDEX).is_file():
        raise BadModel(f"{folder / WEIGHTS}: the file is missing; weights are read from safetensors alone")
    try:
        model, report = transformers.AutoModelForCausalLM.from_pretrained(
            str(folder),
            dtype=dtype,
            attn_implementation=attention,
            trust_remote_code=False,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
        )
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        raise BadModel(f"{folder}: Transformers cannot load it ({first_line(error)})") from error
    _require_whole(folder, report)
    model.eval()  # no dropout: a gradient belongs to the very distribution that was sampled
    files = {name: (folder / name).read_bytes() for name in (CONFIG, *TEXT_FILES) if (folder / name).is_file()}
    return Checkpoint(model, files)


def twin(model: nn.Module) -> nn.Module:
    """A module of its own over the very same tensors: what is built into it does not show elsewhere."""
    shared = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    return copy.deepcopy(model, shared)


def _require_whole(folder: Path, report: Mapping[str, Any]) -> None:
    """Transformers fills what is missing with random numbers; here that is an error."""
    for kind, complaint in (
        ("missing_keys", "is missing"),
        ("unexpected_keys", "has no place in the model that config.json describes"),
        ("mismatched_keys", "has another shape than config.json says"),
    ):
        names = sorted(str(name) for name in report.get(kind, ()))
        if names:
            raise BadModel(f'{folder}: tensor "{names[0]}" {complaint}; the two belong to different models')


def read_optimizer(folder: Path, shapes: Mapping[str, torch.Size]) -> OptimizerState | None:
    """The optimiser's state for weights of those shapes, if the folder has one.

    Raises:
        BadModel: it belongs to another model, or is damaged.
    """
    path = folder / OPTIMIZER
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            step = (file.metadata() or {}).get("step", "")
            names = set(file.keys())
            wanted = {f"{kind}.{name}" for kind in "mv" for name in shapes}
            if names != wanted or not step.isdigit():
                raise BadModel(f"{path}: expected the moments of this model and a step count; they are another's")
            moments: list[Tensors] = [
                {name: file.get_tensor(f"{kind}.{name}") for name in shapes} for kind in "mv"
            ]
    except SafetensorError as error:
        raise BadModel(f"{path}: the file is damaged ({first_line(error)})") from error
    for values in moments:
        for name, tensor in values.items():
            if tensor.shape != shapes[name]:
                raise BadModel(f"{path}: the moments of {name} have another shape than its weights")
    return OptimizerState(int(step), *moments)


def save_checkpoint(folder: Path, files: Mapping[str, bytes], weights: Tensors, state: OptimizerState) -> None:
    """Writes a folder of a whole model.

    Raises:
        WorkerError: a file cannot be written; those that were there are intact.
    """
    config = {name: _as_float32(data) for name, data in files.items() if name == CONFIG}
    text = {name: data for name, data in files.items() if name != CONFIG}
    stale = (INDEX, *(name for name in TEXT_FILES if name not in text))
    write_folder(folder, Contents(WEIGHTS, weights, {**text, **config}, stale), state)


@dataclass(frozen=True)
class Contents:
    """What a folder is to hold besides the optimiser's state."""

    weights_name: str
    weights: Tensors
    #: The last of them is what makes the folder one of its kind.
    files: Mapping[str, bytes]
    #: Names that must not stay from what was there before.
    stale: tuple[str, ...] = ()


def write_folder(folder: Path, contents: Contents, state: OptimizerState) -> None:
    """What can fail, writing, is done under a temporary name inside the folder, then files move.

    Raises:
        WorkerError: a file cannot be written; those that were there are intact.
    """
    temporary = folder / f".tmp-{os.getpid()}"
    try:
        temporary.mkdir(parents=True, exist_ok=True)
        names = [contents.weights_name, *contents.files, OPTIMIZER]
        save_file(_host(contents.weights), temporary / contents.weights_name, metadata={"format": "pt"})
        moments = {f"{kind}.{name}": t for kind in "mv" for name, t in _host(getattr(state, kind)).items()}
        save_file(moments, temporary / OPTIMIZER, metadata={"step": str(state.step)})
        for name, data in contents.files.items():
            (temporary / name).write_bytes(data)
        for name in names:
            _sync(temporary / name)
        # moments must never stand beside weights that are not theirs
        (folder / OPTIMIZER).unlink(missing_ok=True)
        (folder / INDEX).unlink(missing_ok=True)
        for name in names:
            (temporary / name).replace(folder / name)
        for name in contents.stale:
            (folder / name).unlink(missing_ok=True)
        _sync(folder)
    except OSError as error:
        raise WorkerError(f"{folder}: cannot be written ({first_line(error)})", "store") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _as_float32(config: bytes) -> bytes:
    """config.json with the dtype that is written, whatever the model came in."""
    fields: dict[str, Any] = json.loads(config)
    key = "torch_dtype" if "torch_dtype" in fields else "dtype"
    if fields.get(key) in (None, "float32"):
        return config
    return f"{json.dumps({**fields, key: 'float32'}, indent=2)}\n".encode()


def _host(tensors: Tensors) -> dict[str, Tensor]:
    return {name: tensor.detach().to("cpu").contiguous() for name, tensor in tensors.items()}


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
