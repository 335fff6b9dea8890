"""The models of a worker and who uses them: sessions, dispatch of calls, clean-up of what nobody wants."""

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
from .adapters import FrozenBases
from .admission import Admission
from .calls import LONE_CALLS, channel_of, deadline_of, error_frame, word
from .division import ALONE, Division
from .errors import BadRequest, WorkerError
from .faults import describe
from .frames import Array, Frame, encode
from .load_call import load_options
from .model import WorkerModel
from .model_call import Answer, Call
from .operations import Operation, Operations
from .ranks import Ranks
from .vllm_sampling import Home, VllmSamplers
from .vllm_setup import vllm_version

#: Methods of WorkerModel that a call may name.
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
        "gather",
    }
)


class _Held:
    """A model, whose it is, and the lock that makes its calls follow each other."""

    def __init__(self, model: WorkerModel, session: str, promise: int, vllm: Home | None) -> None:
        #: None once it is closed: a call may have found it before.
        self.model: WorkerModel | None = model
        self.session = session
        #: Of memory.
        self.promise = promise
        self.vllm = vllm
        self.lock = threading.Lock()


class Service:
    """Everything behind the HTTP front."""

    def __init__(self, device: str, memory_bytes: int | None = None) -> None:
        """Args: memory_bytes: most that models may take; None: what is free."""
        self.device = pick_device(device)
        self._admission = Admission(self.device, memory_bytes)
        self._samplers = VllmSamplers(self.device, self._admission)
        self._operations = Operations()
        self._models: dict[str, _Held] = {}
        self._lock = threading.Lock()
        self._loading = threading.Lock()
        self._bases = FrozenBases()
        self._next_model = 0
        self._seen: dict[str, float] = {}
        self._ranks: Ranks | None = None

    def join(self, ranks: Ranks) -> None:
        """Becomes one of several ranks of an agent, before any model is loaded. All are given every call but those
        of LONE_CALLS, in the same order; the first says what it answers."""
        self._ranks = ranks
        self._admission.deal_out(ranks.size)

    @property
    def _division(self) -> Division:
        return self._ranks or ALONE

    def share_memory(self, parts: int) -> None:
        """Takes one of so many equal parts of what is free, before any model is loaded."""
        self._admission.share(parts)

    def hello(self) -> dict[str, Any]:
        """Who this is; checked by a client before anything else."""
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
        """Starts a call, or finds it under way or done.

        Raises:
            BadRequest: the frame is no call.
        """
        header = frame.header
        session, name = word(header, "session"), word(header, "operation")
        self.touch(session)

        def run(operation: Operation) -> None:
            self._run(operation, frame, session)

        return self._operations.begin(channel_of(header), name, deadline_of(header), run)

    def cancel(self, header: dict[str, Any]) -> bool:
        """Asks a call to end at its next opportunity."""
        return self._operations.cancel(channel_of(header), word(header, "operation"))

    def touch(self, session: str) -> None:
        """A sign of life of a client."""
        self._seen[session] = time.monotonic()

    def drop_abandoned(self, lease_seconds: float) -> None:
        """Frees the models of clients that were not heard of for a lease."""
        now = time.monotonic()
        gone = [session for session, seen in list(self._seen.items()) if now - seen > lease_seconds]
        for session in gone:
            self.drop_session(session)

    def drop_session(self, session: str) -> None:
        """Frees the models of a client that is gone."""
        self._seen.pop(session, None)
        self._operations.forget(session)
        for model in [name for name, held in list(self._models.items()) if held.session == session]:
            self._close(model)

    def _run(self, operation: Operation, frame: Frame, session: str) -> None:
        def emit(header: dict[str, Any], arrays: dict[str, Array]) -> None:
            operation.say(encode(header, arrays))

        is_lone = frame.header.get("call") in LONE_CALLS
        try:
            with contextlib.nullcontext() if is_lone else self._division.agreed():
                operation.check()
            started = time.perf_counter()
            value, arrays = self._apply(Call(frame, operation.check, emit), session)
            seconds = round(time.perf_counter() - started, 6)
            if not is_lone and not self._division.speaks:
                value, arrays = {}, {}
            answer = encode({"kind": "result", "value": value, "seconds": seconds}, arrays)
        except Exception as error:  # whatever a library throws must reach the client as one line
            broken = self._division.size > 1 and not is_lone and not isinstance(error, WorkerError)
            answer = error_frame(*describe(error), broken=broken)
        operation.say(answer, last=True)

    def _apply(self, call: Call, session: str) -> Answer:
        name = word(call.frame.header, "call")
        if name == "load":
            return self._load(call, session)
        model = word(call.frame.header, "model")
        if name == "close":
            self._close(model)
            return {}, {}
        held = self._models.get(model)
        if held is None or held.session != session:
            raise _unknown(model)
        if name == "generate":  # the only call of which many run side by side on one model
            return _open(held, model).generate(call, held.lock)
        if name not in MODEL_CALLS:
            raise BadRequest(f'there is no call "{name}"')
        with held.lock:
            worker = _open(held, model)
            if name not in LONE_CALLS:
                worker.settle()
            method: Callable[[Call], Answer] = getattr(worker, name)
            return method(call)

    def _load(self, call: Call, session: str) -> Answer:
        with self._loading:  # Transformers' loader is not made for several threads
            promise: int | None = None
            vllm: Home | None = None
            try:
                options = load_options(call)
                with self._division.agreed():
                    promise = self._admission.admit(options, self._bases)
                vllm = self._samplers.enter(options, self._division.size)
                model = WorkerModel(call, self.device, self._bases, self._ranks, vllm)
            except BaseException:
                self._samplers.leave(vllm)
                self._admission.leave(promise)
                raise
        assert promise is not None
        with self._lock:
            name = f"model-{self._next_model}"
            self._next_model += 1
            self._models[name] = _Held(model, session, promise, vllm)
        self.touch(session)  # it may have been given up meanwhile: then its model is found abandoned in time
        return {"model": name, **model.facts()}, {}

    def _close(self, model: str) -> None:
        held = self._models.pop(model, None)
        if held is None:
            return
        self._operations.forget(model)
        with held.lock:
            held.model = None
        with self._loading:
            self._samplers.leave(held.vllm)
        if self._ranks is not None:
            gc.collect()  # what FSDP keeps hangs together in circles
        self._admission.leave(held.promise)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


def _unknown(name: str) -> WorkerError:
    return WorkerError(f'there is no model "{name}" here; the worker was started anew', "unknown_model")


def _open(held: _Held, name: str) -> WorkerModel:
    if held.model is None:
        raise _unknown(name)
    return held.model


def pick_device(name: str) -> torch.device:
    """`auto`: a GPU where there is one.

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
    raise WorkerError(f'expected a device PyTorch has here, got "{name}"; it sees {count} GPUs', "device")
