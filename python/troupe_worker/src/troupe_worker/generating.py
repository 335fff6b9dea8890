"""Messages for serving: they join a running batch between two tokens, are told of every token, and leave at their
last. Greedy and nucleus draws exist here alone; one that filters nothing is the sampler's own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from .decoder import Decoder
from .decoding import DecodingBatch
from .drawing import Stream, draw, draw_nucleus, draw_tokens, likeliest, rank
from .errors import Cancelled, WorkerError
from .sequences import Ids


@dataclass(frozen=True)
class Token:
    """One token as it is drawn; `ranked` where the likeliest are asked for: its own log-probability at temperature
    1, and theirs."""

    token: int
    logp: float
    ranked: tuple[float, list[tuple[int, float]]] | None


@dataclass(frozen=True)
class Wish:
    """A message that somebody waits for."""

    context: Ids
    stream: Stream
    #: 0: the likeliest token, always.
    temperature: float
    top_p: float
    max_tokens: int
    end_tokens: frozenset[int]
    top_logprobs: int | None
    #: Raises when nobody waits any more.
    check: Callable[[], None]
    #: Told of every token.
    say: Callable[[Token], None]


@dataclass
class _Message:
    wish: Wish
    limit: int
    tokens: list[int] = field(default_factory=list)
    finish: str = ""
    error: BaseException | None = None
    over: threading.Event = field(default_factory=threading.Event)

    def end(self, error: BaseException | None = None) -> None:
        """Once: what befalls the others of a turn is not told to one that had ended in it."""
        if not self.over.is_set():
            self.error = error
            self.over.set()


class Generator:
    """One batch of one model. Callers wait in their own threads; whoever comes to an idle batch starts it."""

    def __init__(self, decoder: Decoder, lock: threading.Lock, *, token_budget: int) -> None:
        """Args: lock: held for every step, so that other calls on the model come between two."""
        self._decoder = decoder
        self._model_lock = lock
        self._token_budget = token_budget
        self._batch = DecodingBatch(decoder)
        self._rows: list[_Message] = []
        self._waiting: list[_Message] = []
        self._lock = threading.Lock()
        self._running = False

    def generate(self, wish: Wish) -> str:
        """Waits for the whole message; returns why it ended: `stop` or `length`.

        Raises:
            WorkerError: the context cannot be used, or the message was cancelled.
        """
        message = _Message(wish, min(wish.max_tokens, self._batch.room(wish.context)))
        with self._lock:
            self._waiting.append(message)
            if not self._running:
                self._running = True
                threading.Thread(target=self._run, name="generator", daemon=True).start()
        message.over.wait()
        if message.error is not None:
            raise message.error
        return message.finish

    @torch.no_grad()
    def _run(self) -> None:
        """Until there is nothing to do; a fault ends everything that is under way."""
        while True:
            with self._lock:
                arrived, self._waiting = self._waiting, []
                if not arrived and not self._rows:
                    self._running = False
                    return
            try:
                with self._model_lock:
                    self._turn(arrived)
            except BaseException as error:
                for message in {id(one): one for one in (*arrived, *self._rows)}.values():
                    message.end(WorkerError(f"{type(error).__name__}: {error}"))
                self._rows = []
                self._batch = DecodingBatch(self._decoder)

    def _turn(self, arrived: list[_Message]) -> None:
        """Lets messages in, and puts one more token behind every other."""
        self._leave([place for place, message in enumerate(self._rows) if self._is_wanted(message)])
        pending = sorted(
            (message for message in arrived if self._is_wanted(message)), key=lambda one: len(one.wish.context)
        )
        before = len(self._rows)
        while pending:
            count = max(1, self._token_budget // len(pending[-1].wish.context))
            self._start(pending[-count:])
            del pending[-count:]
        if before == 0:
            return
        # those that have just come have their first token already
        logits = self._batch.step([message.tokens[-1] for message in self._rows])
        self._draw(logits, self._rows, list(range(len(self._rows))))
        self._leave([place for place, message in enumerate(self._rows) if not message.over.is_set()])

    def _start(self, group: list[_Message]) -> None:
        """Runs contexts, equal ones once, and draws first tokens."""
        rows: dict[bytes, int] = {}
        contexts: list[Ids] = []
        for message in group:
            key = message.wish.context.tobytes()
            if key not in rows:
                rows[key] = len(contexts)
                contexts.append(message.wish.context)
        source = [rows[message.wish.context.tobytes()] for message in group]
        prefilled = self._batch.prefill(contexts)
        self._draw(prefilled.logits, group, source)
        alive = [place for place, message in enumerate(group) if not message.over.is_set()]
        self._batch.join(prefilled, [source[place] for place in alive])
        self._rows += [group[place] for place in alive]

    def _leave(self, alive: list[int]) -> None:
        self._batch.keep(alive)
        self._rows = [self._rows[row] for row in alive]

    def _is_wanted(self, message: _Message) -> bool:
        try:
            message.wish.check()
        except WorkerError as error:
            message.end(error)
            return False
        return True

    def _draw(self, logits: Tensor, messages: list[_Message], source: list[int]) -> None:
        """A token for every message from its row of logits; plain draws together, others one by one."""
        uniform = draw([_next(message) for message in messages], logits.device)
        plain = [p for p, one in enumerate(messages) if one.wish.temperature > 0 and one.wish.top_p >= 1]
        drawn: dict[int, tuple[int, float]] = {}
        if plain:
            rows = torch.tensor([source[place] for place in plain], device=logits.device)
            heat = torch.tensor([messages[p].wish.temperature for p in plain], dtype=torch.float64)
            tokens, logps = draw_tokens(logits, rows, uniform[plain], heat.to(logits.device))
            drawn = dict(zip(plain, zip(tokens, logps, strict=True), strict=True))
        for place, message in enumerate(messages):
            row = logits[source[place]]
            if place not in drawn:
                drawn[place] = _filtered(row, message.wish, float(uniform[place]))
            _hear(message, drawn[place], row)


def _next(message: _Message) -> Stream:
    stream = message.wish.stream
    return Stream(stream.key, stream.counter + len(message.tokens))


def _filtered(logits: Tensor, wish: Wish, uniform: float) -> tuple[int, float]:
    if not bool(torch.isfinite(logits).all()):
        raise WorkerError("expected logits that are numbers, got NaN; the weights are damaged, load good ones")
    if wish.temperature == 0:
        return likeliest(logits)
    return draw_nucleus(logits, uniform, temperature=wish.temperature, top_p=wish.top_p)


def _hear(message: _Message, drawn: tuple[int, float], logits: Tensor) -> None:
    token, logp = drawn
    wish = message.wish
    message.tokens.append(token)
    ranked = None if wish.top_logprobs is None else rank(logits, token, wish.top_logprobs)
    try:
        wish.say(Token(token, logp, ranked))
    except Cancelled as error:
        message.end(error)
        return
    if token in wish.end_tokens or len(message.tokens) >= message.limit:
        message.finish = "stop" if token in wish.end_tokens else "length"
        message.end()
