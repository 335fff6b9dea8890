"""Dispatches calls to the models of a worker. Frees the models of a client when the client's session expires."""

from __future__ import annotations

import contextlib
import gc
import platform
import threading
import time
from collections.abc import Callable
from typing import Any

import torch
import transformers

from . import PROTOCOL, VERSION
from .adapters import BaseModelCache
from .calls import SINGLE_RANK_CALLS, channel_of, deadline_of, error_frame, required_name
from .data_parallel import SINGLE_PROCESS, DataParallel
from .error_classification import classify
from .errors import BadRequest, WorkerError
from .frames import Array, Frame, encode
from .load_request import load_options
from .memory_budget import MemoryBudget
from .model import WorkerModel
from .model_call import Call, CallResult
from .operations import Operation, Operations
from .process_group import AgentProcessGroup
from .vllm_sampling import SharedEngine, VllmEnginePool
from .vllm_setup import vllm_version

#: Names of the calls that run the method of WorkerModel with the same name.
MODEL_CALLS = frozenset(
    {
        "sample",
        "forward",
        "backward",
        "step",
        "zero_gradients",
        "gradients",
        "divergence",
        "snapshot",
        "restore",
        "release",
        "save",
        "distributions",
        "open_batch",
        "load_row",
        "step_rows",
        "unshard",
    }
)


class _ModelEntry:
    """A loaded model, the session that owns it, its memory reservation, and the lock that serializes its calls."""

    def __init__(self, model: WorkerModel, session: str, reservation: int, vllm: SharedEngine | None) -> None:
        #: None after `close`, so that a concurrent call that looked up this entry before detects that the model is
        #: closed.
        self.model: WorkerModel | None = model
        self.session = session
        self.reservation = reservation
        self.vllm = vllm
        self.lock = threading.Lock()

    def require_open(self, name: str) -> WorkerModel:
        """Returns the model, unless it was closed.

        Raises:
            WorkerError: the model was closed.
        """
        if self.model is None:
            raise _unknown_model(name)
        return self.model


