"""One engine of vLLM in this very process: weights come in as they are in memory, token ids go in and out.

Nothing of vLLM is imported before an engine is made, which knows a shape of model, not whose weights it holds.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .calls import first_line
from .errors import BadRequest, Cancelled, DeadlinePassed, WorkerError
from .sampling import Completion, Request, Rules
from .sequences import room_behind
from .threefry import bits
from .vllm_setup import Shape, make_engine, positions_of

#: vLLM quietly samples at this temperature where a lower one is asked for.
LOWEST_TEMPERATURE = 0.01


class VllmEngine:
    """Calls must follow each other."""

    def __init__(self, shape: Shape) -> None:
        """Makes an engine with room for the weights.

        Raises:
            WorkerError: vLLM cannot run such a model here, in one line.
        """
        self._shape = shape
        self._device = shape.device
        #: Whether it can give memory back for a while.
        self.sleeps = False
        #: It failed in the middle of something and must not be used again.
        self.broken = False
        self._names = itertools.count()
        with complaints(f"vLLM cannot sample from {shape.folder}"), self._context():
            self._positions = positions_of(shape)
            self._spare()
            self._engine = make_engine(shape, self._positions)
            self.sleeps = bool(self._engine.vllm_config.model_config.enable_sleep_mode)

    def load(self, weights: Iterable[tuple[str, Tensor]]) -> None:
        """Copies weights in, by their names on disk. What was computed with others is forgotten."""
        tensors = list(weights)

        def copy(model: Any) -> None:
            with torch.no_grad():
                loaded = model.load_weights(iter(tensors))
            missing = {name for name, _ in model.named_parameters()} - (loaded or set())
            if loaded is not None and missing:
                raise ValueError(f'no weights came for "{min(missing)}"')

        with self._whole("vLLM cannot take over the weights"):
            self._engine.apply_model(copy)
            self._engine.reset_prefix_cache()

    def add(self, adapter: int, folder: Path) -> None:
        """Takes in an adapter under a number that no other ever had; its folder is no longer needed then."""
        with complaints("vLLM cannot take over the adapter"), self._context():
            self._engine.add_lora(_lora(adapter, str(folder)))

    def has(self, adapter: int) -> bool:
        """Whether the adapter is still there: those that were not used for long are forgotten."""
        return adapter in self._engine.list_loras()

    def remove(self, adapter: int) -> None:
        """Forgets an adapter."""
        with self._context():
            self._engine.remove_lora(adapter)

    def sample(
        self,
        requests: Sequence[Request],
        rules: Rules,
        *,
        adapter: int | None = None,
        check: Callable[[], None],
        announce: Callable[[list[Completion]], None],
    ) -> None:
        """Announces every message once, as it ends; nothing is left under way, however it goes.

        Raises:
            BadRequest: the temperature is one that vLLM does not keep, or a message may outgrow the cache.
            WorkerError: vLLM failed, in one line.
        """
        if rules.temperature < LOWEST_TEMPERATURE:
            raise BadRequest(f"vLLM samples at temperatures >= {LOWEST_TEMPERATURE}, got {rules.temperature}")
        limits = [self._limit(request, rules) for request in requests]
        lora = None if adapter is None else _lora(adapter)
        waiting: dict[str, int] = {}
        try:
            with complaints("vLLM"), self._context():
                for index, request in enumerate(requests):
                    name = str(next(self._names))
                    prompt = {"prompt_token_ids": request.context.tolist()}
                    params = _params(request, rules, limits[index])
                    self._engine.add_request(name, prompt, params, lora_request=lora)
                    waiting[name] = index
                while waiting:
                    check()
                    ended = [output for output in self._engine.step() if output.finished]
                    completions = [_completion(waiting.pop(one.request_id), one, rules) for one in ended]
                    if completions:
                        announce(completions)
        except (Cancelled, DeadlinePassed):
            self._engine.abort_request(list(waiting))
            raise
        except BaseException:
            self.broken = True
            raise

    def sleep(self, *, keep_weights: bool) -> bool:
        """Gives memory back until `wake`: keys and values, and weights, unless they are kept on the host. Returns
        whether the weights are gone."""
        if not self.sleeps:
            return False
        with self._whole("vLLM"):
            if self._engine.is_sleeping():
                return not keep_weights
            self._engine.reset_prefix_cache()
            self._engine.sleep(1 if keep_weights else 2)
        return not keep_weights

    def wake(self) -> None:
        """Takes the memory again; weights that are gone must be loaded."""
        if not self.sleeps:
            return
        with self._whole("vLLM"):
            if self._engine.is_sleeping():
                self._spare()
                self._engine.wake_up()

    def close(self) -> None:
        """Frees everything."""
        with contextlib.suppress(Exception):  # whatever it was doing, it is no longer wanted
            self._engine.engine_core.shutdown()
        del self._engine
        gc.collect()
        self._spare()

    def _spare(self) -> None:
        """What PyTorch keeps for later use vLLM cannot take."""
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    def _limit(self, request: Request, rules: Rules) -> int:
        """Most tokens of a message.

        Raises:
            BadRequest: the context is not the model's, or leaves no room.
        """
        shape = self._shape
        room = room_behind(request.context, vocab_size=shape.vocab_size, max_positions=shape.max_positions)
        limit = min(rules.max_tokens, room)
        if len(request.context) + limit > self._positions:
            raise BadRequest(
                f"vLLM's cache holds {self._positions} tokens of one context and message, this one may have "
                f"{len(request.context) + limit}; raise sampler.cache or lower the limit of tokens"
            )
        return limit

    @contextlib.contextmanager
    def _whole(self, what: str) -> Iterator[None]:
        """What is done by half must not be used any more."""
        try:
            with complaints(what), self._context():
                yield
        except BaseException:
            self.broken = True
            raise

    @contextlib.contextmanager
    def _context(self) -> Iterator[None]:
        """Calls come from threads of their own, which start on the first device."""
        if self._device.type == "cuda":
            with torch.cuda.device(self._device):
                yield
        else:
            # small functions that vLLM compiles take a compiler and its seconds; on a CPU they are not worth it
            with torch.compiler.set_stance("force_eager"):
                yield


def _lora(adapter: int, folder: str = "in memory") -> Any:
    from vllm.lora.request import LoRARequest

    return LoRARequest(f"adapter-{adapter}", adapter, folder)


def _params(request: Request, rules: Rules, limit: int) -> Any:
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    return SamplingParams(
        temperature=rules.temperature,
        max_tokens=limit,
        stop_token_ids=sorted(rules.end_tokens),
        ignore_eos=True,  # what ends a message is said above
        seed=_seed(request),
        logprobs=0,  # of the token that was drawn
        detokenize=False,
        output_kind=RequestOutputKind.FINAL_ONLY,
    )


def _seed(request: Request) -> int:
    """63 bits of the stream that the message is drawn from."""
    return bits(request.key, request.counter) >> 1


def _completion(index: int, output: Any, rules: Rules) -> Completion:
    said = output.outputs[0]
    tokens = list(said.token_ids)
    logp = [float(row[token].logprob) for token, row in zip(tokens, said.logprobs, strict=True)]
    return Completion(index, tokens, logp, "stop" if tokens[-1] in rules.end_tokens else "length")


@contextlib.contextmanager
def complaints(what: str) -> Iterator[None]:
    """Whatever vLLM throws becomes one line; our own errors pass."""
    try:
        yield
    except (WorkerError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        raise WorkerError(
            f"{what}: {_reason(error)}; set sampler.kind to torch to do without it", "sampler"
        ) from error


def _reason(error: BaseException) -> str:
    """Checks of settings say what is wrong in their third line."""
    for line in str(error).splitlines():
        if line.strip().startswith("Value error, "):
            return line.strip().removeprefix("Value error, ").split(" [type=")[0]
    return f"{type(error).__name__}: {first_line(error)}"
