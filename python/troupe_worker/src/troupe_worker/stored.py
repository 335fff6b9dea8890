"""What a model folder's safetensors hold, from their headers alone."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

_INDEX = "model.safetensors.index.json"


@dataclass(frozen=True)
class StoredTensor:
    name: str
    shape: list[int]
    #: As safetensors name it: F32, BF16, F16 ...
    dtype: str


def stored_tensors(folder: Path) -> Iterator[StoredTensor]:
    """
    Raises:
        OSError, ValueError, KeyError, TypeError, struct.error: there are none that can be read.
    """
    index = folder / _INDEX
    files = {"model.safetensors"}
    if index.is_file():
        files = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    for file in sorted(files):
        with (folder / file).open("rb") as stream:
            (size,) = struct.unpack("<Q", stream.read(8))
            if size > 2**30:
                raise ValueError(f"{file}: no header")
            header = json.loads(stream.read(size))
        for name, entry in header.items():
            if name != "__metadata__":
                yield StoredTensor(name, entry["shape"], entry["dtype"])


def mapped_dtype(folder: Path) -> torch.dtype:
    """What the folder can be read in without loss and, where all of it is alike, without a copy: its files stay
    where they are, mapped into memory."""
    try:
        found = {tensor.dtype for tensor in stored_tensors(folder)}
    except (OSError, ValueError, KeyError, TypeError, struct.error):
        return torch.float32  # loading says what is wrong
    return torch.bfloat16 if found == {"BF16"} else torch.float32
