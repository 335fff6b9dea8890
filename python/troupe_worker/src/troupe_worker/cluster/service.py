"""The driver of a Ray cluster. It forwards calls to actors, and translates the names of models and folders."""

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
from ..calls import channel_of, deadline_of, error_frame, first_line, required_name
from ..errors import BadRequest, WorkerError
from ..frames import Frame, decode, encode
from ..operations import Operation, Operations
from .agent_placement import AgentPlacement
from .capacity import PlacementRequest
from .file_transfer import UploadedModel, delete_upload, download_folder, upload_model
from .team_placement import TeamPlacement


@dataclass(frozen=True)
class _RemoteModel:
    """A model in an actor: the session of the client that loaded it, its agent, and its name in the actor."""

    session: str
    agent: AgentPlacement
    name: str
    #: Base model of an adapter; see `UploadedModel.base`.
    base: tuple[str, str] | None = None


class ClusterService:
    """Handles the requests of the HTTP server with models on a cluster; implements `CallHandler`.

    Adds the calls `reserve` and `leave`, which place and free the agents of a client's team.
    """

    def __init__(self) -> None:
        self._node: str = ray.get_runtime_context().get_node_id()
        self._operations = Operations()
        #: By session.
        self._teams: dict[str, TeamPlacement] = {}
        self._models: dict[str, _RemoteModel] = {}
        self._lock = threading.Lock()
        self._next_model = 0
        self._last_seen: dict[str, float] = {}

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
        session, name = required_name(header, "session"), required_name(header, "operation")
        self.touch(session)

        def run(operation: Operation) -> None:
            operation.emit(self._answer(operation, frame, session), last=True)

        return self._operations.begin(channel_of(header), name, deadline_of(header), run)

    def cancel(self, header: dict[str, Any]) -> bool:
        found = self._operations.cancel(channel_of(header), required_name(header, "operation"))
        model = self._models.get(str(header.get("model")))
        if model is not None and model.agent.lost is None:
            model.agent.cancel({**header, "model": model.name})
        return found

    def touch(self, session: str) -> None:
        self._last_seen[session] = time.monotonic()

    def drop_expired_sessions(self, lease_seconds: float) -> None:
        now = time.monotonic()
        for session in [name for name, seen in list(self._last_seen.items()) if now - seen > lease_seconds]:
            self._leave(session)

    def _answer(self, operation: Operation, frame: Frame, session: str) -> bytes:
        """Runs a call and emits its intermediate frames. Returns the last frame."""
        try:
            operation.check()
            name = required_name(frame.header, "call")
            if name == "reserve":
                return self._reserve(operation, frame, session)
            if name == "leave":
                self._leave(session)
                return _result({})
            if name == "load":
                return self._load(operation, frame, session)
            return self._call_model(operation, frame, session)
        except WorkerError as error:
            return error_frame(error.kind, str(error))
        except RayError as error:
            return error_frame("lost", f"{type(error).__name__}: {first_line(error)}")
        except Exception as error:  # send any exception of a library to the client
            return error_frame("engine", f"{type(error).__name__}: {first_line(error)}")

    def _reserve(self, operation: Operation, frame: Frame, session: str) -> bytes:
        if session in self._teams:
            raise BadRequest("reserve: this client has reserved its agents already")
        request = PlacementRequest.read(frame.header.get("params") or {})
        team = TeamPlacement(request, operation.check)
        self._teams[session] = team
        # The client's session may have expired while the team waited for resources, without freeing this team.
        # Renewing the lease makes the session expire again later, which frees the team.
        self.touch(session)
        try:
            team.start(operation.check)
        except BaseException:
            self._leave(session)
            raise
        return _result({"agents": [agent.info for agent in team.agents]})

    def _leave(self, session: str) -> None:
        """Frees the models and the actors of a client."""
        self._last_seen.pop(session, None)
        self._operations.drop_channel(session)
        with self._lock:
            team = self._teams.pop(session, None)
            for name in [name for name, model in self._models.items() if model.session == session]:
                del self._models[name]
                self._operations.drop_channel(name)
        if team is not None:
            team.free()

    def _load(self, operation: Operation, frame: Frame, session: str) -> bytes:
        params = dict(frame.header.get("params") or {})
        folder = _folder_of(params)
        with self._lock:
            team = self._teams.get(session)
            if team is None:
                raise BadRequest("load: expected a reserve call first")
            agent = team.next()
        is_loaded = False
        uploaded = UploadedModel(folder, {})
        try:
            if not self._shares_files(agent, team.request):
                uploaded = upload_model(agent, Path(folder), params)
            header = {"params": {**params, "dir": uploaded.folder}}
            answer = decode(self._forward(operation, agent, frame, header)).header
            if answer["kind"] == "error":
                message = uploaded.with_local_names(str(answer["error"]["message"]))
                return error_frame(answer["error"]["kind"], message)
            is_loaded = True
            value = answer["value"]
            with self._lock:
                name = f"model-{self._next_model}"
                self._next_model += 1
                self._models[name] = _RemoteModel(session, agent, str(value["model"]), uploaded.base)
            # The client's session may have expired during the load. Renew its lease, as in `_reserve`.
            self.touch(session)
            tokenizer_dir = uploaded.with_local_names(str(value["tokenizer_dir"]))
            facts = {"model": name, "agent": agent.index, "tokenizer_dir": tokenizer_dir}
            return _result({**value, **facts})
        finally:
            if not is_loaded:
                agent.models -= 1
            if uploaded.local_names and agent.lost is None:
                delete_upload(agent, uploaded)

    def _shares_files(self, agent: AgentPlacement, request: PlacementRequest) -> bool:
        """Whether the agent's node has the same folders as this node."""
        return request.shared_files or agent.info.get("node") == self._node

    def _call_model(self, operation: Operation, frame: Frame, session: str) -> bytes:
        model, name = required_name(frame.header, "model"), required_name(frame.header, "call")
        remote = self._models.get(model)
        if remote is None or remote.session != session:
            raise WorkerError(f'model "{model}" does not exist; the driver was restarted', "unknown_model")
        team = self._teams.get(session)
        if name == "save" and team is not None and not self._shares_files(remote.agent, team.request):
            return self._save(operation, frame, remote)
        answer = self._forward(operation, remote.agent, frame, {"model": remote.name})
        if name == "close":
            with self._lock:
                if self._models.pop(model, None) is not None:
                    remote.agent.models -= 1
            self._operations.drop_channel(model)
        return answer

    def _save(self, operation: Operation, frame: Frame, remote: _RemoteModel) -> bytes:
        """Saves a model to a folder on the actor's node, and copies this folder to the driver's machine."""
        params = dict(frame.header.get("params") or {})
        folder = _folder_of(params)
        actor = remote.agent.actor
        remote_folder: str = ray.get(actor.make_folder.remote())
        try:
            header = {"model": remote.name, "params": {**params, "dir": remote_folder}}
            answer = self._forward(operation, remote.agent, frame, header)
            if decode(answer).header["kind"] == "result":
                download_folder(actor, remote_folder, Path(folder), remote.base)
        finally:
            actor.remove_folder.remote(remote_folder)
        return answer

    def _forward(self, operation: Operation, agent: AgentPlacement, frame: Frame, header: dict[str, Any]) -> bytes:
        """Forwards a call to an agent and emits its intermediate frames. Returns the last frame."""
        with closing(agent.call(frame, header, operation.check)) as frames:
            for is_last, data in frames:
                if is_last:
                    return data
                operation.emit(data)
        raise agent.mark_lost("a call ended without a result")


def _folder_of(params: dict[str, Any]) -> str:
    folder = params.get("dir")
    if not isinstance(folder, str) or not folder:
        raise BadRequest(f"dir: expected a folder, got {folder!r}")
    return folder


def _result(value: dict[str, Any]) -> bytes:
    return encode({"kind": "result", "value": value})
