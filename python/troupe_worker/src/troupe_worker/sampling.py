"""Batched sampling for training. Messages that end leave the batch, waiting ones join it.

A draw depends on the request's stream and the number of the token alone (threefry.py), so neither the
schedule nor the batch changes what is drawn. The distribution is softmax(z / temperature), nothing filtered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from .decoder import Decoder
from .decoding import DecodingBatch
from .drawing import Stream, draw, draw_tokens
from .sequences import Ids


@dataclass(frozen=True)
class Request:
    """A context and the stream its message is drawn from: Threefry key and the next draw's number."""

    context: Ids
    key: tuple[int, int]
    counter: int


@dataclass(frozen=True)
class Rules:
    """What ends a message, and how many are decoded together."""

    temperature: float
    max_tokens: int
    end_tokens: frozenset[int]
    slots: int
    #: Padded tokens of contexts run at once.
    token_budget: int


@dataclass(frozen=True)
class Completion:
    """A message that has ended."""

    index: int
    tokens: list[int]
    logp: list[float]
    finish: str


class TokenSampler(Protocol):
    """What draws an agent's messages."""

    @property
    def name(self) -> str:
        """For people."""

    def sample(
        self,
        requests: Sequence[Request],
        rules: Rules,
        *,
        check: Callable[[], None],
        announce: Callable[[list[Completion]], None],
    ) -> None:
        """Announces every message once, as it ends, with the weights as they are now.

        Raises:
            BadRequest: a context is empty, not the model's, or leaves no room for a message.
        """

    def rest(self) -> None:
        """Nothing is drawn for a while: gives back what memory it can."""


class TorchSampler:
    """Draws with the very module that is trained."""

    name = "torch"

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder

    def sample(
        self,
        requests: Sequence[Request],
        rules: Rules,
        *,
        check: Callable[[], None],
        announce: Callable[[list[Completion]], None],
    ) -> None:
        Sampler(self._decoder, rules, check=check, announce=announce).run(requests)

    def rest(self) -> None:
        """Has nothing to give back."""


@dataclass
class _Row:
    """A message in the making."""

    index: int
    request: Request
    limit: int
    tokens: list[int] = field(default_factory=list)
    logp: list[float] = field(default_factory=list)


class Sampler:
    """One call of `sample`: from the first context to the last token."""

    def __init__(
        self,
        decoder: Decoder,
        rules: Rules,
        *,
        check: Callable[[], None],
        announce: Callable[[list[Completion]], None],
    ) -> None:
        self._rules = rules
        self._check = check
        self._announce = announce
        self._rows: list[_Row] = []
        self._batch = DecodingBatch(decoder)

    @torch.no_grad()
    def run(self, requests: Sequence[Request]) -> None:
        """Announces every message once, as it ends.

        Raises:
            BadRequest: a context is empty, not the model's, or leaves no room for a message.
        """
        waiting = [self._row(index, request) for index, request in enumerate(requests)]
        waiting.reverse()
        while waiting or self._rows:
            self._check()
            free = self._rules.slots - len(self._rows)
            # joining copies the cache, so it waits until a quarter of the slots is free
            if waiting and 4 * free >= self._rules.slots:
                self._admit([waiting.pop() for _ in range(min(free, len(waiting)))])
            if self._rows:
                self._step()

    def _row(self, index: int, request: Request) -> _Row:
        return _Row(index, request, min(self._rules.max_tokens, self._batch.room(request.context)))

    def _admit(self, rows: list[_Row]) -> None:
        """Runs contexts, equal ones once, draws first tokens, and lets the messages join the batch."""
        groups: dict[bytes, list[_Row]] = {}
        for row in rows:
            groups.setdefault(row.request.context.tobytes(), []).append(row)
        pending = sorted(groups.values(), key=lambda group: len(group[0].request.context))
        while pending:
            self._check()
            count = max(1, self._rules.token_budget // len(pending[-1][0].request.context))
            self._start(pending[-count:])
            del pending[-count:]

    def _start(self, groups: list[list[_Row]]) -> None:
        prefilled = self._batch.prefill([group[0].request.context for group in groups])
        rows = [row for group in groups for row in group]
        source = [place for place, group in enumerate(groups) for _ in group]
        alive = self._draw(prefilled.logits, rows, torch.tensor(source, device=prefilled.logits.device))
        self._batch.join(prefilled, [source[row] for row in alive])
        self._rows += [rows[row] for row in alive]

    def _step(self) -> None:
        """One more token of every row."""
        logits = self._batch.step([row.tokens[-1] for row in self._rows])
        alive = self._draw(logits, self._rows, torch.arange(len(self._rows), device=logits.device))
        self._batch.keep(alive)
        self._rows = [self._rows[row] for row in alive]

    def _draw(self, logits: Tensor, rows: list[_Row], source: Tensor) -> list[int]:
        """Draws a token for every row from `logits[source]`; returns the rows that go on."""
        uniform = draw(
            [Stream(row.request.key, row.request.counter + len(row.tokens)) for row in rows], logits.device
        )
        temperature = torch.full_like(uniform, self._rules.temperature)
        tokens, logp = draw_tokens(logits, source, uniform, temperature)
        alive: list[int] = []
        ended: list[Completion] = []
        for place, (row, token, value) in enumerate(zip(rows, tokens, logp, strict=True)):
            row.tokens.append(token)
            row.logp.append(value)
            stopped = token in self._rules.end_tokens
            if stopped or len(row.tokens) >= row.limit:
                finish = "stop" if stopped else "length"
                ended.append(Completion(row.index, row.tokens, row.logp, finish))
            else:
                alive.append(place)
        if ended:
            self._announce(ended)
        return alive
