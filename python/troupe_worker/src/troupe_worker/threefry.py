"""The counter-based random number generator Threefry-2x32 with 20 rounds; bit-identical to src/core/rng.ts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

U32 = npt.NDArray[np.uint32]

_ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
_KEY_PARITY = np.uint32(0x1BD11BDA)


def threefry2x32(keys: tuple[U32, U32], counters: tuple[U32, U32]) -> tuple[U32, U32]:
    """Maps a 64-bit key and a 64-bit counter to 64 random bits, elementwise over arrays of equal shapes."""
    k0, k1 = keys
    words = (k0, k1, k0 ^ k1 ^ _KEY_PARITY)
    with np.errstate(over="ignore"):  # additions are modulo 2^32
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
    """Returns random number `counter` of the stream of each key, uniform in [0, 1) with 53 random bits."""
    high, low = threefry2x32((key0, key1), (counter, np.zeros_like(counter)))
    bits = (high >> np.uint32(5)).astype(np.float64) * 67108864.0 + (low >> np.uint32(6)).astype(np.float64)
    return bits / 9007199254740992.0


def random_bits(key: tuple[int, int], counter: int) -> int:
    """Returns the 64 random bits at position `counter` of the stream of a key."""
    words = [np.array([word & 0xFFFFFFFF], np.uint32) for word in (*key, counter, 0)]
    high, low = threefry2x32((words[0], words[1]), (words[2], words[3]))
    return int(high[0]) << 32 | int(low[0])


def child_key(key: tuple[int, int], name: int) -> tuple[int, int]:
    """Derives the key of a child stream from the parent's key and an integer name, like `child` of rng.ts."""
    # The top bit of the counter is 1 for child keys and 0 for random numbers, so they never coincide.
    counter = (name & 0xFFFFFFFF, (name >> 32) | 0x80000000)
    words = [np.array([word], np.uint32) for word in (*key, *counter)]
    k0, k1 = threefry2x32((words[0], words[1]), (words[2], words[3]))
    return int(k0[0]), int(k1[0])
