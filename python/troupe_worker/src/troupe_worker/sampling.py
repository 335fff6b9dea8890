"""Sampling for training with continuous batching: finished messages leave the batch, and waiting messages join it.

The random number of a token depends only on the random stream of the request and on the token's position
(threefry.py). The sampled tokens therefore do not depend on the order of the messages or on the batch size. The
distribution is softmax(logits / temperature), without top-k or top-p filtering.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from .decoder import Decoder
from .decoding import DecodingBatch
from .sequences import TokenIds
from .token_sampling import RandomStream, next_uniforms, sample_tokens


@dataclass(frozen=True)
class SamplingRequest:
    """A context, and the random stream of its message: Threefry key, and position of the first random number."""

    context: TokenIds
    key: tuple[int, int]
    counter: int


@dataclass(frozen=True)
class SamplingOptions:
    """Options of a `sample` call."""

    temperature: float
    max_tokens: int
    end_tokens: frozenset[int]
    #: Maximum number of messages that decode together.
    decode_batch: int
    #: Maximum number of padded context tokens of a prefill.
    token_budget: int


@dataclass(frozen=True)
class Completion:
    """A finished message."""

    #: Index of the message's request.
    index: int
    tokens: list[int]
    #: Log-probability of each token, nats.
    logp: list[float]
    #: `stop` or `length`.
    finish: str


class Sampler(Protocol):
    """Samples the messages of one model."""

    @property
    def name(self) -> str:
        """Name and version of the sampler, for logs and reports."""

    def sample(
        self,
        requests: Sequence[SamplingRequest],
        options: SamplingOptions,
        *,
        check: Callable[[], None],
        on_completions: Callable[[list[Completion]], None],
    ) -> None:
        """Samples a message per request with the current weights.

        Args:
            check: function that is called between tokens; raises an error to cancel the call
            on_completions: receives every message once, when the message is finished

        Raises:
            BadRequest: a context is empty, has a token outside the vocabulary, or fills the context length.
        """

    def sleep(self) -> None:
        """Frees memory until the next `sample` call."""


class TorchSampler:
    """Samples with the PyTorch module that is also trained."""

    name = "torch"

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder

    def sample(
        self,
        requests: Sequence[SamplingRequest],
        options: SamplingOptions,
        *,
        check: Callable[[], None],
        on_completions: Callable[[list[Completion]], None],
    ) -> None:
        ContinuousBatch(self._decoder, options, check=check, on_completions=on_completions).run(requests)

    def sleep(self) -> None:
        """Does nothing, because this sampler uses no memory besides that of the model."""


@dataclass
class _Row:
    """A message that is being decoded."""

    index: int
    request: SamplingRequest
    #: Maximum number of tokens of the message.
    limit: int
    tokens: list[int] = field(default_factory=list)
    logp: list[float] = field(default_factory=list)


class ContinuousBatch:
    """The decoding loop of one `sample` call."""

    def __init__(
        self,
        decoder: Decoder,
        options: SamplingOptions,
        *,
        check: Callable[[], None],
        on_completions: Callable[[list[Completion]], None],
    ) -> None:
        self._options = options
        self._check = check
        self._on_completions = on_completions
        self._rows: list[_Row] = []
        self._batch = DecodingBatch(decoder)

    @torch.no_grad()
    def run(self, requests: Sequence[SamplingRequest]) -> None:
        """Samples all messages; see `Sampler.sample`."""
        waiting = [self._row(index, request) for index, request in enumerate(requests)]
        waiting.reverse()
        while waiting or self._rows:
            self._check()
            free = self._options.decode_batch - len(self._rows)
            # Add rows only when a quarter of the batch is free, because appending rows copies the KV cache.
            if waiting and 4 * free >= self._options.decode_batch:
                self._admit([waiting.pop() for _ in range(min(free, len(waiting)))])
            if self._rows:
                self._decode()

    def _row(self, index: int, request: SamplingRequest) -> _Row:
        limit = min(self._options.max_tokens, self._batch.max_new_tokens(request.context))
        return _Row(index, request, limit)

    def _admit(self, rows: list[_Row]) -> None:
        """Prefills the contexts of new rows in groups that fit into the token budget; equal contexts only once."""
        groups: dict[bytes, list[_Row]] = {}
        for row in rows:
            groups.setdefault(row.request.context.tobytes(), []).append(row)
        pending = sorted(groups.values(), key=lambda group: len(group[0].request.context))
        while pending:
            self._check()
            count = max(1, self._options.token_budget // len(pending[-1][0].request.context))
            self._prefill(pending[-count:])
            del pending[-count:]

    def _prefill(self, groups: list[list[_Row]]) -> None:
        """Prefills one context per group, samples the first tokens, and appends the rows to the batch."""
        prefilled = self._batch.prefill([group[0].request.context for group in groups])
        rows = [row for group in groups for row in group]
        source = [index for index, group in enumerate(groups) for _ in group]
        unfinished = self._sample(prefilled.logits, rows, torch.tensor(source, device=prefilled.logits.device))
        self._batch.append(prefilled, [source[row] for row in unfinished])
        self._rows += [rows[row] for row in unfinished]

    def _decode(self) -> None:
        """Decodes one more token of every row."""
        logits = self._batch.step([row.tokens[-1] for row in self._rows])
        unfinished = self._sample(logits, self._rows, torch.arange(len(self._rows), device=logits.device))
        self._batch.keep_rows(unfinished)
        self._rows = [self._rows[row] for row in unfinished]

    def _sample(self, logits: Tensor, rows: list[_Row], source: Tensor) -> list[int]:
        """Samples a token per row; row i uses `logits[source[i]]`. Returns the indices of unfinished rows."""
        uniform = next_uniforms(
            [RandomStream(row.request.key, row.request.counter + len(row.tokens)) for row in rows], logits.device
        )
        temperature = torch.full_like(uniform, self._options.temperature)
        tokens, logp = sample_tokens(logits, source, uniform, temperature)
        unfinished: list[int] = []
        completions: list[Completion] = []
        for index, (row, token, value) in enumerate(zip(rows, tokens, logp, strict=True)):
            row.tokens.append(token)
            row.logp.append(value)
            is_end = token in self._options.end_tokens
            if is_end or len(row.tokens) >= row.limit:
                finish = "stop" if is_end else "length"
                completions.append(Completion(row.index, row.tokens, row.logp, finish))
            else:
                unfinished.append(index)
        if completions:
            self._on_completions(completions)
        return unfinished
