"""Generation for serving. New requests join a running batch between two tokens, and tokens stream to the client.

Only this module supports greedy and top-p sampling. Unfiltered sampling is the same as in training (sampling.py).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from .decoder import Decoder
from .decoding import DecodingBatch
from .errors import Cancelled, WorkerError
from .sequences import TokenIds
from .token_sampling import RandomStream, greedy_token, next_uniforms, sample_tokens, sample_top_p, top_logprobs


@dataclass(frozen=True)
class GeneratedToken:
    """A token of a streamed message."""

    token: int
    #: Log-probability, nats, at the temperature of the request; at temperature 1 for greedy decoding.
    logp: float
    #: The token's log-probability at temperature 1, and the most likely tokens with their log-probabilities. None
    #: if not requested.
    ranked: tuple[float, list[tuple[int, float]]] | None


@dataclass(frozen=True)
class GenerationRequest:
    """Request of a client to generate one message."""

    context: TokenIds
    stream: RandomStream
    #: Sampling temperature; 0 selects greedy decoding.
    temperature: float
    top_p: float
    max_tokens: int
    end_tokens: frozenset[int]
    #: Number of most likely tokens to report with every token; None: `GeneratedToken.ranked` is None.
    top_logprobs: int | None
    #: Raises an error if the call was cancelled or its deadline passed.
    check: Callable[[], None]
    #: Receives every token when it is sampled.
    on_token: Callable[[GeneratedToken], None]


@dataclass
class _ActiveRequest:
    request: GenerationRequest
    #: Maximum number of tokens of the message.
    limit: int
    tokens: list[int] = field(default_factory=list)
    finish: str = ""
    error: BaseException | None = None
    finished: threading.Event = field(default_factory=threading.Event)

    def end(self, error: BaseException | None = None) -> None:
        """Finishes the request. Later calls have no effect, so that a later error cannot replace the result."""
        if not self.finished.is_set():
            self.error = error
            self.finished.set()


class Generator:
    """The decoding batch of one model. A request starts its thread, which ends when no request is left."""

    def __init__(self, decoder: Decoder, lock: threading.Lock, *, token_budget: int) -> None:
        """
        Args:
            lock: lock of the model; acquired anew for every step, so that other calls can run between two steps
            token_budget: maximum number of padded context tokens of a prefill
        """
        self._decoder = decoder
        self._model_lock = lock
        self._token_budget = token_budget
        self._batch = DecodingBatch(decoder)
        self._rows: list[_ActiveRequest] = []
        self._waiting: list[_ActiveRequest] = []
        self._lock = threading.Lock()
        self._running = False

    def generate(self, request: GenerationRequest) -> str:
        """Blocks until the message is complete. Returns the finish reason: `stop` or `length`.

        Raises:
            WorkerError: the context cannot be used, the call was cancelled, or decoding failed.
        """
        active = _ActiveRequest(request, min(request.max_tokens, self._batch.max_new_tokens(request.context)))
        with self._lock:
            self._waiting.append(active)
            if not self._running:
                self._running = True
                threading.Thread(target=self._run, name="generator", daemon=True).start()
        active.finished.wait()
        if active.error is not None:
            raise active.error
        return active.finish

    @torch.no_grad()
    def _run(self) -> None:
        """Decodes until no request is left. An error ends all active requests."""
        while True:
            with self._lock:
                arrived, self._waiting = self._waiting, []
                if not arrived and not self._rows:
                    self._running = False
                    return
            try:
                with self._model_lock:
                    self._step(arrived)
            except BaseException as error:
                for active in {id(one): one for one in (*arrived, *self._rows)}.values():
                    active.end(WorkerError(f"{type(error).__name__}: {error}"))
                self._rows = []
                self._batch = DecodingBatch(self._decoder)

    def _step(self, arrived: list[_ActiveRequest]) -> None:
        """Prefills new requests. If the batch had rows before, also decodes one token of every row."""
        self._keep_rows([row for row, active in enumerate(self._rows) if self._is_active(active)])
        pending = sorted(
            (active for active in arrived if self._is_active(active)), key=lambda one: len(one.request.context)
        )
        before = len(self._rows)
        while pending:
            count = max(1, self._token_budget // len(pending[-1].request.context))
            self._prefill(pending[-count:])
            del pending[-count:]
        if before == 0:
            return  # all rows are new, and the prefill has sampled their first tokens
        logits = self._batch.step([active.tokens[-1] for active in self._rows])
        self._sample(logits, self._rows, list(range(len(self._rows))))
        self._keep_rows([row for row, active in enumerate(self._rows) if not active.finished.is_set()])

    def _prefill(self, group: list[_ActiveRequest]) -> None:
        """Prefills the contexts of new requests, equal contexts only once, and samples the first tokens."""
        rows: dict[bytes, int] = {}
        contexts: list[TokenIds] = []
        for active in group:
            key = active.request.context.tobytes()
            if key not in rows:
                rows[key] = len(contexts)
                contexts.append(active.request.context)
        source = [rows[active.request.context.tobytes()] for active in group]
        prefilled = self._batch.prefill(contexts)
        self._sample(prefilled.logits, group, source)
        unfinished = [index for index, active in enumerate(group) if not active.finished.is_set()]
        self._batch.append(prefilled, [source[index] for index in unfinished])
        self._rows += [group[index] for index in unfinished]

    def _keep_rows(self, rows: list[int]) -> None:
        self._batch.keep_rows(rows)
        self._rows = [self._rows[row] for row in rows]

    def _is_active(self, active: _ActiveRequest) -> bool:
        """Returns whether a request is active. Ends it if it was cancelled or its deadline passed."""
        try:
            active.request.check()
        except WorkerError as error:
            active.end(error)
            return False
        return True

    def _sample(self, logits: Tensor, group: list[_ActiveRequest], source: list[int]) -> None:
        """Samples one token per request; request i of the group uses row `source[i]` of the logits.

        Unfiltered requests are sampled together; greedy and top-p requests one by one.
        """
        uniform = next_uniforms([_next_stream(active) for active in group], logits.device)
        unfiltered = [
            index for index, one in enumerate(group) if one.request.temperature > 0 and one.request.top_p >= 1
        ]
        sampled: dict[int, tuple[int, float]] = {}
        if unfiltered:
            rows = torch.tensor([source[index] for index in unfiltered], device=logits.device)
            temperature = torch.tensor(
                [group[index].request.temperature for index in unfiltered], dtype=torch.float64
            )
            tokens, logps = sample_tokens(logits, rows, uniform[unfiltered], temperature.to(logits.device))
            sampled = dict(zip(unfiltered, zip(tokens, logps, strict=True), strict=True))
        for index, active in enumerate(group):
            row = logits[source[index]]
            if index not in sampled:
                sampled[index] = _sample_filtered(row, active.request, float(uniform[index]))
            _append_token(active, sampled[index], row)


def _next_stream(active: _ActiveRequest) -> RandomStream:
    stream = active.request.stream
    return RandomStream(stream.key, stream.counter + len(active.tokens))


def _sample_filtered(logits: Tensor, request: GenerationRequest, uniform: float) -> tuple[int, float]:
    if not bool(torch.isfinite(logits).all()):
        raise WorkerError("expected finite logits, got NaN; the weights are corrupted, load a checkpoint")
    if request.temperature == 0:
        return greedy_token(logits)
    return sample_top_p(logits, uniform, temperature=request.temperature, top_p=request.top_p)


def _append_token(active: _ActiveRequest, sampled: tuple[int, float], logits: Tensor) -> None:
    """Appends a token and sends it to the client. Ends the message at an end token or at the maximum length."""
    token, logp = sampled
    request = active.request
    active.tokens.append(token)
    ranked = None if request.top_logprobs is None else top_logprobs(logits, token, request.top_logprobs)
    try:
        request.on_token(GeneratedToken(token, logp, ranked))
    except Cancelled as error:
        active.end(error)
        return
    if token in request.end_tokens or len(active.tokens) >= active.limit:
        active.finish = "stop" if token in request.end_tokens else "length"
        active.end()
