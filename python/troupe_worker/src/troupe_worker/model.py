"""The model of one agent: implements the model calls of the wire protocol."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .adamw import AdamWParams
from .adapters import BaseModelCache
from .data_parallel import SINGLE_PROCESS, DataParallel
from .errors import BadRequest
from .frames import Array
from .generation import GeneratedToken, GenerationRequest, Generator
from .load_request import load_options
from .loading import load
from .model_call import Call, CallResult
from .open_batches import OpenBatches
from .process_group import AgentProcessGroup
from .sampling import Completion, Sampler, SamplingOptions, SamplingRequest, TorchSampler
from .scoring import Scorer
from .sequences import Message, Rows, read_messages, read_rows
from .sharded_loading import load_sharded
from .token_sampling import RandomStream
from .vllm_sampling import SharedEngine, VllmSampler


class WorkerModel:
    """A loaded model. The service runs its calls one at a time, except for `generate` calls.

    Every call of the wire protocol has a method with its name. The method reads the parameters from `call` and
    raises BadRequest if they are not valid.
    """

    def __init__(
        self,
        call: Call,
        device: torch.device,
        bases: BaseModelCache | None = None,
        group: AgentProcessGroup | None = None,
        vllm: SharedEngine | None = None,
    ) -> None:
        """Loads the folder of a `load` call.

        Args:
            bases: cache of the base models that adapters share
            group: process group over whose ranks the model is sharded; None: a single process
            vllm: vLLM engine that samples for the model; None: the PyTorch model itself samples

        Raises:
            WorkerError: the folder cannot be used, or vLLM cannot run the model.
        """
        options = load_options(call)
        self._data_parallel: DataParallel = group or SINGLE_PROCESS
        self._loaded = loaded = (
            load_sharded(options, device, group) if group else load(options, device, bases or BaseModelCache())
        )
        self._parameters = loaded.parameters
        self._decoder = loaded.decoder
        self._token_budget = call.positive_integer("token_budget")
        self._decode_batch = call.positive_integer("decode_batch")
        self._scorer = Scorer(
            loaded.scoring_model,
            self._parameters,
            token_budget=self._token_budget,
            data_parallel=self._data_parallel,
        )
        self._batches = OpenBatches(self._decoder, self._token_budget)
        self._sampler: Sampler = TorchSampler(self._decoder)
        if vllm is not None:
            self._sampler = VllmSampler(
                vllm, loaded, options, decode_batch=self._decode_batch, token_budget=self._token_budget
            )
        self._generator: Generator | None = None
        self._generator_lock = threading.Lock()

    def facts(self) -> dict[str, Any]:
        """Properties of the model for the result of a `load` call."""
        return {
            "vocab_size": self._decoder.vocab_size,
            "max_context": self._decoder.max_positions,
            "parameters": self._loaded.parameter_count,
            "kind": self._loaded.kind,
            "tokenizer_dir": str(self._loaded.tokenizer_folder),
            "cache_bytes_per_token": self._decoder.cache_bytes_per_token,
            "sampler": self._sampler.name,
        }

    def sample(self, call: Call) -> CallResult:
        """Samples one message per context. Emits a `messages` frame whenever messages are finished."""
        contexts = read_rows(call.frame.arrays, "context")
        streams = call.frame.arrays.get("streams")
        if streams is None or streams.size != 3 * len(contexts):
            raise BadRequest(f"streams: expected three words for each of {len(contexts)} requests")
        requests = [
            SamplingRequest(context, (int(key0), int(key1)), int(counter))
            for context, (key0, key1, counter) in zip(contexts, streams.reshape(-1, 3), strict=True)
        ]
        local = self._data_parallel.local_range(len(requests))
        options = SamplingOptions(
            temperature=call.temperature(),
            max_tokens=call.positive_integer("max_tokens"),
            end_tokens=frozenset(call.params.get("end_tokens") or ()),
            decode_batch=min(self._decode_batch, max(1, len(local))),
            token_budget=self._token_budget,
        )

        def emit_completions(completions: list[Completion]) -> None:
            finishes = [completion.finish for completion in completions]
            call.emit(
                {"kind": "messages", "finish": finishes},
                {
                    "index": np.array([local[c.index] for c in completions], np.int32),
                    **_ragged("tokens", [np.array(c.tokens, np.int32) for c in completions], np.int32),
                    **_ragged("logp", [np.array(c.logp, np.float32) for c in completions], np.float32),
                },
            )

        self._loaded.sampling_weights.unshard()
        with self._data_parallel.independent_work(call.check) as check:
            local_requests = [requests[i] for i in local]
            self._sampler.sample(local_requests, options, check=check, on_completions=emit_completions)
        self._loaded.sampling_weights.reshard()
        return {}, {}

    def unshard(self, _call: Call) -> CallResult:
        """Gathers the complete weights on every rank, for calls of a single rank (`SINGLE_RANK_CALLS`)."""
        self._loaded.sampling_weights.unshard()
        return {}, {}

    def reshard(self) -> None:
        """Frees the gathered weights. Runs before every call of all ranks, which needs their memory."""
        self._loaded.sampling_weights.reshard()

    def generate(self, call: Call, lock: threading.Lock) -> CallResult:
        """Generates a message for serving. Emits a `token` frame per token. Several calls can run concurrently.

        Args:
            lock: lock of this model; acquired anew for each decoding step
        """
        with self._generator_lock:
            if self._generator is None:
                self._generator = Generator(self._decoder, lock, token_budget=self._token_budget)
        stream = call.frame.arrays.get("stream")
        context = call.frame.arrays.get("context")
        if stream is None or stream.size != 3 or context is None:
            raise BadRequest("expected a context and the three words of a random stream")
        temperature, top_p = call.number("temperature"), call.number("top_p")
        if temperature < 0 or not 0 < top_p <= 1:
            raise BadRequest(f"expected temperature >= 0 and top_p in (0, 1], got {temperature} and {top_p}")
        top_logprobs = call.params.get("top_logprobs")
        request = GenerationRequest(
            context=context,
            stream=RandomStream((int(stream[0]), int(stream[1])), int(stream[2])),
            temperature=temperature,
            top_p=top_p,
            max_tokens=call.positive_integer("max_tokens"),
            end_tokens=frozenset(call.params.get("end_tokens") or ()),
            top_logprobs=None if top_logprobs is None else int(top_logprobs),
            check=call.check,
            on_token=lambda token: call.emit(*_token_frame(token)),
        )
        return {"finish": self._generator.generate(request)}, {}

    def open_batch(self, call: Call) -> CallResult:
        """Opens a batch for which the client samples the tokens (open_batches.py)."""
        name = self._batches.open(read_rows(call.frame.arrays, "context"))
        return {"batch": name, "vocab_size": self._decoder.vocab_size}, {}

    def load_row(self, call: Call) -> CallResult:
        """Adds a row to an open batch. Returns the logits [V] of the row's first token."""
        request = call.params.get("request")
        if isinstance(request, bool) or not isinstance(request, int):
            raise BadRequest(f"request: expected an integer, got {request!r}")
        return {}, {"logits": _to_float32(self._batches.get(call.string("batch")).load(request))}

    def step_rows(self, call: Call) -> CallResult:
        """Appends a token to each row of an open batch. Returns the logits [rows, V] of the next tokens."""
        keep, last = call.frame.arrays.get("keep"), call.frame.arrays.get("last")
        if keep is None or last is None:
            raise BadRequest("expected the rows to keep and their last tokens")
        logits = self._batches.get(call.string("batch")).step(keep.tolist(), last.tolist())
        return {}, {"logits": _to_float32(logits)}

    def distributions(self, call: Call) -> CallResult:
        """Emits a `distribution` frame per message, with the log-probabilities [T, V] of the whole vocabulary."""
        snapshot = call.params.get("snapshot")

        def emit_distribution(index: int, logp: torch.Tensor) -> None:
            call.emit({"kind": "distribution", "index": index}, {"logp": _to_float32(logp)})

        self._scorer.distributions(
            self._messages(call),
            call.temperature(),
            snapshot=None if snapshot is None else str(snapshot),
            check=call.check,
            on_distribution=emit_distribution,
        )
        return {}, {}

    def forward(self, call: Call) -> CallResult:
        """Computes the log-probability of every token of the messages."""
        rows = self._scorer.forward(self._messages(call), call.temperature(), call.check)
        return {}, _float32_rows("logp", rows)

    def backward(self, call: Call) -> CallResult:
        """Accumulates the gradient of sum(cotangent * logp); with `kl`, adds that of a weighted KL divergence."""
        messages = self._messages(call)
        cotangents = read_rows(call.frame.arrays, "cotangents")
        if [row.size for row in cotangents] != [message.tokens.size for message in messages]:
            raise BadRequest("expected one cotangent per token of every message")
        term = call.params.get("kl")
        kl = None if term is None else (str(term["reference"]), float(term["weight"]))
        self._sampler.sleep()
        logp, divergence = self._scorer.backward(messages, cotangents, call.temperature(), kl=kl, check=call.check)
        arrays = _float32_rows("logp", logp)
        return {}, {**arrays, **(_float32_rows("kl", divergence) if divergence is not None else {})}

    def step(self, call: Call) -> CallResult:
        """Takes one AdamW step. Returns the gradient norm before clipping."""
        params = AdamWParams.read(call.params)
        norm = self._parameters.step_adamw(params, keep_gradients=call.flag("keep_gradients"))
        return {}, {"grad_norm": np.array([norm], np.float64)}

    def zero_gradients(self, _call: Call) -> CallResult:
        self._parameters.zero_gradients()
        return {}, {}

    def gradients(self, _call: Call) -> CallResult:
        """Returns the accumulated gradients by name, for tests that compare engines."""
        full = self._parameters.full_tensors(self._parameters.gradients())
        arrays = {name: tensor.cpu().numpy() for name, tensor in full.items()}
        return {"shapes": {name: list(array.shape) for name, array in arrays.items()}}, arrays

    def divergence(self, call: Call) -> CallResult:
        """Computes, per token, both KL divergences and the total variation between model and snapshot."""
        new_cur, cur_new, tv = self._scorer.divergence(
            self._messages(call), call.string("cur"), call.temperature(), call.check
        )
        arrays = {**_float32_rows("kl_new_cur", new_cur), **_float32_rows("kl_cur_new", cur_new)}
        return {}, {**arrays, **_float32_rows("tv", tv)}

    def snapshot(self, _call: Call) -> CallResult:
        return {"snapshot": self._parameters.snapshot()}, {}

    def restore(self, call: Call) -> CallResult:
        self._parameters.restore(call.string("snapshot"), keep_gradients=call.flag("keep_gradients"))
        return {}, {}

    def release(self, call: Call) -> CallResult:
        self._parameters.release(call.string("snapshot"))
        return {}, {}

    def save(self, call: Call) -> CallResult:
        self._loaded.save(Path(call.string("dir")))
        return {}, {}

    def _messages(self, call: Call) -> list[Message]:
        return read_messages(
            call.frame.arrays,
            vocab_size=self._decoder.vocab_size,
            max_positions=self._decoder.max_positions,
        )


def _token_frame(token: GeneratedToken) -> tuple[dict[str, Any], dict[str, Array]]:
    arrays: dict[str, Array] = {
        "token": np.array([token.token], np.int32),
        "logp": np.array([token.logp], np.float64),
    }
    if token.ranked is not None:
        token_logp, top = token.ranked
        arrays["ranked"] = np.array([token_logp], np.float64)
        arrays["top"] = np.array([one for one, _ in top], np.int32)
        arrays["top_logp"] = np.array([value for _, value in top], np.float64)
    return {"kind": "token"}, arrays


def _to_float32(tensor: torch.Tensor) -> Array:
    array: Array = tensor.detach().float().cpu().numpy().reshape(-1)
    return array


def _ragged(name: str, rows: list[Array], dtype: Any) -> dict[str, Array]:
    lengths = np.array([row.size for row in rows], np.int32)
    flat = np.concatenate(rows).astype(dtype, copy=False) if rows else np.zeros(0, dtype)
    return {name: flat, f"{name}_lengths": lengths}


def _float32_rows(name: str, rows: Rows) -> dict[str, Array]:
    return _ragged(name, rows, np.float32)
