"""The HTTP front. The standard library's server is enough: a few clients, long calls, one thread each.

    GET  /v1/hello    who this is, as JSON
    POST /v1/call     a frame; answered by a stream of frames, the last of kind `result` or `error`
    POST /v1/cancel   a frame naming an operation
    POST /v1/ping     a frame naming a session: its models are kept

Every request carries `Authorization: Bearer TOKEN`.
"""

from __future__ import annotations

import hmac
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from .calls import Calls
from .errors import BadRequest, WorkerError
from .frames import Frame, decode, encode

#: A silent call says this often that it lives.
HEARTBEAT_SECONDS = 5.0
MAX_BODY_BYTES = 2**31


class WorkerServer(ThreadingHTTPServer):
    """Listens when it is made."""

    daemon_threads = True
    #: Connections that come faster than they are taken: a message that is served has one of its own. Beyond the
    #: standard library's five, the system lets a client try again a second later.
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], service: Calls, token: str) -> None:
        self.service = service
        self.token = token
        super().__init__(address, _Handler)

    @property
    def url(self) -> str:
        host, port = self.server_address[:2]
        return f"http://{host!s}:{port}"

    def watch_leases(self, lease_seconds: float) -> None:
        """Frees what abandoned sessions hold, from a thread of its own."""

        def watch() -> None:
            while True:
                time.sleep(max(1.0, lease_seconds / 10))
                self.service.drop_abandoned(lease_seconds)

        threading.Thread(target=watch, name="leases", daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 600  # seconds a connection may be silent
    disable_nagle_algorithm = True
    server: WorkerServer
    _POSTS: ClassVar[dict[str, str]] = {"/v1/call": "_call", "/v1/cancel": "_cancel", "/v1/ping": "_ping"}

    def do_GET(self) -> None:
        if not self._is_allowed():
            return
        if self.path != "/v1/hello":
            self._refuse(404, f"there is nothing at {self.path}")
            return
        self._send(json.dumps(self.server.service.hello()).encode(), "application/json")

    def do_POST(self) -> None:
        if not self._is_allowed():
            return
        method = self._POSTS.get(self.path)
        if method is None:
            self._refuse(404, f"there is nothing at {self.path}")
            return
        try:
            getattr(self, method)(decode(self._body()))
        except BadRequest as error:
            self._refuse(400, str(error))
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the client may ask again; the operation goes on

    def _call(self, frame: Frame) -> None:
        operation = self.server.service.begin(frame)
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for said in operation.frames(HEARTBEAT_SECONDS):
            data = said if said is not None else encode({"kind": "wait"})
            if said is None:
                self.server.service.touch(str(frame.header["session"]))
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self.wfile.write(b"0\r\n\r\n")

    def _cancel(self, frame: Frame) -> None:
        self._send(encode({"kind": "result", "value": {"found": self.server.service.cancel(frame.header)}}))

    def _ping(self, frame: Frame) -> None:
        self.server.service.touch(str(frame.header.get("session", "")))
        self._send(encode({"kind": "result", "value": {}}))

    def _is_allowed(self) -> bool:
        given = self.headers.get("Authorization", "")
        wanted = f"Bearer {self.server.token}"
        if hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode()):
            return True
        self._refuse(401, "the token is wrong or missing")
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

    def _refuse(self, status: int, message: str) -> None:
        self.close_connection = True  # a body that was not read is in the way of the next request
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
        """Says nothing: the client reports what matters."""


def serve(service: Calls, *, host: str, port: int, token: str, lease_seconds: float | None) -> WorkerServer:
    """A server that listens; without a lease, what clients hold is theirs until it ends.

    Raises:
        WorkerError: the address cannot be had.
    """
    try:
        server = WorkerServer((host, port), service, token)
    except OSError as error:
        raise WorkerError(f"cannot listen on {host}:{port} ({error.strerror})", "address") from error
    if lease_seconds is not None:
        server.watch_leases(lease_seconds)
    return server
