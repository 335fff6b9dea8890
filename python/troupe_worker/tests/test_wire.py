"""Frames, draws and operations: what needs no model."""

from __future__ import annotations

import threading
import unittest

import numpy as np

from troupe_worker.errors import BadRequest, Cancelled, DeadlinePassed
from troupe_worker.frames import Array, decode, encode, split_rows
from troupe_worker.operations import REMEMBERED, Operation, Operations
from troupe_worker.threefry import threefry2x32, uniforms


class Frames(unittest.TestCase):
    def test_come_back_as_they_were(self) -> None:
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

    def test_refuse_every_damaged_byte(self) -> None:
        whole = encode({"kind": "x"}, {"a": np.array([1, 2], np.int32)})
        for place in range(len(whole)):
            broken = bytearray(whole)
            broken[place] ^= 0x40
            with self.assertRaises(BadRequest, msg=f"byte {place}"):
                decode(broken)

    def test_refuse_what_was_cut_short(self) -> None:
        whole = encode({}, {"a": np.array([1, 2], np.int32)})
        for size in range(len(whole)):
            with self.assertRaises(BadRequest):
                decode(whole[:size])

    def test_refuse_rows_that_do_not_add_up(self) -> None:
        with self.assertRaises(BadRequest):
            split_rows(np.zeros(3, np.int32), np.array([1, 1], np.int32))


class Draws(unittest.TestCase):
    def test_are_the_published_answers(self) -> None:
        """Known-answer vectors of the Random123 distribution, 20 rounds."""
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

    def test_have_53_bits_below_one(self) -> None:
        zero = np.zeros(1, np.uint32)
        value = float(uniforms(zero, zero, zero)[0])
        self.assertEqual(value, ((0x6B200159 >> 5) * 2**26 + (0x99BA4EFE >> 6)) / 2**53)


class OperationsTest(unittest.TestCase):
    def test_are_applied_once_however_often_they_are_asked_for(self) -> None:
        operations, applied = Operations(), []

        def run(operation: Operation) -> None:
            applied.append(1)
            operation.say(b"some")
            operation.say(b"end", last=True)

        first = operations.begin("m", "a", 10, run)
        heard = [list(first.frames(1)) for _ in range(2)]
        again = operations.begin("m", "a", 10, run)
        self.assertEqual([*heard, list(again.frames(1))], [[b"some", b"end"]] * 3)
        self.assertEqual(len(applied), 1)

    def test_say_that_they_live_while_they_work(self) -> None:
        release = threading.Event()

        def run(operation: Operation) -> None:
            release.wait(10)
            operation.say(b"end", last=True)

        frames = Operations().begin("m", "a", 10, run).frames(0.01)
        self.assertIsNone(next(frames))
        release.set()
        self.assertEqual([said for said in frames if said is not None], [b"end"])

    def test_end_when_cancelled_or_late(self) -> None:
        operation = Operation(10)
        operation.check()
        operation.cancel()
        self.assertRaises(Cancelled, operation.check)
        self.assertRaises(DeadlinePassed, Operation(-1).check)

    def test_that_were_cancelled_before_they_came_do_not_begin(self) -> None:
        operations, said = Operations(), []

        def run(operation: Operation) -> None:
            try:
                operation.check()
            except Cancelled:
                said.append("cancelled")
            operation.say(b"end", last=True)

        self.assertFalse(operations.cancel("m", "early"))
        for channel, name in (("m", "early"), ("m", "other"), ("n", "early")):
            list(operations.begin(channel, name, 10, run).frames(1))
        self.assertEqual(said, ["cancelled"])
        for number in range(1000):
            operations.cancel("m", str(number))
        self.assertLess(len(operations._early), 1000)

    def test_forget_old_answers_never_the_newest_or_those_under_way(self) -> None:
        operations, runs = Operations(), []

        def run(operation: Operation) -> None:
            runs.append(1)
            operation.say(b"end", last=True)

        def silent(_operation: Operation) -> None:
            runs.append(1)

        operations.begin("m", "working", 10, silent)
        for name in range(3 * REMEMBERED):
            list(operations.begin("m", str(name), 10, run).frames(1))
        before = len(runs)
        operations.begin("m", "working", 10, run)
        operations.begin("m", str(3 * REMEMBERED - 1), 10, run)
        self.assertEqual(len(runs), before)
        list(operations.begin("m", "0", 10, run).frames(1))
        self.assertEqual(len(runs), before + 1)


if __name__ == "__main__":
    unittest.main()
