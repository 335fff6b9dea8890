"""Runs a vLLM engine in the process of the worker. Its weights are copied from the memory of this process.

Models of the same architecture and size share an engine. Importing this module does not import vLLM.
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
from .sampling import Completion, SamplingOptions, SamplingRequest
from .sequences import max_new_tokens
from .threefry import random_bits
from .vllm_setup import EngineConfig, make_engine, max_model_len

#: Lowest supported temperature. vLLM silently replaces lower temperatures by this one.
LOWEST_TEMPERATURE = 0.01


class VllmEngine:
    """A vLLM engine with the weights of one full model, or with one base model and adapters. Not thread-safe."""

    def __init__(self, config: EngineConfig) -> None:
        """Constructs an engine with the weights of the base model, or, for full models, with dummy weights.

        Raises:
            WorkerError: vLLM cannot run the model; the message has one line.
        """
        self._config = config
        self._device = config.device
        #: Whether `sleep` can free memory.
        self.can_sleep = False
        #: Whether the engine has failed and must be replaced.
        self.failed = False
        self._names = itertools.count()
        with one_line_errors(f"vLLM cannot sample from {config.folder}"), self._device_context():
            self._max_len = max_model_len(config)
            self._empty_cuda_cache()
            self._engine = make_engine(config, self._max_len)
            self.can_sleep = bool(self._engine.vllm_config.model_config.enable_sleep_mode)

    def load_weights(self, weights: Iterable[tuple[str, Tensor]]) -> None:
        """Copies weights to the engine, by their names in files, and clears the prefix cache.

        Raises:
            WorkerError: vLLM does not accept the weights.
        """
        tensors = list(weights)

        def copy(model: Any) -> None:
            with torch.no_grad():
                loaded = model.load_weights(iter(tensors))
            missing = {name for name, _ in model.named_parameters()} - (loaded or set())
            if loaded is not None and missing:
                raise ValueError(f'expected weights for "{min(missing)}", got none')

        with self._fail_on_error("vLLM cannot load the weights"):
            self._engine.apply_model(copy)
            self._engine.reset_prefix_cache()

    def add_adapter(self, adapter: int, folder: Path) -> None:
        """Loads an adapter from a folder.

        Args:
            adapter: id of the adapter; must never be reused, because vLLM caches adapters by id
        """
        with one_line_errors("vLLM cannot load the adapter"), self._device_context():
            self._engine.add_lora(_lora_request(adapter, str(folder)))

    def has_adapter(self, adapter: int) -> bool:
        """Whether the adapter is still loaded; vLLM evicts the least recently used adapters."""
        return adapter in self._engine.list_loras()

    def remove_adapter(self, adapter: int) -> None:
        with self._device_context():
            self._engine.remove_lora(adapter)

    def sample(
        self,
        requests: Sequence[SamplingRequest],
        options: SamplingOptions,
        *,
        adapter: int | None = None,
        check: Callable[[], None],
        on_completions: Callable[[list[Completion]], None],
    ) -> None:
        """Samples a message per request; see `Sampler.sample`. A cancellation aborts the unfinished requests.

        Raises:
            BadRequest: the temperature is too low for vLLM, or a message may exceed the KV cache.
            WorkerError: vLLM failed; the message has one line.
        """
        if options.temperature < LOWEST_TEMPERATURE:
            raise BadRequest(f"vLLM samples at temperatures >= {LOWEST_TEMPERATURE}, got {options.temperature}")
        limits = [self._limit(request, options) for request in requests]
        lora = None if adapter is None else _lora_request(adapter)
        unfinished: dict[str, int] = {}
        try:
            with one_line_errors("vLLM"), self._device_context():
                for index, request in enumerate(requests):
                    name = str(next(self._names))
                    prompt = {"prompt_token_ids": request.context.tolist()}
                    params = _sampling_params(request, options, limits[index])
                    self._engine.add_request(name, prompt, params, lora_request=lora)
                    unfinished[name] = index
                while unfinished:
                    check()
                    finished = [output for output in self._engine.step() if output.finished]
                    completions = [_completion(unfinished.pop(one.request_id), one, options) for one in finished]
                    if completions:
                        on_completions(completions)
        except (Cancelled, DeadlinePassed):
            self._engine.abort_request(list(unfinished))
            raise
        except BaseException:
            self.failed = True
            raise

    def sleep(self, *, keep_weights: bool) -> bool:
        """Frees the memory of the KV cache and of the weights until the next call of `wake`.

        Args:
            keep_weights: whether to move the weights to CPU memory instead of discarding them

        Returns:
            Whether the weights were discarded.
        """
        if not self.can_sleep:
            return False
        with self._fail_on_error("vLLM"):
            if self._engine.is_sleeping():
                return not keep_weights
            self._engine.reset_prefix_cache()
            self._engine.sleep(1 if keep_weights else 2)
        return not keep_weights

    def wake(self) -> None:
        """Allocates the memory again. The caller must load discarded weights again."""
        if not self.can_sleep:
            return
        with self._fail_on_error("vLLM"):
            if self._engine.is_sleeping():
                self._empty_cuda_cache()
                self._engine.wake_up()

    def close(self) -> None:
        """Shuts the engine down and frees its memory."""
        with contextlib.suppress(Exception):  # a failed engine may raise an error here
            self._engine.engine_core.shutdown()
        del self._engine
        gc.collect()
        self._empty_cuda_cache()

    def _empty_cuda_cache(self) -> None:
        """Returns PyTorch's cached memory to the device, because vLLM cannot allocate from that cache."""
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    def _limit(self, request: SamplingRequest, options: SamplingOptions) -> int:
        """Returns the maximum number of tokens of a message.

        Raises:
            BadRequest: the context is not valid, or context and message may exceed the KV cache.
        """
        config = self._config
        limit = min(
            options.max_tokens,
            max_new_tokens(request.context, vocab_size=config.vocab_size, max_positions=config.max_positions),
        )
        if len(request.context) + limit > self._max_len:
            raise BadRequest(
                f"vLLM's KV cache has room for {self._max_len} tokens of one context and message, this one may "
                f"have {len(request.context) + limit}; raise sampler.cache or lower the limit of tokens"
            )
        return limit

    @contextlib.contextmanager
    def _fail_on_error(self, operation: str) -> Iterator[None]:
        """Marks the engine as failed if the operation raises an error."""
        try:
            with one_line_errors(operation), self._device_context():
                yield
        except BaseException:
            self.failed = True
            raise

    @contextlib.contextmanager
    def _device_context(self) -> Iterator[None]:
        """Selects the GPU in the current thread. On a CPU, disables torch.compile instead."""
        if self._device.type == "cuda":
            with torch.cuda.device(self._device):
                yield
        else:
            # Compilation would need a C++ compiler and several seconds, and does not make vLLM faster on a CPU.
            with torch.compiler.set_stance("force_eager"):
                yield


