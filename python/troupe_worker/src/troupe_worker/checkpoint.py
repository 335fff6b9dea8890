"""Reads and writes Hugging Face model folders that also contain the optimizer state.

`optimizer.safetensors` has the names and the layout that the ONNX engine uses, so each engine can resume training
from folders of the other.
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
#: Files that are copied unchanged from the folder of the loaded model. Only the client uses them.
TEXT_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "chat_template.json",
    "generation_config.json",
    "special_tokens_map.json",
)


@dataclass(frozen=True)
class Checkpoint:
    """A Transformers model on the CPU, and the contents of the configuration and tokenizer files of its folder."""

    model: Any
    files: Mapping[str, bytes]


def load_checkpoint(folder: Path, *, attention: str, dtype: torch.dtype = torch.float32) -> Checkpoint:
    """Loads a model folder: weights from safetensors, architecture from Transformers. Runs no code of the folder.

    Args:
        attention: attn_implementation of Transformers
        dtype: dtype of the weights in memory; trained weights are loaded in float32

    Raises:
        BadModel: a file is missing or cannot be read, or the weights do not match config.json.
    """
    if not (folder / CONFIG).is_file():
        raise BadModel(f"{folder / CONFIG}: the file is missing; a model folder needs its config.json")
    if not (folder / WEIGHTS).is_file() and not (folder / INDEX).is_file():
        raise BadModel(f"{folder / WEIGHTS}: the file is missing; weights are read from safetensors only")
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
    _require_complete(folder, report)
    model.eval()  # disable dropout: training needs the gradient of the distribution that was sampled
    files = {name: (folder / name).read_bytes() for name in (CONFIG, *TEXT_FILES) if (folder / name).is_file()}
    return Checkpoint(model, files)


def copy_sharing_tensors(model: nn.Module) -> nn.Module:
    """Copies a module but shares all tensors. Modules that are added to the copy do not change the original."""
    shared = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    return copy.deepcopy(model, shared)


def _require_complete(folder: Path, report: Mapping[str, Any]) -> None:
    """Raises BadModel if a tensor is unexpected or missing. Transformers initializes missing tensors randomly."""
    for kind, complaint in (
        ("missing_keys", "is missing"),
        ("unexpected_keys", "is not part of the model that config.json describes"),
        ("mismatched_keys", "has a different shape than config.json describes"),
    ):
        names = sorted(str(name) for name in report.get(kind, ()))
        if names:
            raise BadModel(f'{folder}: tensor "{names[0]}" {complaint}; the files belong to different models')


def read_optimizer(folder: Path, shapes: Mapping[str, torch.Size]) -> OptimizerState | None:
    """Reads the optimizer state of a folder. Returns None if the folder has none.

    Args:
        shapes: shapes of the trained weights, by name

    Raises:
        BadModel: the state does not match the weights, or the file is corrupted.
    """
    path = folder / OPTIMIZER
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            step = (file.metadata() or {}).get("step", "")
            names = set(file.keys())
            expected = {f"{kind}.{name}" for kind in "mv" for name in shapes}
            if names != expected or not step.isdigit():
                raise BadModel(f"{path}: expected the moments of this model and a step count, got others")
            moments: list[Tensors] = [
                {name: file.get_tensor(f"{kind}.{name}") for name in shapes} for kind in "mv"
            ]
    except SafetensorError as error:
        raise BadModel(f"{path}: the file is corrupted ({first_line(error)})") from error
    for values in moments:
        for name, tensor in values.items():
            if tensor.shape != shapes[name]:
                raise BadModel(f"{path}: the moments of {name} have a different shape than the weights")
    return OptimizerState(int(step), *moments)


def save_checkpoint(folder: Path, files: Mapping[str, bytes], weights: Tensors, state: OptimizerState) -> None:
    """Writes the folder of a model without an adapter. The weights are stored in float32.

    Raises:
        WorkerError: a file cannot be written; the previous files are unchanged.
    """
    config = {name: _as_float32(data) for name, data in files.items() if name == CONFIG}
    text = {name: data for name, data in files.items() if name != CONFIG}
    stale = (INDEX, *(name for name in TEXT_FILES if name not in text))
    write_folder(folder, FolderContents(WEIGHTS, weights, {**text, **config}, stale), state)


@dataclass(frozen=True)
class FolderContents:
    """Contents of the files to write to a folder, besides the optimizer state."""

    weights_name: str
    weights: Tensors
    #: Content by file name. The files are moved into the folder in this order. The last one is config.json or
    #: adapter_config.json, which identifies the kind of the folder.
    files: Mapping[str, bytes]
    #: Names of files of earlier saves to delete.
    stale: tuple[str, ...] = ()


def write_folder(folder: Path, contents: FolderContents, state: OptimizerState) -> None:
    """Writes all files to a temporary subfolder first, then moves them into the folder.

    Raises:
        WorkerError: a file cannot be written; the previous files are unchanged.
    """
    temporary = folder / f".tmp-{os.getpid()}"
    try:
        temporary.mkdir(parents=True, exist_ok=True)
        names = [contents.weights_name, *contents.files, OPTIMIZER]
        save_file(_to_cpu(contents.weights), temporary / contents.weights_name, metadata={"format": "pt"})
        moments = {f"{kind}.{name}": t for kind in "mv" for name, t in _to_cpu(getattr(state, kind)).items()}
        save_file(moments, temporary / OPTIMIZER, metadata={"step": str(state.step)})
        for name, data in contents.files.items():
            (temporary / name).write_bytes(data)
        for name in names:
            _sync(temporary / name)
        # Delete the old moments first, so that an interruption cannot leave them beside weights of another step.
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
    """Returns config.json with the dtype float32, which is that of the written weights."""
    fields: dict[str, Any] = json.loads(config)
    key = "torch_dtype" if "torch_dtype" in fields else "dtype"
    if fields.get(key) in (None, "float32"):
        return config
    return f"{json.dumps({**fields, key: 'float32'}, indent=2)}\n".encode()


def _to_cpu(tensors: Tensors) -> dict[str, Tensor]:
    return {name: tensor.detach().to("cpu").contiguous() for name, tensor in tensors.items()}


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
