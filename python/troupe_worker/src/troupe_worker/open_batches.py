"""Batches whose tokens somebody else draws: logits go out, tokens come in. What policies made of several models
are built on (src/engine/decode-batch.ts)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor

from .decoder import Decoder
from .decoding import DecodingBatch, Prefilled
from .errors import BadRequest
from .sequences import Ids

#: Batches that are open at once; beyond them the oldest is closed.
_MOST = 16


class OpenBatch:
    """Rows are numbered in the order in which requests were loaded; those not kept close the gaps."""

    def __init__(self, decoder: Decoder, contexts: Sequence[Ids], token_budget: int) -> None:
        self._batch = DecodingBatch(decoder)
        self._contexts = list(contexts)
        self._token_budget = token_budget
        for context in contexts:
            self._batch.room(context)
        #: Contexts that were run ahead: first logits and where their keys and values are.
        self._ready: dict[int, tuple[Tensor, Prefilled, int]] = {}
        #: Rows that join before the next step.
        self._loaded: list[tuple[Prefilled, int]] = []

    def load(self, request: int) -> Tensor:
        """A row for a request; logits of its message's first token [V]."""
        if not 0 <= request < len(self._contexts):
            raise BadRequest(f"request: expected one of {len(self._contexts)}, got {request}")
        if request not in self._ready:
            self._run_ahead(request)
        logits, prefilled, row = self._ready.pop(request)
        self._loaded.append((prefilled, row))
        return logits

    def step(self, keep: Sequence[int], last: Sequence[int]) -> Tensor:
        """Drops all rows but those of `keep`, and puts a token behind each; logits [rows, V]."""
        self._join()
        self._batch.keep(keep)
        if len(keep) != len(last) or not keep:
            raise BadRequest(f"expected one token per row, got {len(last)} for {len(keep)}")
        return self._batch.step(last)

    def _join(self) -> None:
        """Rows go in as they were loaded, those of one prefill that follow each other together."""
        place = 0
        while place < len(self._loaded):
            prefilled = self._loaded[place][0]
            end = place
            while end < len(self._loaded) and self._loaded[end][0] is prefilled:
                end += 1
            self._batch.join(prefilled.copy(), [row for _, row in self._loaded[place:end]])
            place = end
        self._loaded = []

    def _run_ahead(self, first: int) -> None:
        """The request's context and those after it, equal ones once, as many as the budget allows."""
        rows: dict[bytes, int] = {}
        requests: list[tuple[int, int]] = []
        contexts: list[Ids] = []
        longest = 0
        for request in range(first, len(self._contexts)):
            context = self._contexts[request]
            key = context.tobytes()
            if request in self._ready:
                break
            if key not in rows:
                longest = max(longest, len(context))
                if contexts and longest * (len(contexts) + 1) > self._token_budget:
                    break
                rows[key] = len(contexts)
                contexts.append(context)
            requests.append((request, rows[key]))
        prefilled = self._batch.prefill(contexts)
        for request, row in requests:
            self._ready[request] = (prefilled.logits[row], prefilled, row)


class OpenBatches:
    """Those of one model, by name."""

    def __init__(self, decoder: Decoder, token_budget: int) -> None:
        self._decoder = decoder
        self._token_budget = token_budget
        self._open: OrderedDict[str, OpenBatch] = OrderedDict()
        self._next = 0

    def open(self, contexts: Sequence[Ids]) -> str:
        batch = OpenBatch(self._decoder, contexts, self._token_budget)
        name = f"batch-{self._next}"
        self._next += 1
        self._open[name] = batch
        while len(self._open) > _MOST:
            self._open.popitem(last=False)
        return name

    def find(self, name: str) -> OpenBatch:
        batch = self._open.get(name)
        if batch is None:
            raise BadRequest(f'batch "{name}" does not exist; {_MOST} newer ones were opened since')
        return batch
