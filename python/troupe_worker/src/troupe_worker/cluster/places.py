"""Where the agents of one client's team live: a placement group with a bundle per agent, an actor in each."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import ray
from ray.exceptions import ActorUnavailableError, GetTimeoutError, RayActorError, RayError
from ray.util.placement_group import PlacementGroup, placement_group, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from ..calls import first_line
from ..errors import WorkerError
from .actor import AgentActor
from .capacity import PLACEMENTS, Need, require_capacity

#: How long an actor may take to start: importing PyTorch is slow on a busy machine.
START_SECONDS = 600.0
#: Calls of an actor under way at once: many messages that are served, cancelling and copying beside them.
_THREADS = 128
_POLL_SECONDS = 1.0
#: How long a node that does not answer is given to come back before its actor is taken for lost.
_PATIENCE_SECONDS = 30.0


class Place:
    """One agent's share of the cluster and the actor in it."""

    def __init__(self, index: int, actor: Any) -> None:
        self.index = index
        self.models = 0
        self.actor = actor
        self.about: dict[str, Any] = {}
        #: Where the bases of its adapters are on its node, by their folders here; they stay, for others to share.
        self.bases: dict[str, str] = {}
        self.lost: str | None = None

    def start(self) -> None:
        """Waits until the actor has its packages and its device.

        Raises:
            WorkerError: it cannot start, in one line.
        """
        if self.about:
            return
        try:
            self.about = ray.get(self.actor.about.remote(), timeout=START_SECONDS)
        except GetTimeoutError as error:
            raise self.lose(f"did not start within {START_SECONDS:g} s") from error
        except RayActorError as error:
            raise WorkerError(_start_complaint(self.index, str(error)), "actor") from error

    def call(self, data: bytes, header: dict[str, Any]) -> Iterator[tuple[bool, bytes]]:
        """Frames of a call as they come, with whether each is the last.

        Raises:
            WorkerError: the actor or its node died, of kind `lost`.
        """
        said, patience = 0, time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                # asked again under the same operation, the actor tells from the beginning what it told
                frames = self.actor.call.options(num_returns="streaming").remote(data, header)
                for index, reference in enumerate(frames):
                    is_last, frame = ray.get(reference)
                    if index >= said:
                        said = index + 1
                        yield is_last, frame
                return
            except ActorUnavailableError as error:
                if time.monotonic() > patience:
                    raise self.lose(first_line(error)) from error
                time.sleep(_POLL_SECONDS)
            except RayActorError as error:
                raise self.lose(_cause(str(error))) from error
            except RayError as error:  # an answer that was in the memory of a node that died
                raise self.lose(f"{type(error).__name__}: {first_line(error)}") from error

    def lose(self, why: str) -> WorkerError:
        """Marks the place as gone. Returns what to raise."""
        self.lost = f"the actor of agent {self.index} is gone: {why}"
        return WorkerError(self.lost, "lost")


class Places:
    """All places of one client."""

    def __init__(self, need: Need, check: Callable[[], None]) -> None:
        """Reserves what the team needs; actors begin to start, all at once.

        Raises:
            WorkerError: the cluster does not have it, or does not get free in time.
        """
        self.need = need
        self._group = _reserve(need, check)
        self.places = [Place(index, self._actor(index)) for index in range(need.agents)]

    def start(self, check: Callable[[], None]) -> None:
        """Waits for all actors; those that compute on the CPUs of one node divide its memory.

        Raises:
            WorkerError: one cannot start.
        """
        for place in self.places:
            check()
            place.start()
        if self.need.gpus > 0:
            return
        nodes = Counter(place.about["node"] for place in self.places)
        ray.get([place.actor.share_memory.remote(nodes[place.about["node"]]) for place in self.places])

    def next(self) -> Place:
        """Where the next model goes: agents are loaded in order, a second model of each joins its first."""
        place = min(self.places, key=lambda place: (place.models, place.index))
        place.models += 1
        return place

    def free(self) -> None:
        """Gives everything back."""
        for place in self.places:
            ray.kill(place.actor)
        if self._group is not None:
            remove_placement_group(self._group)

    def _actor(self, index: int) -> Any:
        need = self.need
        strategy: Any = "SPREAD"
        if self._group is not None:
            strategy = PlacementGroupSchedulingStrategy(self._group, placement_group_bundle_index=index)
        remote = ray.remote(AgentActor).options(
            num_cpus=need.cpus,
            num_gpus=need.gpus,
            max_concurrency=_THREADS,
            max_restarts=0,
            scheduling_strategy=strategy,
        )
        return remote.remote(threads=need.threads, gpus=need.gpus)


def _reserve(need: Need, check: Callable[[], None]) -> PlacementGroup | None:
    until = time.monotonic() + need.wait_seconds
    while not require_capacity(need, ray.nodes()) and time.monotonic() < until:
        check()
        time.sleep(_POLL_SECONDS)
    if not need.bundle():
        return None
    group = placement_group([need.bundle()] * need.agents, strategy=PLACEMENTS[need.placement])
    try:
        while not group.wait(_POLL_SECONDS):
            check()
            if time.monotonic() > until:
                raise WorkerError(
                    f"{need.agents} agents with {need.cpus:g} CPUs and {need.gpus:g} GPUs each did not get free "
                    f"within {need.wait_seconds:g} s; {_free()}",
                    "capacity",
                )
    except BaseException:
        remove_placement_group(group)
        raise
    return group


def _free() -> str:
    free = ray.available_resources()
    return f"free now: {free.get('CPU', 0.0):g} CPUs, {free.get('GPU', 0.0):g} GPUs"


def _cause(message: str) -> str:
    """Ray's reasons stand in one line of many."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    reason = next((line for line in lines if re.search(r"died|killed|exit|lost|unreachable", line)), "it died")
    return " ".join(reason.split())[:300]


def _start_complaint(index: int, message: str) -> str:
    missing = re.search(r"No module named '([\w.]+)'", message)
    if missing:
        return (
            f'the Python of the node of agent {index} has no package "{missing[1]}"; '
            "install python/troupe_worker/requirements.txt on every node"
        )
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    reason = next((line for line in reversed(lines) if re.match(r"[\w.]*(Error|Exception)\b", line)), "")
    return f"the actor of agent {index} did not start: {reason or _cause(message)}"
