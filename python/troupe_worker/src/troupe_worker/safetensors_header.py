"""Reads the headers of a model folder's safetensors files, without reading the tensors' data."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

_INDEX = "model.safetensors.index.json"


@dataclass(frozen=True)
class TensorInfo:
    """Name, shape and dtype of a tensor in a safetensors file."""

    name: str
    shape: list[int]
    #: Dtype in the notation of safetensors: F32, BF16, F16 ...
    dtype: str


def read_tensor_infos(folder: Path) -> Iterator[TensorInfo]:
    """Lists the tensors of all safetensors files of a model folder.

    Raises:
        OSError, ValueError, KeyError, TypeError, struct.error: a file is missing or its header cannot be parsed.
    """
    index = folder / _INDEX
    files = {"model.safetensors"}
    if index.is_file():
        files = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    for file in sorted(files):
        with (folder / file).open("rb") as stream:
            (size,) = struct.unpack("<Q", stream.read(8))
            if size > 2**30:
                raise ValueError(f"{file}: expected a header of at most 1 GiB, got {size} bytes")
            header = json.loads(stream.read(size))
        for name, entry in header.items():
            if name != "__metadata__":
                yield TensorInfo(name, entry["shape"], entry["dtype"])


def memory_map_dtype(folder: Path) -> torch.dtype:
    """Returns a dtype in which the folder's weights can be loaded without loss of precision.

    If all tensors have this dtype, they are loaded as views of the memory-mapped files, without a copy.
    """
    try:
        found = {tensor.dtype for tensor in read_tensor_infos(folder)}
    except (OSError, ValueError, KeyError, TypeError, struct.error):
        return torch.float32  # an unreadable file is ignored here; loading the weights raises the error
    return torch.bfloat16 if found == {"BF16"} else torch.float32
