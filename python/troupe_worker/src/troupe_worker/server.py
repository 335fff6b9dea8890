"""The HTTP server of a worker, based on the standard library's server with one thread per connection.

The standard library's server suffices, because a worker has few clients and calls take long.

    GET  /v1/hello    identity and versions of the worker, as JSON
    POST /v1/call     a frame; the response is a stream of frames, the last of kind `result` or `error`
    POST /v1/cancel   a frame that names an operation
    POST /v1/ping     a frame that names a session; renews its lease

Every request carries `Authorization: Bearer TOKEN`.
"""

from __future__ import annotations

import hmac
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from .calls import CallHandler
from .errors import BadRequest, WorkerError
from .frames import Frame, decode, encode

#: Interval at which `heartbeat` frames are sent while a call emits no other frames, seconds.
HEARTBEAT_SECONDS = 5.0
MAX_BODY_BYTES = 2**31


class WorkerServer(ThreadingHTTPServer):
    """An HTTP server that listens as soon as it is constructed."""

    daemon_threads = True
    #: Maximum number of connections that wait to be accepted. Every `generate` call opens a connection. With the
    #: standard library's default of 5, the operating system would delay further connections by a second.
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], service: CallHandler, token: str) -> None:
        self.service = service
        self.token = token
        super().__init__(address, _Handler)

    @property
    def url(self) -> str:
        host, port = self.server_address[:2]
        return f"http://{host!s}:{port}"

    def watch_leases(self, lease_seconds: float) -> None:
        """Starts a thread that frees the resources of expired sessions."""

        def watch() -> None:
            while True:
                time.sleep(max(1.0, lease_seconds / 10))
                self.service.drop_expired_sessions(lease_seconds)

        threading.Thread(target=watch, name="leases", daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 600  # closes a connection after 600 seconds without data
    disable_nagle_algorithm = True
    server: WorkerServer
    _POSTS: ClassVar[dict[str, str]] = {"/v1/call": "_call", "/v1/cancel": "_cancel", "/v1/ping": "_ping"}

    def do_GET(self) -> None:
        if not self._is_authorized():
            return
        if self.path != "/v1/hello":
            self._send_error(404, f"unknown path {self.path}")
            return
        self._send(json.dumps(self.server.service.hello()).encode(), "application/json")

    def do_POST(self) -> None:
        if not self._is_authorized():
            return
        method = self._POSTS.get(self.path)
        if method is None:
            self._send_error(404, f"unknown path {self.path}")
            return
        try:
            getattr(self, method)(decode(self._body()))
        except BadRequest as error:
            self._send_error(400, str(error))
        except (BrokenPipeError, ConnectionResetError):
            # The client disconnected. The operation continues, because the client may repeat the call.
            self.close_connection = True

    def _call(self, frame: Frame) -> None:
        operation = self.server.service.begin(frame)
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for emitted in operation.frames(HEARTBEAT_SECONDS):
            data = emitted if emitted is not None else encode({"kind": "heartbeat"})
            if emitted is None:
                self.server.service.touch(str(frame.header["session"]))
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self.wfile.write(b"0\r\n\r\n")

    def _cancel(self, frame: Frame) -> None:
        self._send(encode({"kind": "result", "value": {"found": self.server.service.cancel(frame.header)}}))

    def _ping(self, frame: Frame) -> None:
        self.server.service.touch(str(frame.header.get("session", "")))
        self._send(encode({"kind": "result", "value": {}}))

    def _is_authorized(self) -> bool:
        given = self.headers.get("Authorization", "")
        expected = f"Bearer {self.server.token}"
        if hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode()):
            return True
        self._send_error(401, "the token is wrong or missing")
        return False

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            raise BadRequest(f"expected a body of at most {MAX_BODY_BYTES} bytes, got {length or 'no length'}")
        body = self.rfile.read(int(length))
        if len(body) != int(length):
            self.close_connection = True
            raise BadRequest(f"expected {length} bytes, got {len(body)}")
        return body

    def _send_error(self, status: int, message: str) -> None:
        self.close_connection = True  # a body that was not read would be parsed as the next request
        self._send(json.dumps({"error": message}).encode(), "application/json", status)

    def _send(self, data: bytes, kind: str = "application/octet-stream", status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Logs nothing, because the client reports errors."""


def serve(service: CallHandler, *, host: str, port: int, token: str, lease_seconds: float | None) -> WorkerServer:
    """Creates a server that listens.

    Args:
        lease_seconds: time after which the models of a silent client are freed; None: never

    Raises:
        WorkerError: the address cannot be bound.
    """
    try:
        server = WorkerServer((host, port), service, token)
    except OSError as error:
        raise WorkerError(f"cannot listen on {host}:{port} ({error.strerror})", "address") from error
    if lease_seconds is not None:
        server.watch_leases(lease_seconds)
    return server
