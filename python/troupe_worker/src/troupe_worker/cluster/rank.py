"""One actor of an agent, as the front sees it: most agents have one, an agent of several ranks one for each."""

from __future__ import annotations

import re
import time
from collections.abc import Generator
from typing import Any

import ray
from ray.exceptions import ActorUnavailableError, GetTimeoutError, RayActorError, RayError

from ..calls import first_line
from ..errors import WorkerError

#: How long an actor may take to start: importing PyTorch is slow on a busy machine.
START_SECONDS = 600.0
#: Frames of a call as they come, with whether each is the last.
Saying = Generator[tuple[bool, bytes], None, None]

_POLL_SECONDS = 1.0
#: How long a node that does not answer is given to come back before its actor is taken for lost.
_PATIENCE_SECONDS = 30.0


class Rank:
    """An actor that may be gone."""

    def __init__(self, name: str, actor: Any) -> None:
        """Args: name: of the agent, and which of its ranks."""
        self.name = name
        self.actor = actor
        self.about: dict[str, Any] = {}

    def start(self) -> None:
        """Waits until it has its packages and its device.

        Raises:
            WorkerError: it cannot start, in one line; of kind `lost` where it was killed, or its node died.
        """
        if self.about:
            return
        try:
            self.about = ray.get(self.actor.about.remote(), timeout=START_SECONDS)
        except GetTimeoutError as error:
            raise self.gone(f"did not start within {START_SECONDS:g} s") from error
        except RayActorError as error:
            raise _start_complaint(self.name, str(error)) from error

    def call(self, data: bytes, header: dict[str, Any]) -> Saying:
        """Frames of a call as they come, with whether each is the last.

        Raises:
            WorkerError: the actor or its node died, of kind `lost`.
        """
        said, patience = 0, 0.0
        while True:
            began = time.monotonic()
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
                now = time.monotonic()
                if patience == 0.0 or now - began > _PATIENCE_SECONDS:
                    patience = now + _PATIENCE_SECONDS  # it answered until now, however long the call has taken
                elif now > patience:
                    raise self.gone(first_line(error)) from error
                time.sleep(_POLL_SECONDS)
            except RayActorError as error:
                raise self.gone(cause_of(str(error))) from error
            except RayError as error:  # an answer that was in the memory of a node that died
                raise self.gone(f"{type(error).__name__}: {first_line(error)}") from error

    def gone(self, why: str) -> WorkerError:
        return WorkerError(f"the actor of {self.name} is gone: {why}", "lost")


def cause_of(message: str) -> str:
    """Ray's reasons stand in one line of many."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    reason = next((line for line in lines if re.search(r"died|killed|exit|lost|unreachable", line)), "it died")
    return " ".join(reason.split())[:300]


def _start_complaint(name: str, message: str) -> WorkerError:
    missing = re.search(r"No module named '([\w.]+)'", message)
    if missing:
        return WorkerError(
            f'the Python of the node of {name} has no package "{missing[1]}"; '
            "install python/troupe_worker/requirements.txt on every node",
            "actor",
        )
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    reason = next((line for line in reversed(lines) if re.match(r"[\w.]*(Error|Exception)\b", line)), "")
    # without a reason of its own it was ended by others, and may start elsewhere
    kind = "actor" if reason else "lost"
    return WorkerError(f"the actor of {name} did not start: {reason or cause_of(message)}", kind)
