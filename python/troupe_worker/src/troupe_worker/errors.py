"""Errors that travel to the client as one line."""


class WorkerError(Exception):
    """Something a caller can act on; `kind` is what the client's code looks at."""

    def __init__(self, message: str, kind: str = "engine") -> None:
        super().__init__(message)
        self.kind = kind


class BadRequest(WorkerError):
    """The call itself cannot be right, whatever the state."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "request")


class BadModel(WorkerError):
    """A model folder cannot be used."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "model")


class Cancelled(WorkerError):
    """The client no longer wants the answer."""

    def __init__(self) -> None:
        super().__init__("the call was cancelled", "cancelled")


class DeadlinePassed(WorkerError):
    """The call took longer than the client is willing to wait."""

    def __init__(self) -> None:
        super().__init__("the call's deadline passed", "deadline")
