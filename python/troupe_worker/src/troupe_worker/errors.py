"""Errors that the worker sends to the client. Each has a kind, for code, and a one-line message, for users."""


class WorkerError(Exception):
    """Base class of the errors that the worker sends to the client.

    Attributes:
        kind: category of the error in the wire protocol, e.g. `engine`, `model`, `lost`
    """

    def __init__(self, message: str, kind: str = "engine") -> None:
        super().__init__(message)
        self.kind = kind


class BadRequest(WorkerError):
    """The call is not valid, e.g. a parameter is missing or out of range."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "request")


class BadModel(WorkerError):
    """The model folder cannot be used."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "model")


class Cancelled(WorkerError):
    """The client cancelled the call."""

    def __init__(self) -> None:
        super().__init__("the call was cancelled", "cancelled")


class DeadlinePassed(WorkerError):
    """The call took longer than the client's deadline."""

    def __init__(self) -> None:
        super().__init__("the call's deadline passed", "deadline")
