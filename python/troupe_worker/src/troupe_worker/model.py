"""One agent's model: what the calls of the protocol do."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .adamw import AdamWParams
from .adapters import FrozenBases
from .division import ALONE, Division
from .drawing import Stream
from .errors import BadRequest
from .frames import Array
from .generating import Generator, Token, Wish
from .load_call import load_options
from .loading import load
from .model_call import Answer, Call
from .open_batches import OpenBatches
from .ranks import Ranks
from .sampling import Completion, Request, Rules, TokenSampler, TorchSampler
from .scoring import Scorer
from .sequences import Message, Rows, read_messages, read_rows
from .sharded_loading import load_sharded
from .vllm_sampling import Home, VllmSampler


class WorkerModel:
    """Calls on one model come one after the other; the service sees to it."""

    def __init__(
        self,
        call: Call,
        device: torch.device,
        bases: FrozenBases | None = None,
        ranks: Ranks | None = None,
        vllm: Home | None = None,
    ) -> None:
        """Loads the folder that the call names.

        Args:
            bases: those that other models may share
            ranks: among which the model is dealt out
            vllm: where it is sampled from, if not with the model itself
        """
        options = load_options(call)
        self._division: Division = ranks or ALONE
        self._loaded = loaded = (
            load_sharded(options, device, ranks) if ranks else load(options, device, bases or FrozenBases())
        )
        self._parameters = loaded.parameters
        self._decoder = loaded.decoder
        self._token_budget = call.count("token_budget")
        self._slots = call.count("decode_batch")
        self._scorer = Scorer(
            loaded.passes, self._parameters, token_budget=self._token_budget, division=self._division
        )
        self._batches = OpenBatches(self._decoder, self._token_budget)
        self._sampler: TokenSampler = TorchSampler(self._decoder)
        if vllm is not None:
            slots, budget = self._slots, self._token_budget
            self._sampler = VllmSampler(vllm, loaded, options, slots=slots, token_budget=budget)
        self._generator: Generator | None = None
        self._generator_lock = threading.Lock()

    def facts(self) -> dict[str, Any]:
        """What the client's model object says of itself."""
        return {
            "vocab_size": self._decoder.vocab_size,
            "max_context": self._decoder.max_positions,
            "parameters": self._loaded.count,
            "kind": self._loaded.kind,
            "text": str(self._loaded.text),
            "cache_bytes_per_token": self._decoder.cache_bytes_per_token,
            "sampler": self._sampler.name,
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
        part = self._division.part(len(requests))
        rules = Rules(
            temperature=call.temperature(),
            max_tokens=call.count("max_tokens"),
            end_tokens=frozenset(call.params.get("end_tokens") or ()),
            slots=min(self._slots, max(1, len(part))),
            token_budget=self._token_budget,
        )

        def announce(completions: list[Completion]) -> None:
            finishes = [completion.finish for completion in completions]
            call.emit(
                {"kind": "messages", "finish": finishes},
                {
                    "index": np.array([part[c.index] for c in completions], np.int32),
                    **_ragged("tokens", [np.array(c.tokens, np.int32) for c in completions], np.int32),
                    **_ragged("logp", [np.array(c.logp, np.float32) for c in completions], np.float32),
                },
            )

        self._loaded.whole.open()
        with self._division.apart(call.check) as check:
            self._sampler.sample([requests[i] for i in part], rules, check=check, announce=announce)
        self._loaded.whole.close()
        return {}, {}

    def gather(self, _call: Call) -> Answer:
        """Puts the weights together for calls that one rank answers alone (`LONE_CALLS`); any other call may take
        them apart again."""
        self._loaded.whole.open()
        return {}, {}

    def settle(self) -> None:
        """Before any call that all ranks answer together: takes the weights apart, whose memory it needs."""
        self._loaded.whole.close()

    def generate(self, call: Call, lock: threading.Lock) -> Answer:
        """A message for serving, token by token. Unlike other calls these run side by side."""
        with self._generator_lock:
            if self._generator is None:
                self._generator = Generator(self._decoder, lock, token_budget=self._token_budget)
        streams = call.frame.arrays.get("stream")
        context = call.frame.arrays.get("context")
        if streams is None or streams.size != 3 or context is None:
            raise BadRequest("expected a context and the three words of a stream")
        temperature, top_p = call.number("temperature"), call.number("top_p")
        if temperature < 0 or not 0 < top_p <= 1:
            raise BadRequest(f"expected temperature >= 0 and top_p in (0, 1], got {temperature} and {top_p}")
        ranks = call.params.get("top_logprobs")
        wish = Wish(
            context=context,
            stream=Stream((int(streams[0]), int(streams[1])), int(streams[2])),
            temperature=temperature,
            top_p=top_p,
            max_tokens=call.count("max_tokens"),
            end_tokens=frozenset(call.params.get("end_tokens") or ()),
            top_logprobs=None if ranks is None else int(ranks),
            check=call.check,
            say=lambda token: call.emit(*_token_frame(token)),
        )
        return {"finish": self._generator.generate(wish)}, {}

    def open_batch(self, call: Call) -> Answer:
        name = self._batches.open(read_rows(call.frame.arrays, "context"))
        return {"batch": name, "vocab_size": self._decoder.vocab_size}, {}

    def load_row(self, call: Call) -> Answer:
        request = call.params.get("request")
        if isinstance(request, bool) or not isinstance(request, int):
            raise BadRequest(f"request: expected an integer, got {request!r}")
        return {}, {"logits": _numbers(self._batches.find(call.text("batch")).load(request))}

    def step_rows(self, call: Call) -> Answer:
        keep, last = call.frame.arrays.get("keep"), call.frame.arrays.get("last")
        if keep is None or last is None:
            raise BadRequest("expected rows to keep and their last tokens")
        return {}, {"logits": _numbers(self._batches.find(call.text("batch")).step(keep.tolist(), last.tolist()))}

    def distributions(self, call: Call) -> Answer:
        """Log-probabilities of the whole vocabulary, a frame per message."""
        snapshot = call.params.get("snapshot")

        def announce(index: int, rows: torch.Tensor) -> None:
            call.emit({"kind": "distribution", "index": index}, {"logp": _numbers(rows)})

        self._scorer.distributions(
            self._messages(call),
            call.temperature(),
            snapshot=None if snapshot is None else str(snapshot),
            check=call.check,
            announce=announce,
        )
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
        self._sampler.rest()
        logp, divergence = self._scorer.backward(messages, cotangents, call.temperature(), kl=kl, check=call.check)
        return {}, {**_floats("logp", logp), **(_floats("kl", divergence) if divergence is not None else {})}

    def step(self, call: Call) -> Answer:
        norm = self._parameters.step_adamw(AdamWParams.read(call.params))
        return {}, {"grad_norm": np.array([norm], np.float64)}

    def zero_gradients(self, _call: Call) -> Answer:
        self._parameters.zero_gradients()
        return {}, {}

    def gradients(self, _call: Call) -> Answer:
        """The accumulated sums by name; for tests that hold engines together."""
        whole = self._parameters.whole(self._parameters.gradients())
        arrays = {name: tensor.cpu().numpy() for name, tensor in whole.items()}
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
        self._loaded.save(Path(call.text("dir")))
        return {}, {}

    def _messages(self, call: Call) -> list[Message]:
        return read_messages(
            call.frame.arrays,
            vocab_size=self._decoder.vocab_size,
            max_positions=self._decoder.max_positions,
        )


def _token_frame(token: Token) -> tuple[dict[str, Any], dict[str, Array]]:
    arrays: dict[str, Array] = {
        "token": np.array([token.token], np.int32),
        "logp": np.array([token.logp], np.float64),
    }
    if token.ranked is not None:
        own, top = token.ranked
        arrays["ranked"] = np.array([own], np.float64)
        arrays["top"] = np.array([one for one, _ in top], np.int32)
        arrays["top_logp"] = np.array([value for _, value in top], np.float64)
    return {"kind": "token"}, arrays


def _numbers(tensor: torch.Tensor) -> Array:
    array: Array = tensor.detach().float().cpu().numpy().reshape(-1)
    return array


def _ragged(name: str, rows: list[Array], dtype: Any) -> dict[str, Array]:
    lengths = np.array([row.size for row in rows], np.int32)
    flat = np.concatenate(rows).astype(dtype, copy=False) if rows else np.zeros(0, dtype)
    return {name: flat, f"{name}_lengths": lengths}


def _floats(name: str, rows: Rows) -> dict[str, Array]:
    return _ragged(name, rows, np.float32)
