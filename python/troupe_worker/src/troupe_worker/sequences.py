"""Messages with their contexts: checked, and packed into padded batches under a token budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from .errors import BadRequest
from .frames import Array, split_rows

Ids = npt.NDArray[np.int32]
#: Numbers per message.
Rows = list[Array]


@dataclass(frozen=True)
class Message:
    """One message and what its agent saw."""

    context: Ids
    tokens: Ids

    @property
    def inputs(self) -> int:
        """Tokens that the model reads to score it: the last token is only written."""
        return len(self.context) + len(self.tokens) - 1


@dataclass(frozen=True)
class Batch:
    """Rows padded on the right, where causal attention never looks."""

    #: Index of each row's message.
    members: list[int]
    #: [B, T]
    input_ids: Tensor
    #: Flat places in [B * T] of the M states that write a token.
    places: Tensor
    #: The tokens written there [M].
    targets: Tensor
    #: Where each row's states begin and end in M.
    bounds: list[tuple[int, int]]


def read_messages(arrays: dict[str, Array], *, vocab_size: int, max_positions: int) -> list[Message]:
    """Messages of a call.

    Raises:
        BadRequest: a token is not the model's, a context is empty, or a message too long.
    """
    contexts = read_rows(arrays, "context")
    tokens = read_rows(arrays, "tokens")
    if len(contexts) != len(tokens):
        raise BadRequest(f"expected as many contexts as messages, got {len(contexts)} and {len(tokens)}")
    messages = [Message(context, written) for context, written in zip(contexts, tokens, strict=True)]
    for message in messages:
        check_context(message.context, vocab_size)
        check_tokens(message.tokens, vocab_size)
        if message.inputs > max_positions:
            raise BadRequest(
                f"expected at most {max_positions} tokens (max_position_embeddings), got {message.inputs}"
            )
    return messages


def read_rows(arrays: dict[str, Array], name: str) -> list[Array]:
    """A ragged array: `name` holds the rows, `name_lengths` their lengths."""
    try:
        return split_rows(arrays[name], arrays[f"{name}_lengths"])
    except KeyError as error:
        raise BadRequest(f"expected an array {error}, got none") from error


def check_context(context: Ids, vocab_size: int) -> None:
    if context.size == 0:
        raise BadRequest("expected a context of at least one token")
    check_tokens(context, vocab_size)


def room_behind(context: Ids, *, vocab_size: int, max_positions: int) -> int:
    """Tokens that fit behind a context.

    Raises:
        BadRequest: it is empty, not the model's, or leaves no room.
    """
    check_context(context, vocab_size)
    room = max_positions - len(context)
    if room < 1:
        raise BadRequest(
            f"a context of {len(context)} tokens leaves no room for a message; "
            f"the model takes {max_positions} (max_position_embeddings)"
        )
    return room


def check_tokens(tokens: Ids, vocab_size: int) -> None:
    wrong = tokens[(tokens < 0) | (tokens >= vocab_size)]
    if wrong.size:
        raise BadRequest(
            f"expected token ids from 0 to {vocab_size - 1}, got {wrong[0]}; the tokens are another model's"
        )


def groups(messages: Sequence[Message], chosen: Sequence[int], budget: int) -> list[list[int]]:
    """Those of the chosen messages that say something, by index, like lengths together; a message that is longer
    than the budget stands alone."""
    order = sorted((index for index in chosen if messages[index].tokens.size), key=lambda i: -messages[i].inputs)
    found: list[list[int]] = []
    start = 0
    while start < len(order):
        rows = max(1, budget // messages[order[start]].inputs)
        found.append(order[start : start + rows])
        start += rows
    return found


def batch_of(messages: Sequence[Message], members: list[int], device: torch.device) -> Batch:
    """A batch of messages, the longest first; of none, one row that writes nothing."""
    length = messages[members[0]].inputs if members else 1
    ids = np.zeros((max(1, len(members)), length), dtype=np.int64)
    places: list[Array] = [np.zeros(0, dtype=np.int64)]
    targets: list[Array] = [np.zeros(0, dtype=np.int64)]
    bounds: list[tuple[int, int]] = []
    states = 0
    for row, index in enumerate(members):
        message = messages[index]
        ids[row, : message.inputs] = np.concatenate([message.context, message.tokens[:-1]])
        first = row * length + len(message.context) - 1
        places.append(np.arange(first, first + len(message.tokens)))
        targets.append(message.tokens.astype(np.int64))
        bounds.append((states, states + len(message.tokens)))
        states += len(message.tokens)
    return Batch(
        members=members,
        input_ids=torch.from_numpy(ids).to(device),
        places=torch.from_numpy(np.concatenate(places)).to(device),
        targets=torch.from_numpy(np.concatenate(targets)).to(device),
        bounds=bounds,
    )
