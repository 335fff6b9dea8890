"""Frames: a JSON header and named arrays of numbers in one block of bytes, with lengths and checksums.

    magic "TRP1" | u32 header bytes | u32 CRC-32 of the header | u64 payload bytes | header | payload

All numbers are little-endian. The header's `arrays` lists [name, dtype, count, offset, CRC-32], offsets
counted from the payload's start and divisible by 8. Nothing in a frame can run code.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import BadRequest

MAGIC = b"TRP1"
PREFIX = struct.Struct("<4sIIQ")
MAX_HEADER_BYTES = 64 * 2**20

Array = npt.NDArray[Any]

_DTYPES: dict[str, np.dtype[Any]] = {
    "i32": np.dtype("<i4"),
    "u32": np.dtype("<u4"),
    "f32": np.dtype("<f4"),
    "f64": np.dtype("<f8"),
    "u8": np.dtype("u1"),
}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}


@dataclass(frozen=True)
class Frame:
    """What one frame says; arrays are flat."""

    header: dict[str, Any]
    arrays: dict[str, Array] = field(default_factory=dict)
    #: The bytes it was read from, for whoever passes it on.
    data: bytes | bytearray | memoryview = b""


def encode(header: Mapping[str, Any], arrays: Mapping[str, Array] | None = None) -> bytes:
    """The bytes of a frame.

    Raises:
        TypeError: an array's dtype has no name on the wire.
    """
    table: list[list[Any]] = []
    parts: list[bytes] = []
    offset = 0
    for name, array in (arrays or {}).items():
        flat = np.ascontiguousarray(array).reshape(-1)
        dtype = _NAMES.get(flat.dtype.newbyteorder("<"))
        if dtype is None:
            raise TypeError(f"frame array {name}: expected i4, u4, f4, f8 or u1, got {flat.dtype}")
        data = flat.astype(_DTYPES[dtype], copy=False).tobytes()
        table.append([name, dtype, int(flat.size), offset, zlib.crc32(data)])
        padding = -len(data) % 8
        parts += [data, b"\0" * padding]
        offset += len(data) + padding
    text = json.dumps({**header, "arrays": table}, separators=(",", ":"), allow_nan=False).encode()
    return b"".join([PREFIX.pack(MAGIC, len(text), zlib.crc32(text), offset), text, *parts])


def decode(data: bytes | bytearray | memoryview) -> Frame:
    """Reads one frame that fills `data`.

    Raises:
        BadRequest: the bytes are cut short, damaged, or no frame.
    """
    view = memoryview(data)
    if len(view) < PREFIX.size:
        raise BadRequest(f"frame: expected at least {PREFIX.size} bytes, got {len(view)}")
    magic, header_bytes, checksum, payload_bytes = PREFIX.unpack_from(view)
    if magic != MAGIC:
        raise BadRequest(f'frame: expected it to begin with "TRP1", got {bytes(magic)!r}')
    total = PREFIX.size + header_bytes + payload_bytes
    if header_bytes > MAX_HEADER_BYTES or total != len(view):
        raise BadRequest(f"frame: expected {total} bytes, got {len(view)}")
    text = view[PREFIX.size : PREFIX.size + header_bytes]
    if zlib.crc32(text) != checksum:
        raise BadRequest("frame: the checksum of the header is wrong; bytes were damaged on the way")
    try:
        header = json.loads(bytes(text))
        table = header.pop("arrays")
        arrays = {
            str(name): _array(view[PREFIX.size + header_bytes :], str(name), entry) for name, *entry in table
        }
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise BadRequest(f"frame: the header is no frame header ({error})") from error
    return Frame(header, arrays, data)


def _array(payload: memoryview, name: str, entry: list[Any]) -> Array:
    dtype_name, count, offset, checksum = entry
    dtype = _DTYPES[dtype_name]
    end = offset + count * dtype.itemsize
    if count < 0 or offset < 0 or offset % 8 or end > len(payload):
        raise BadRequest(f"frame array {name}: {count} numbers at byte {offset} are not in the payload")
    data = payload[offset:end]
    if zlib.crc32(data) != checksum:
        raise BadRequest(f"frame array {name}: the checksum is wrong; bytes were damaged on the way")
    return np.frombuffer(data, dtype=dtype)


def split_rows(flat: Array, lengths: Array) -> list[Array]:
    """Rows of a ragged array.

    Raises:
        BadRequest: the lengths do not add up.
    """
    if int(lengths.sum()) != flat.size or (lengths < 0).any():
        raise BadRequest(f"expected {int(lengths.sum())} numbers in rows, got {flat.size}")
    ends = np.cumsum(lengths)
    return [flat[end - length : end] for end, length in zip(ends, lengths, strict=True)]
