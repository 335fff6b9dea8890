"""Batches whose tokens the client samples: the worker returns logits, the client sends tokens.

Policies that mix several models use them (src/engine/decode-batch.ts).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor

from .decoder import Decoder
from .decoding import DecodingBatch, Prefilled
from .errors import BadRequest
from .sequences import TokenIds

#: Largest number of open batches per model; opening another one closes the oldest.
_MAX_OPEN = 16


class OpenBatch:
    """A batch of rows, numbered in the order in which their requests were loaded; removing rows renumbers them."""

    def __init__(self, decoder: Decoder, contexts: Sequence[TokenIds], token_budget: int) -> None:
        """
        Args:
            contexts: of the requests that can be loaded
            token_budget: largest number of padded context tokens of a prefill

        Raises:
            BadRequest: a context is empty, has a token outside the vocabulary, or fills the context length.
        """
        self._batch = DecodingBatch(decoder)
        self._contexts = list(contexts)
        self._token_budget = token_budget
        for context in contexts:
            self._batch.max_new_tokens(context)
        #: Prefilled requests that are not loaded yet: logits [V], the prefill, and the row in it.
        self._prefilled: dict[int, tuple[Tensor, Prefilled, int]] = {}
        #: Loaded rows that the next step appends to the batch.
        self._loaded: list[tuple[Prefilled, int]] = []

    def load(self, request: int) -> Tensor:
        """Adds a row for a request. Returns the logits of its first token [V].

        Raises:
            BadRequest: there is no such request.
        """
        if not 0 <= request < len(self._contexts):
            raise BadRequest(f"request: expected an index below {len(self._contexts)}, got {request}")
        if request not in self._prefilled:
            self._prefill_from(request)
        logits, prefilled, row = self._prefilled.pop(request)
        self._loaded.append((prefilled, row))
        return logits

    def step(self, keep: Sequence[int], last: Sequence[int]) -> Tensor:
        """Removes all rows but `keep` and appends a token to each. Returns the next logits [rows, V].

        Args:
            keep: indices of the rows to keep, ascending
            last: token of each kept row

        Raises:
            BadRequest: there is not exactly one token per kept row.
        """
        self._append_loaded()
        self._batch.keep_rows(keep)
        if len(keep) != len(last) or not keep:
            raise BadRequest(f"expected one token per row, got {len(last)} for {len(keep)}")
        return self._batch.step(last)

    def _append_loaded(self) -> None:
        """Appends loaded rows in order; adjacent rows of one prefill are appended together."""
        start = 0
        while start < len(self._loaded):
            prefilled = self._loaded[start][0]
            end = start
            while end < len(self._loaded) and self._loaded[end][0] is prefilled:
                end += 1
            self._batch.append(prefilled.copy(), [row for _, row in self._loaded[start:end]])
            start = end
        self._loaded = []

    def _prefill_from(self, first: int) -> None:
        """Prefills the context of a request and those after it, equal ones once, up to the token budget."""
        rows: dict[bytes, int] = {}
        requests: list[tuple[int, int]] = []
        contexts: list[TokenIds] = []
        longest = 0
        for request in range(first, len(self._contexts)):
            context = self._contexts[request]
            key = context.tobytes()
            if request in self._prefilled:
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
            self._prefilled[request] = (prefilled.logits[row], prefilled, row)


class OpenBatches:
    """The open batches of one model, by name."""

    def __init__(self, decoder: Decoder, token_budget: int) -> None:
        self._decoder = decoder
        self._token_budget = token_budget
        self._open: OrderedDict[str, OpenBatch] = OrderedDict()
        self._next = 0

    def open(self, contexts: Sequence[TokenIds]) -> str:
        """Opens a batch for requests with these contexts. Returns its name."""
        batch = OpenBatch(self._decoder, contexts, self._token_budget)
        name = f"batch-{self._next}"
        self._next += 1
        self._open[name] = batch
        while len(self._open) > _MAX_OPEN:
            self._open.popitem(last=False)
        return name

    def get(self, name: str) -> OpenBatch:
        """
        Raises:
            BadRequest: the batch does not exist any more.
        """
        batch = self._open.get(name)
        if batch is None:
            raise BadRequest(f'batch "{name}" does not exist; {_MAX_OPEN} newer batches were opened since')
        return batch
