"""Decoding batches whose tokens the client samples. The worker returns logits, and the client sends tokens.

The client uses such a batch to sample from a mixture of several models (src/engine/decode-batch.ts).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor

from .decoder import Decoder
from .decoding import DecodingBatch, Prefilled
from .errors import BadRequest
from .sequences import TokenIds

#: Maximum number of open batches per model. Opening one more closes the oldest batch.
_MAX_OPEN = 16


class OpenBatch:
    """A decoding batch. Its rows are numbered in the order of their `load` calls, and anew after a removal."""

    def __init__(self, decoder: Decoder, contexts: Sequence[TokenIds], token_budget: int) -> None:
        """
        Args:
            contexts: contexts of all requests; `load` adds the row of one request to the batch
            token_budget: maximum number of padded context tokens of a prefill

        Raises:
            BadRequest: a context is empty, has a token outside the vocabulary, or fills the context length.
        """
        self._batch = DecodingBatch(decoder)
        self._contexts = list(contexts)
        self._token_budget = token_budget
        for context in contexts:
            self._batch.max_new_tokens(context)
        #: Requests that are prefilled but not yet added to the batch: logits [V] of the first token, the prefilled
        #: contexts, and the index of the request's context among them.
        self._prefilled: dict[int, tuple[Tensor, Prefilled, int]] = {}
        #: Rows that the next step appends to the batch: prefilled contexts, and the index of the row's context.
        self._loaded: list[tuple[Prefilled, int]] = []

    def load(self, request: int) -> Tensor:
        """Adds a row for a request. Returns the logits [V] of the row's first token.

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
        """Removes all rows except `keep`, and appends a token to each of these rows.

        Args:
            keep: indices of the rows to keep, ascending
            last: the token to append to each kept row

        Returns:
            Logits [rows, V] of the next token of each kept row.

        Raises:
            BadRequest: there is not exactly one token per kept row.
        """
        self._append_loaded()
        self._batch.keep_rows(keep)
        if len(keep) != len(last) or not keep:
            raise BadRequest(f"expected one token per row, got {len(last)} for {len(keep)}")
        return self._batch.step(last)

    def _append_loaded(self) -> None:
        """Appends the loaded rows in order. Adjacent rows of one prefill are appended in one operation."""
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
        """Prefills the context of request `first`, and of the requests after it that fit into the token budget.

        Equal contexts are prefilled only once.
        """
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
        """Opens a batch for requests with these contexts. Returns the name of the batch."""
        batch = OpenBatch(self._decoder, contexts, self._token_budget)
        name = f"batch-{self._next}"
        self._next += 1
        self._open[name] = batch
        while len(self._open) > _MAX_OPEN:
            self._open.popitem(last=False)
        return name

    def get(self, name: str) -> OpenBatch:
        """Returns the open batch with a name.

        Raises:
            BadRequest: the batch does not exist any more.
        """
        batch = self._open.get(name)
        if batch is None:
            raise BadRequest(f'batch "{name}" does not exist; {_MAX_OPEN} newer batches were opened since')
        return batch
