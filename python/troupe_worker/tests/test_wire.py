"""Tests the frame format, the random number generator, and idempotent operations."""

from __future__ import annotations

import threading
import unittest

import numpy as np

from troupe_worker.errors import BadRequest, Cancelled, DeadlinePassed
from troupe_worker.frames import Array, decode, encode, split_rows
from troupe_worker.operations import REMEMBERED, Operation, Operations
from troupe_worker.threefry import threefry2x32, uniforms


class FramesTest(unittest.TestCase):
    def test_decoding_restores_header_and_arrays(self) -> None:
        arrays: dict[str, Array] = {
            "a": np.array([1, -2, 3], np.int32),
            "b": np.array([0.5, np.nan], np.float64),
            "none": np.zeros(0, np.float32),
            "bytes": np.arange(5, dtype=np.uint8),
        }
        frame = decode(encode({"kind": "x", "text": "ä"}, arrays))
        self.assertEqual(frame.header, {"kind": "x", "text": "ä"})
        for name, array in arrays.items():
            self.assertEqual(frame.arrays[name].dtype, array.dtype)
            np.testing.assert_array_equal(frame.arrays[name], array)

    def test_rejects_every_corrupted_byte(self) -> None:
        whole = encode({"kind": "x"}, {"a": np.array([1, 2], np.int32)})
        for position in range(len(whole)):
            corrupted = bytearray(whole)
            corrupted[position] ^= 0x40
            with self.assertRaises(BadRequest, msg=f"byte {position}"):
                decode(corrupted)

    def test_rejects_truncated_frames(self) -> None:
        whole = encode({}, {"a": np.array([1, 2], np.int32)})
        for size in range(len(whole)):
            with self.assertRaises(BadRequest):
                decode(whole[:size])

    def test_rejects_row_lengths_that_do_not_match(self) -> None:
        with self.assertRaises(BadRequest):
            split_rows(np.zeros(3, np.int32), np.array([1, 1], np.int32))


class ThreefryTest(unittest.TestCase):
    def test_matches_published_vectors(self) -> None:
        """Compares with the known-answer tests of the Random123 library for Threefry-2x32 with 20 rounds."""
        ones = 0xFFFFFFFF
        cases = [
            ((0, 0, 0, 0), (0x6B200159, 0x99BA4EFE)),
            ((ones, ones, ones, ones), (0x1CB996FC, 0xBB002BE7)),
            ((0x13198A2E, 0x03707344, 0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
        ]
        for words, expected in cases:
            k0, k1, c0, c1 = (np.array([word], np.uint32) for word in words)
            high, low = threefry2x32((k0, k1), (c0, c1))
            self.assertEqual((int(high[0]), int(low[0])), expected)

    def test_uniforms_have_53_bits(self) -> None:
        zero = np.zeros(1, np.uint32)
        value = float(uniforms(zero, zero, zero)[0])
        self.assertEqual(value, ((0x6B200159 >> 5) * 2**26 + (0x99BA4EFE >> 6)) / 2**53)


class OperationsTest(unittest.TestCase):
    def test_a_repeated_operation_runs_once(self) -> None:
        operations, runs = Operations(), []

        def run(operation: Operation) -> None:
            runs.append(1)
            operation.emit(b"some")
            operation.emit(b"end", last=True)

        first = operations.begin("m", "a", 10, run)
        first_reads = [list(first.frames(1)) for _ in range(2)]
        again = operations.begin("m", "a", 10, run)
        self.assertEqual([*first_reads, list(again.frames(1))], [[b"some", b"end"]] * 3)
        self.assertEqual(len(runs), 1)

    def test_yields_heartbeats_while_it_runs(self) -> None:
        release = threading.Event()

        def run(operation: Operation) -> None:
            release.wait(10)
            operation.emit(b"end", last=True)

        frames = Operations().begin("m", "a", 10, run).frames(0.01)
        self.assertIsNone(next(frames))
        release.set()
        self.assertEqual([frame for frame in frames if frame is not None], [b"end"])

    def test_check_raises_after_cancellation_or_deadline(self) -> None:
        operation = Operation(10)
        operation.check()
        operation.cancel()
        self.assertRaises(Cancelled, operation.check)
        self.assertRaises(DeadlinePassed, Operation(-1).check)

    def test_an_operation_that_is_cancelled_before_it_arrives_does_not_start(self) -> None:
        operations, log = Operations(), []

        def run(operation: Operation) -> None:
            try:
                operation.check()
            except Cancelled:
                log.append("cancelled")
            operation.emit(b"end", last=True)

        self.assertFalse(operations.cancel("m", "early"))
        for channel, name in (("m", "early"), ("m", "other"), ("n", "early")):
            list(operations.begin(channel, name, 10, run).frames(1))
        self.assertEqual(log, ["cancelled"])
        for number in range(1000):
            operations.cancel("m", str(number))
        self.assertLess(len(operations._cancelled_early), 1000)

    def test_evicts_old_answers_but_not_the_newest_or_those_in_flight(self) -> None:
        operations, runs = Operations(), []

        def run(operation: Operation) -> None:
            runs.append(1)
            operation.emit(b"end", last=True)

        def unfinished(_operation: Operation) -> None:
            runs.append(1)

        operations.begin("m", "in flight", 10, unfinished)
        for name in range(3 * REMEMBERED):
            list(operations.begin("m", str(name), 10, run).frames(1))
        before = len(runs)
        operations.begin("m", "in flight", 10, run)
        operations.begin("m", str(3 * REMEMBERED - 1), 10, run)
        self.assertEqual(len(runs), before)
        list(operations.begin("m", "0", 10, run).frames(1))
        self.assertEqual(len(runs), before + 1)


if __name__ == "__main__":
    unittest.main()
