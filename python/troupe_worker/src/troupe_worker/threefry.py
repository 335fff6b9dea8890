"""Threefry-2x32 with 20 rounds, vectorized; bit-identical to src/core/rng.ts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

U32 = npt.NDArray[np.uint32]

_ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
_KEY_PARITY = np.uint32(0x1BD11BDA)


def threefry2x32(keys: tuple[U32, U32], counters: tuple[U32, U32]) -> tuple[U32, U32]:
    """Maps 64 bits of key and 64 bits of counter to 64 random bits, elementwise over arrays of one shape."""
    k0, k1 = keys
    words = (k0, k1, k0 ^ k1 ^ _KEY_PARITY)
    with np.errstate(over="ignore"):  # arithmetic is modulo 2^32
        x0, x1 = counters[0] + k0, counters[1] + k1
        for group in range(5):
            for r in _ROTATIONS[4 * (group & 1) : 4 * (group & 1) + 4]:
                x0 = x0 + x1
                x1 = ((x1 << np.uint32(r)) | (x1 >> np.uint32(32 - r))) ^ x0
            step = group + 1
            x0 = x0 + words[step % 3]
            x1 = x1 + words[(step + 1) % 3] + np.uint32(step)
    return x0, x1


def uniforms(key0: U32, key1: U32, counter: U32) -> npt.NDArray[np.float64]:
    """Random number `counter` of the stream with each key, uniform in [0, 1) with 53 random bits."""
    high, low = threefry2x32((key0, key1), (counter, np.zeros_like(counter)))
    bits = (high >> np.uint32(5)).astype(np.float64) * 67108864.0 + (low >> np.uint32(6)).astype(np.float64)
    return bits / 9007199254740992.0


def random_bits(key: tuple[int, int], counter: int) -> int:
    """The 64 random bits at position `counter` of a stream."""
    words = [np.array([word & 0xFFFFFFFF], np.uint32) for word in (*key, counter, 0)]
    high, low = threefry2x32((words[0], words[1]), (words[2], words[3]))
    return int(high[0]) << 32 | int(low[0])


def child_key(key: tuple[int, int], name: int) -> tuple[int, int]:
    """Key of a child stream from the parent's key and an integer name, like `child` of src/core/rng.ts."""
    # the top bit of the high counter word separates child keys from random numbers
    counter = (name & 0xFFFFFFFF, (name >> 32) | 0x80000000)
    words = [np.array([word], np.uint32) for word in (*key, *counter)]
    k0, k1 = threefry2x32((words[0], words[1]), (words[2], words[3]))
    return int(k0[0]), int(k1[0])
