"""The binary frame format: a JSON header and named numeric arrays, with lengths and checksums.

    magic "TRP1" | u32 header bytes | u32 CRC-32 of the header | u64 payload bytes | header | payload

All numbers are little-endian. The header's field `arrays` has [name, dtype, count, offset, CRC-32] of each array.
An offset counts bytes from the start of the payload and is divisible by 8. The format cannot contain code, unlike
pickle.
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
    """A decoded frame; every array is one-dimensional."""

    header: dict[str, Any]
    arrays: dict[str, Array] = field(default_factory=dict)
    #: Bytes of the encoded frame, which the driver of a Ray cluster forwards to an actor.
    data: bytes | bytearray | memoryview = b""


def encode(header: Mapping[str, Any], arrays: Mapping[str, Array] | None = None) -> bytes:
    """Encodes a frame; arrays are flattened in row-major order.

    Raises:
        TypeError: the frame format has no name for an array's dtype.
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
    """Decodes a frame; it must have the length of `data`. The arrays are views of `data`.

    Raises:
        BadRequest: the data is truncated, corrupted, or not a frame.
    """
    view = memoryview(data)
    if len(view) < PREFIX.size:
        raise BadRequest(f"frame: expected at least {PREFIX.size} bytes, got {len(view)}")
    magic, header_bytes, checksum, payload_bytes = PREFIX.unpack_from(view)
    if magic != MAGIC:
        raise BadRequest(f'frame: expected the magic bytes "TRP1", got {bytes(magic)!r}')
    total = PREFIX.size + header_bytes + payload_bytes
    if header_bytes > MAX_HEADER_BYTES or total != len(view):
        raise BadRequest(f"frame: expected {total} bytes, got {len(view)}")
    text = view[PREFIX.size : PREFIX.size + header_bytes]
    if zlib.crc32(text) != checksum:
        raise BadRequest("frame: the header does not match its checksum; the data was corrupted in transit")
    try:
        header = json.loads(bytes(text))
        table = header.pop("arrays")
        arrays = {
            str(name): _array(view[PREFIX.size + header_bytes :], str(name), entry) for name, *entry in table
        }
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise BadRequest(f"frame: expected a frame header as JSON ({error})") from error
    return Frame(header, arrays, data)


def _array(payload: memoryview, name: str, entry: list[Any]) -> Array:
    dtype_name, count, offset, checksum = entry
    dtype = _DTYPES[dtype_name]
    end = offset + count * dtype.itemsize
    if count < 0 or offset < 0 or offset % 8 or end > len(payload):
        raise BadRequest(f"frame array {name}: {count} numbers at byte {offset} are outside the payload")
    data = payload[offset:end]
    if zlib.crc32(data) != checksum:
        raise BadRequest(f"frame array {name}: the data does not match its checksum; it was corrupted in transit")
    return np.frombuffer(data, dtype=dtype)


def split_rows(flat: Array, lengths: Array) -> list[Array]:
    """Splits a flat array into rows of the given lengths.

    Raises:
        BadRequest: the lengths do not sum to the size of the array.
    """
    if int(lengths.sum()) != flat.size or (lengths < 0).any():
        raise BadRequest(f"expected {int(lengths.sum())} numbers in rows, got {flat.size}")
    ends = np.cumsum(lengths)
    return [flat[end - length : end] for end, length in zip(ends, lengths, strict=True)]