def _lora_request(adapter: int, folder: str = "in memory") -> Any:
    from vllm.lora.request import LoRARequest

    return LoRARequest(f"adapter-{adapter}", adapter, folder)


def _sampling_params(request: SamplingRequest, options: SamplingOptions, limit: int) -> Any:
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    return SamplingParams(
        temperature=options.temperature,
        max_tokens=limit,
        stop_token_ids=sorted(options.end_tokens),
        ignore_eos=True,  # only the tokens of `stop_token_ids` end a message
        seed=_seed(request),
        logprobs=0,  # returns the log-probability of the sampled token only
        detokenize=False,
        output_kind=RequestOutputKind.FINAL_ONLY,
    )


def _seed(request: SamplingRequest) -> int:
    """Derives a 63-bit seed from the request's random stream."""
    return random_bits(request.key, request.counter) >> 1


def _completion(index: int, output: Any, options: SamplingOptions) -> Completion:
    completion = output.outputs[0]
    tokens = list(completion.token_ids)
    logp = [float(row[token].logprob) for token, row in zip(tokens, completion.logprobs, strict=True)]
    return Completion(index, tokens, logp, "stop" if tokens[-1] in options.end_tokens else "length")


@contextlib.contextmanager
def one_line_errors(operation: str) -> Iterator[None]:
    """Converts exceptions of vLLM to a WorkerError with a one-line message.

    WorkerErrors and out-of-memory errors pass unchanged.
    """
    try:
        yield
    except (WorkerError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        raise WorkerError(
            f"{operation}: {_reason(error)}; set sampler.kind to torch to sample without vLLM", "sampler"
        ) from error


def _reason(error: BaseException) -> str:
    """Returns the first line of an exception's message.

    For a pydantic ValidationError, returns the line that contains the reason.
    """
    for line in str(error).splitlines():
        if line.strip().startswith("Value error, "):
            return line.strip().removeprefix("Value error, ").split(" [type=")[0]
    return f"{type(error).__name__}: {first_line(error)}"