class Service:
    """Handles the requests of the HTTP server with models in this process; implements `CallHandler`."""

    def __init__(self, device: str, memory_bytes: int | None = None) -> None:
        """
        Args:
            device: `auto`, or a device of PyTorch
            memory_bytes: maximum memory of all models together, bytes; None: all free memory

        Raises:
            WorkerError: PyTorch does not have the device.
        """
        self.device = resolve_device(device)
        self._memory = MemoryBudget(self.device, memory_bytes)
        self._engines = VllmEnginePool(self.device, self._memory)
        self._operations = Operations()
        self._models: dict[str, _ModelEntry] = {}
        self._lock = threading.Lock()
        self._load_lock = threading.Lock()
        self._bases = BaseModelCache()
        self._next_model = 0
        self._last_seen: dict[str, float] = {}
        self._group: AgentProcessGroup | None = None

    def join(self, group: AgentProcessGroup) -> None:
        """Makes this process a rank of an agent. Must be called before the first `load`.

        All ranks receive all calls in the same order, except for SINGLE_RANK_CALLS, which only one rank receives.
        The result of rank 0 is the result of the agent.
        """
        self._group = group
        self._memory.set_world_size(group.world_size)

    @property
    def _data_parallel(self) -> DataParallel:
        return self._group or SINGLE_PROCESS

    def divide_memory(self, processes: int) -> None:
        """Limits models to 1/processes of the free memory. Must be called before the first `load`."""
        self._memory.divide(processes)

    def hello(self) -> dict[str, Any]:
        return {
            "name": "troupe-worker",
            "version": VERSION,
            "protocol": PROTOCOL,
            "python": platform.python_version(),
            "torch": str(torch.__version__),
            "transformers": str(transformers.__version__),
            "vllm": vllm_version(),
            "device": str(self.device),
            "models": len(self._models),
        }

    def begin(self, frame: Frame) -> Operation:
        """Starts the call that a frame describes; see `CallHandler.begin`.

        Raises:
            BadRequest: the header lacks a field that every call needs.
        """
        header = frame.header
        session, name = required_name(header, "session"), required_name(header, "operation")
        self.touch(session)

        def run(operation: Operation) -> None:
            self._run(operation, frame, session)

        return self._operations.begin(channel_of(header), name, deadline_of(header), run)

    def cancel(self, header: dict[str, Any]) -> bool:
        return self._operations.cancel(channel_of(header), required_name(header, "operation"))

    def touch(self, session: str) -> None:
        self._last_seen[session] = time.monotonic()

    def drop_expired_sessions(self, lease_seconds: float) -> None:
        now = time.monotonic()
        expired = [session for session, seen in list(self._last_seen.items()) if now - seen > lease_seconds]
        for session in expired:
            self.drop_session(session)

    def drop_session(self, session: str) -> None:
        """Frees the models of a client."""
        self._last_seen.pop(session, None)
        self._operations.drop_channel(session)
        for model in [name for name, entry in list(self._models.items()) if entry.session == session]:
            self._close(model)

    def _run(self, operation: Operation, frame: Frame, session: str) -> None:
        def emit(header: dict[str, Any], arrays: dict[str, Array]) -> None:
            operation.emit(encode(header, arrays))

        is_single_rank = frame.header.get("call") in SINGLE_RANK_CALLS
        try:
            with contextlib.nullcontext() if is_single_rank else self._data_parallel.raise_on_all_ranks():
                operation.check()
            started = time.perf_counter()
            value, arrays = self._apply(Call(frame, operation.check, emit), session)
            seconds = round(time.perf_counter() - started, 6)
            if not is_single_rank and not self._data_parallel.is_rank_zero:
                value, arrays = {}, {}
            answer = encode({"kind": "result", "value": value, "seconds": seconds}, arrays)
        except Exception as error:  # send any exception of a library to the client
            is_collective = self._data_parallel.world_size > 1 and not is_single_rank
            desynchronized = is_collective and not isinstance(error, WorkerError)
            answer = error_frame(*classify(error), desynchronized=desynchronized)
        operation.emit(answer, last=True)

    def _apply(self, call: Call, session: str) -> CallResult:
        name = required_name(call.frame.header, "call")
        if name == "load":
            return self._load(call, session)
        model = required_name(call.frame.header, "model")
        if name == "close":
            self._close(model)
            return {}, {}
        entry = self._models.get(model)
        if entry is None or entry.session != session:
            raise _unknown_model(model)
        if name == "generate":  # `generate` calls of one model run concurrently
            return entry.require_open(model).generate(call, entry.lock)
        if name not in MODEL_CALLS:
            raise BadRequest(f'call "{name}" does not exist')
        with entry.lock:
            worker_model = entry.require_open(model)
            if name not in SINGLE_RANK_CALLS:
                worker_model.reshard()
            method: Callable[[Call], CallResult] = getattr(worker_model, name)
            return method(call)

    def _load(self, call: Call, session: str) -> CallResult:
        with self._load_lock:  # loads run one at a time: from_pretrained of Transformers is not thread-safe
            reservation: int | None = None
            vllm: SharedEngine | None = None
            try:
                options = load_options(call)
                with self._data_parallel.raise_on_all_ranks():
                    reservation = self._memory.reserve_model(options, self._bases)
                vllm = self._engines.acquire(options, self._data_parallel.world_size)
                model = WorkerModel(call, self.device, self._bases, self._group, vllm)
            except BaseException:
                self._engines.release(vllm)
                self._memory.release(reservation)
                raise
        assert reservation is not None
        with self._lock:
            name = f"model-{self._next_model}"
            self._next_model += 1
            self._models[name] = _ModelEntry(model, session, reservation, vllm)
        # The session may have expired during the load, without freeing this model. Renewing the lease makes the
        # session expire again later, which frees the model.
        self.touch(session)
        return {"model": name, **model.facts()}, {}

    def _close(self, model: str) -> None:
        entry = self._models.pop(model, None)
        if entry is None:
            return
        self._operations.drop_channel(model)
        with entry.lock:
            entry.model = None
        with self._load_lock:
            self._engines.release(entry.vllm)
        if self._group is not None:
            gc.collect()  # FSDP modules are in reference cycles, so only the garbage collector frees them
        self._memory.release(entry.reservation)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


def _unknown_model(name: str) -> WorkerError:
    return WorkerError(f'model "{name}" does not exist; the worker was restarted', "unknown_model")


def resolve_device(name: str) -> torch.device:
    """Returns the PyTorch device with a name. `auto` selects a GPU if there is one, else the CPU.

    Raises:
        WorkerError: PyTorch does not have the device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with contextlib.suppress(RuntimeError, AssertionError):
        device = torch.device(name)
        torch.zeros(1, device=device)
        return device
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    raise WorkerError(f'expected a device that PyTorch has here, got "{name}"; it has {count} GPUs', "device")
