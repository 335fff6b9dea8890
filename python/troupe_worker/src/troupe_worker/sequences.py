"""Validates messages and their contexts, and packs them into padded batches that fit into a token budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from .errors import BadRequest
from .frames import Array, split_rows

TokenIds = npt.NDArray[np.int32]
#: One array of numbers per message.
Rows = list[Array]


@dataclass(frozen=True)
class Message:
    """A message of an agent, and the context from which it was sampled."""

    context: TokenIds
    tokens: TokenIds

    @property
    def inputs(self) -> int:
        """Number of input tokens to score the message: context and message without its last token."""
        return len(self.context) + len(self.tokens) - 1


@dataclass(frozen=True)
class Batch:
    """Messages with padding on the right, which causal attention ignores. B rows, T columns, M target tokens."""

    #: Index of each row's message [B].
    message_indices: list[int]
    #: Token ids [B, T].
    input_ids: Tensor
    #: Indices, in 0 .. B * T - 1, of the hidden states that predict the tokens of the messages [M].
    positions: Tensor
    #: The tokens of the messages, which are the prediction targets [M].
    targets: Tensor
    #: Start and end of each row's targets among the M targets [B].
    bounds: list[tuple[int, int]]


def read_messages(arrays: dict[str, Array], *, vocab_size: int, max_positions: int) -> list[Message]:
    """Reads the ragged arrays `context` and `tokens` of a call.

    Raises:
        BadRequest: a token is not in the vocabulary, a context is empty, or a message is too long for the model.
    """
    contexts = read_rows(arrays, "context")
    tokens = read_rows(arrays, "tokens")
    if len(contexts) != len(tokens):
        raise BadRequest(f"expected as many contexts as messages, got {len(contexts)} and {len(tokens)}")
    messages = [Message(context, own) for context, own in zip(contexts, tokens, strict=True)]
    for message in messages:
        check_context(message.context, vocab_size)
        check_tokens(message.tokens, vocab_size)
        if message.inputs > max_positions:
            raise BadRequest(
                f"expected at most {max_positions} tokens (max_position_embeddings), got {message.inputs}"
            )
    return messages


def read_rows(arrays: dict[str, Array], name: str) -> list[Array]:
    """Reads a ragged array: the array `name` has the concatenated rows, `name_lengths` has their lengths.

    Raises:
        BadRequest: an array is missing, or the lengths do not match.
    """
    try:
        return split_rows(arrays[name], arrays[f"{name}_lengths"])
    except KeyError as error:
        raise BadRequest(f"expected the array {error}, got none") from error


def check_context(context: TokenIds, vocab_size: int) -> None:
    """Checks a context.

    Raises:
        BadRequest: the context is empty or has a token outside the vocabulary.
    """
    if context.size == 0:
        raise BadRequest("expected a context of at least one token")
    check_tokens(context, vocab_size)


def max_new_tokens(context: TokenIds, *, vocab_size: int, max_positions: int) -> int:
    """Largest number of tokens that the model can generate after a context.

    Raises:
        BadRequest: the context is empty, has a token outside the vocabulary, or fills the context length.
    """
    check_context(context, vocab_size)
    limit = max_positions - len(context)
    if limit < 1:
        raise BadRequest(
            f"a context of {len(context)} tokens leaves no room for a message; "
            f"the model takes {max_positions} (max_position_embeddings)"
        )
    return limit


def check_tokens(tokens: TokenIds, vocab_size: int) -> None:
    """Checks token ids.

    Raises:
        BadRequest: a token is outside the vocabulary.
    """
    wrong = tokens[(tokens < 0) | (tokens >= vocab_size)]
    if wrong.size:
        raise BadRequest(
            f"expected token ids from 0 to {vocab_size - 1}, got {wrong[0]}; the tokens belong to another model"
        )


def length_grouped_batches(messages: Sequence[Message], indices: Sequence[int], budget: int) -> list[list[int]]:
    """Splits messages into batches of messages of similar lengths; the longest messages come first.

    Args:
        indices: indices of the messages to split; messages without tokens are omitted
        budget: maximum number of padded input tokens of a batch; a longer message is a batch by itself

    Returns:
        For each batch, the indices of its messages.
    """
    order = sorted((index for index in indices if messages[index].tokens.size), key=lambda i: -messages[i].inputs)
    batches: list[list[int]] = []
    start = 0
    while start < len(order):
        rows = max(1, budget // messages[order[start]].inputs)
        batches.append(order[start : start + rows])
        start += rows
    return batches


def collate(messages: Sequence[Message], indices: list[int], device: torch.device) -> Batch:
    """Pads messages to a batch. `indices` starts with the longest message.

    A batch without messages has one row of padding and no targets.
    """
    length = messages[indices[0]].inputs if indices else 1
    ids = np.zeros((max(1, len(indices)), length), dtype=np.int64)
    positions: list[Array] = [np.zeros(0, dtype=np.int64)]
    targets: list[Array] = [np.zeros(0, dtype=np.int64)]
    bounds: list[tuple[int, int]] = []
    targets_before = 0
    for row, index in enumerate(indices):
        message = messages[index]
        ids[row, : message.inputs] = np.concatenate([message.context, message.tokens[:-1]])
        first = row * length + len(message.context) - 1
        positions.append(np.arange(first, first + len(message.tokens)))
        targets.append(message.tokens.astype(np.int64))
        bounds.append((targets_before, targets_before + len(message.tokens)))
        targets_before += len(message.tokens)
    return Batch(
        message_indices=indices,
        input_ids=torch.from_numpy(ids).to(device),
        positions=torch.from_numpy(np.concatenate(positions)).to(device),
        targets=torch.from_numpy(np.concatenate(targets)).to(device),
        bounds=bounds,
    )
