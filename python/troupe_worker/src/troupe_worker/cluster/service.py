"""The front's side of every call: which actor it is for, what of its frame must be said differently there, and
what becomes of it when the actor dies.
"""

from __future__ import annotations

import platform
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError

from .. import PROTOCOL, VERSION
from ..calls import channel_of, deadline_of, error_frame, first_line, word
from ..errors import BadRequest, WorkerError
from ..frames import Frame, decode, encode
from ..operations import Operation, Operations
from .capacity import Need
from .files import Sent, fetch_folder, forget_sent, send_model
from .places import Place, Places


@dataclass(frozen=True)
class _Held:
    """A model: whose it is, where it is, and its name there."""

    session: str
    place: Place
    name: str
    #: Of an adapter on another node: see `Sent`.
    base: tuple[str, str] | None = None


class ClusterService:
    """Everything behind the front of a cluster; has the calls of `Service`, and `reserve` and `leave` besides."""

    def __init__(self) -> None:
        self._node: str = ray.get_runtime_context().get_node_id()
        self._operations = Operations()
        self._places: dict[str, Places] = {}
        self._models: dict[str, _Held] = {}
        self._lock = threading.Lock()
        self._next_model = 0
        self._seen: dict[str, float] = {}

    def hello(self) -> dict[str, Any]:
        resources = ray.cluster_resources()
        return {
            "name": "troupe-worker",
            "version": VERSION,
            "protocol": PROTOCOL,
            "python": platform.python_version(),
            "ray": str(ray.__version__),
            "nodes": sum(1 for node in ray.nodes() if node["Alive"]),
            "cpus": resources.get("CPU", 0.0),
            "gpus": resources.get("GPU", 0.0),
            "device": "ray",
            "models": len(self._models),
        }

    def begin(self, frame: Frame) -> Operation:
        header = frame.header
        session, name = word(header, "session"), word(header, "operation")
        self.touch(session)

        def run(operation: Operation) -> None:
            operation.say(self._answer(operation, frame, session), last=True)

        return self._operations.begin(channel_of(header), name, deadline_of(header), run)

    def cancel(self, header: dict[str, Any]) -> bool:
        found = self._operations.cancel(channel_of(header), word(header, "operation"))
        held = self._models.get(str(header.get("model")))
        if held is not None and held.place.lost is None:
            held.place.cancel({**header, "model": held.name})
        return found

    def touch(self, session: str) -> None:
        self._seen[session] = time.monotonic()

    def drop_abandoned(self, lease_seconds: float) -> None:
        now = time.monotonic()
        for session in [session for session, seen in list(self._seen.items()) if now - seen > lease_seconds]:
            self._leave(session)

    def _answer(self, operation: Operation, frame: Frame, session: str) -> bytes:
        """Says what comes on the way. Returns the last frame."""
        try:
            operation.check()
            name = word(frame.header, "call")
            if name == "reserve":
                return self._reserve(operation, frame, session)
            if name == "leave":
                self._leave(session)
                return _result({})
            if name == "load":
                return self._load(operation, frame, session)
            return self._pass_on(operation, frame, session)
        except WorkerError as error:
            return error_frame(error.kind, str(error))
        except RayError as error:
            return error_frame("lost", f"{type(error).__name__}: {first_line(error)}")
        except Exception as error:  # whatever a library throws must reach the client as one line
            return error_frame("engine", f"{type(error).__name__}: {first_line(error)}")

    def _reserve(self, operation: Operation, frame: Frame, session: str) -> bytes:
        if session in self._places:
            raise BadRequest("reserve: this client has its places already")
        need = Need.read(frame.header.get("params") or {})
        places = Places(need, operation.check)
        self._places[session] = places
        self.touch(session)  # it may have been given up meanwhile: then its places are found abandoned in time
        try:
            places.start(operation.check)
        except BaseException:
            self._leave(session)
            raise
        return _result({"places": [place.about for place in places.places]})

    def _leave(self, session: str) -> None:
        self._seen.pop(session, None)
        self._operations.forget(session)
        with self._lock:
            places = self._places.pop(session, None)
            for name in [name for name, held in self._models.items() if held.session == session]:
                del self._models[name]
                self._operations.forget(name)  # or its answers would stay
        if places is not None:
            places.free()

    def _load(self, operation: Operation, frame: Frame, session: str) -> bytes:
        params = dict(frame.header.get("params") or {})
        folder = params.get("dir")
        if not isinstance(folder, str) or not folder:
            raise BadRequest(f"dir: expected a folder, got {folder!r}")
        with self._lock:
            places = self._places.get(session)
            if places is None:
                raise BadRequest("load: expected places to be reserved first")
            place = places.next()
        kept = False
        sent = Sent(folder, {})
        try:
            if not self._is_seen(place, places.need):
                sent = send_model(place, Path(folder), params)
            header = {"params": {**params, "dir": sent.folder}}
            answer = decode(self._through(operation, place, frame, header)).header
            if answer["kind"] == "error":
                return error_frame(answer["error"]["kind"], sent.here(str(answer["error"]["message"])))
            kept = True
            value = answer["value"]
            with self._lock:
                name = f"model-{self._next_model}"
                self._next_model += 1
                self._models[name] = _Held(session, place, str(value["model"]), sent.base)
            self.touch(session)  # so that this is found abandoned too where it was given up meanwhile
            facts = {"model": name, "place": place.index, "text": sent.here(str(value["text"]))}
            return _result({**value, **facts})
        finally:
            if not kept:
                place.models -= 1
            if sent.names and place.lost is None:
                forget_sent(place, sent)

    def _is_seen(self, place: Place, need: Need) -> bool:
        return need.shared_files or place.about.get("node") == self._node

    def _pass_on(self, operation: Operation, frame: Frame, session: str) -> bytes:
        model, name = word(frame.header, "model"), word(frame.header, "call")
        held = self._models.get(model)
        if held is None or held.session != session:
            raise WorkerError(f'there is no model "{model}" here; the front was started anew', "unknown_model")
        places = self._places.get(session)
        if name == "save" and places is not None and not self._is_seen(held.place, places.need):
            return self._save(operation, frame, held)
        answer = self._through(operation, held.place, frame, {"model": held.name})
        if name == "close":
            with self._lock:
                if self._models.pop(model, None) is not None:
                    held.place.models -= 1
            self._operations.forget(model)
        return answer

    def _save(self, operation: Operation, frame: Frame, held: _Held) -> bytes:
        params = dict(frame.header.get("params") or {})
        folder = params.get("dir")
        if not isinstance(folder, str) or not folder:
            raise BadRequest(f"dir: expected a folder, got {folder!r}")
        actor = held.place.actor
        there: str = ray.get(actor.make_folder.remote())
        try:
            header = {"model": held.name, "params": {**params, "dir": there}}
            answer = self._through(operation, held.place, frame, header)
            if decode(answer).header["kind"] == "result":
                fetch_folder(actor, there, Path(folder), held.base)
        finally:
            actor.remove_folder.remote(there)
        return answer

    def _through(self, operation: Operation, place: Place, frame: Frame, header: dict[str, Any]) -> bytes:
        """Says everything an actor says but the last, which it returns."""
        with closing(place.call(frame, header, operation.check)) as frames:
            for is_last, said in frames:
                if is_last:
                    return said
                operation.say(said)
        raise place.lose("it ended a call without an answer")


def _result(value: dict[str, Any]) -> bytes:
    return encode({"kind": "result", "value": value})
