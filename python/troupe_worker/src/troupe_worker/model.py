"""One agent's model: what the calls of the protocol do."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .adamw import AdamWParams
from .checkpoint import load_checkpoint, read_optimizer, save_checkpoint
from .decoder import Decoder
from .errors import BadRequest
from .frames import Array, Frame
from .parameters import ParameterStore
from .sampling import Completion, Request, Rules, Sampler
from .scoring import Rows, Scorer
from .sequences import Message, read_messages, read_rows

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class Call:
    """A request on its way through a model: what it asks, and how to end early or say something in between."""

    frame: Frame
    check: Callable[[], None]
    emit: Callable[[dict[str, Any], dict[str, Array]], None]

    @property
    def params(self) -> dict[str, Any]:
        params: dict[str, Any] = self.frame.header.get("params") or {}
        return params

    def number(self, name: str) -> float:
        value = self.params.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise BadRequest(f"{name}: expected a number, got {value!r}")
        return float(value)

    def count(self, name: str) -> int:
        value = self.params.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise BadRequest(f"{name}: expected an integer >= 1, got {value!r}")
        return value

    def text(self, name: str) -> str:
        value = self.params.get(name)
        if not isinstance(value, str) or value == "":
            raise BadRequest(f"{name}: expected a text, got {value!r}")
        return value

    def temperature(self) -> float:
        value = self.number("temperature")
        if not value > 0:
            raise BadRequest(f"expected a temperature > 0, got {value}")
        return value


#: What a call answers: a JSON value and arrays.
Answer = tuple[dict[str, Any], dict[str, Array]]


class WorkerModel:
    """Calls on one model come one after the other; the service sees to it."""

    def __init__(self, call: Call, device: torch.device) -> None:
        """Loads the folder that the call names."""
        folder = Path(call.text("dir"))
        dtype_name = call.text("dtype")
        if dtype_name not in DTYPES:
            raise BadRequest(f"dtype: expected one of {', '.join(DTYPES)}, got {dtype_name}")
        # eager attention rounds alike with and without gradients, and knows soft caps; on a GPU it is too slow
        attention = "eager" if device.type == "cpu" or _has_softcap(folder) else "sdpa"
        checkpoint = load_checkpoint(folder, attention=attention)
        self._files = checkpoint.files
        self._parameters = ParameterStore(checkpoint.model, DTYPES[dtype_name], device)
        self._decoder = Decoder(checkpoint.model, str(folder))
        self._token_budget = call.count("token_budget")
        self._slots = call.count("decode_batch")
        self._scorer = Scorer(self._decoder, self._parameters, token_budget=self._token_budget)
        if call.params.get("optimizer") is True:
            state = read_optimizer(folder, self._parameters.masters())
            if state is not None:
                self._parameters.load_optimizer_state(state)

    def facts(self) -> dict[str, Any]:
        """What the client's model object says of itself."""
        return {
            "vocab_size": self._decoder.vocab_size,
            "max_context": self._decoder.max_positions,
            "parameters": self._parameters.count,
        }

    def sample(self, call: Call) -> Answer:
        contexts = read_rows(call.frame.arrays, "context")
        streams = call.frame.arrays.get("streams")
        if streams is None or streams.size != 3 * len(contexts):
            raise BadRequest(f"expected three words per stream for {len(contexts)} requests")
        requests = [
            Request(context, (int(key0), int(key1)), int(counter))
            for context, (key0, key1, counter) in zip(contexts, streams.reshape(-1, 3), strict=True)
        ]
        rules = Rules(
            temperature=call.temperature(),
            max_tokens=call.count("max_tokens"),
            end_tokens=frozenset(call.params.get("end_tokens") or ()),
            slots=min(self._slots, max(1, len(requests))),
            token_budget=self._token_budget,
        )

        def announce(completions: list[Completion]) -> None:
            finishes = [completion.finish for completion in completions]
            call.emit(
                {"kind": "messages", "finish": finishes},
                {
                    "index": np.array([c.index for c in completions], np.int32),
                    **_ragged("tokens", [np.array(c.tokens, np.int32) for c in completions], np.int32),
                    **_ragged("logp", [np.array(c.logp, np.float32) for c in completions], np.float32),
                },
            )

        Sampler(self._decoder, rules, check=call.check, announce=announce).run(requests)
        return {}, {}

    def forward(self, call: Call) -> Answer:
        rows = self._scorer.forward(self._messages(call), call.temperature(), call.check)
        return {}, _floats("logp", rows)

    def backward(self, call: Call) -> Answer:
        messages = self._messages(call)
        cotangents = read_rows(call.frame.arrays, "cotangents")
        if [row.size for row in cotangents] != [message.tokens.size for message in messages]:
            raise BadRequest("expected one cotangent per token of every message")
        term = call.params.get("kl")
        kl = None if term is None else (str(term["reference"]), float(term["weight"]))
        logp, divergence = self._scorer.backward(
            messages, cotangents, call.temperature(), kl=kl, check=call.check
        )
        return {}, {**_floats("logp", logp), **(_floats("kl", divergence) if divergence is not None else {})}

    def step(self, call: Call) -> Answer:
        norm = self._parameters.step_adamw(AdamWParams.read(call.params))
        return {}, {"grad_norm": np.array([norm], np.float64)}

    def zero_gradients(self, _call: Call) -> Answer:
        self._parameters.zero_gradients()
        return {}, {}

    def gradients(self, _call: Call) -> Answer:
        """The accumulated sums by name; for tests that hold engines together."""
        arrays = {name: tensor.cpu().numpy() for name, tensor in self._parameters.gradients().items()}
        return {"shapes": {name: list(array.shape) for name, array in arrays.items()}}, arrays

    def divergence(self, call: Call) -> Answer:
        new_cur, cur_new, tv = self._scorer.divergence(
            self._messages(call), call.text("cur"), call.temperature(), call.check
        )
        return {}, {**_floats("kl_new_cur", new_cur), **_floats("kl_cur_new", cur_new), **_floats("tv", tv)}

    def snapshot(self, _call: Call) -> Answer:
        return {"snapshot": self._parameters.snapshot()}, {}

    def restore(self, call: Call) -> Answer:
        self._parameters.restore(call.text("snapshot"))
        return {}, {}

    def release(self, call: Call) -> Answer:
        self._parameters.release(call.text("snapshot"))
        return {}, {}

    def save(self, call: Call) -> Answer:
        save_checkpoint(
            Path(call.text("dir")), self._files, self._parameters.masters(), self._parameters.optimizer_state()
        )
        return {}, {}

    def _messages(self, call: Call) -> list[Message]:
        return read_messages(
            call.frame.arrays,
            vocab_size=self._decoder.vocab_size,
            max_positions=self._decoder.max_positions,
        )


def _has_softcap(folder: Path) -> bool:
    try:
        return '"attn_logit_softcapping"' in (folder / "config.json").read_text(encoding="utf-8")
    except OSError:
        return False  # loading says what is wrong


def _ragged(name: str, rows: list[Array], dtype: Any) -> dict[str, Array]:
    lengths = np.array([row.size for row in rows], np.int32)
    flat = np.concatenate(rows).astype(dtype, copy=False) if rows else np.zeros(0, dtype)
    return {name: flat, f"{name}_lengths": lengths}


def _floats(name: str, rows: Rows) -> dict[str, Array]:
    return _ragged(name, rows, np.float32)
