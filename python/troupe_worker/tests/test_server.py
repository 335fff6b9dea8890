"""Tests the HTTP server: authorization, invalid requests, repeated calls, and expired sessions."""

from __future__ import annotations

import http.client
import json
import socket
import tempfile
import threading
import unittest
import uuid
from pathlib import Path
from typing import Any

import numpy as np

from troupe_worker import PROTOCOL
from troupe_worker.frames import PREFIX, Array, Frame, decode, encode
from troupe_worker.server import WorkerServer, serve
from troupe_worker.service import Service

from .test_model import COTANGENTS, SCORE, STEP
from .tiny_model import call, messages, write_tiny_model

TOKEN = "secret"


class ServerTest(unittest.TestCase):
    server: WorkerServer
    temporary: tempfile.TemporaryDirectory[str]

    @classmethod
    def setUpClass(cls) -> None:
        cls.temporary = tempfile.TemporaryDirectory()
        write_tiny_model(Path(cls.temporary.name))
        cls.server = serve(Service("cpu"), host="127.0.0.1", port=0, token=TOKEN, lease_seconds=None)
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.shutdown()
        cls.server.server_close()
        cls.temporary.cleanup()

    def request(self, path: str, body: bytes | None = None, token: str = TOKEN) -> tuple[int, bytes]:
        host, port = self.server.server_address[:2]
        connection = http.client.HTTPConnection(str(host), int(port), timeout=60)
        headers = {"Authorization": f"Bearer {token}"}
        connection.request("GET" if body is None else "POST", path, body, headers)
        response = connection.getresponse()
        data = response.read()
        connection.close()
        return response.status, data

    def call(
        self,
        name: str,
        *,
        session: str,
        model: str | None = None,
        operation: str | None = None,
        params: dict[str, Any] | None = None,
        arrays: dict[str, Array] | None = None,
    ) -> Frame:
        header: dict[str, Any] = {"call": name, "session": session, "operation": operation or uuid.uuid4().hex}
        header |= {"params": params or {}} | ({"model": model} if model else {})
        status, data = self.request("/v1/call", encode(header, arrays))
        self.assertEqual(status, 200)
        last = b""
        while data:
            _, header_bytes, _, payload_bytes = PREFIX.unpack_from(data)
            size = PREFIX.size + header_bytes + payload_bytes
            last, data = data[:size], data[size:]
        return decode(last)

    def load(self, session: str) -> str:
        params = {"dir": self.temporary.name, "dtype": "float32", "token_budget": 64, "decode_batch": 4}
        name: str = self.call("load", session=session, params=params).header["value"]["model"]
        return name

    def test_hello_needs_the_token(self) -> None:
        status, data = self.request("/v1/hello")
        self.assertEqual((status, json.loads(data)["protocol"]), (200, PROTOCOL))
        for token in ("", "wrong", "sëcret"):
            self.assertEqual(self.request("/v1/hello", token=token.encode().decode("latin-1"))[0], 401)
        self.assertEqual(self.request("/v1/call", b"x" * 1000, token="wrong")[0], 401)

    def test_rejects_invalid_requests(self) -> None:
        self.assertEqual(self.request("/v1/call", b"nonsense")[0], 400)
        self.assertEqual(self.request("/v1/call", encode({"call": "step"}))[0], 400)
        self.assertEqual(self.request("/elsewhere")[0], 404)
        model = self.load("a")
        frame = self.call("__init__", session="a", model=model)
        self.assertEqual(frame.header["error"]["kind"], "request")

    def test_a_repeated_step_is_applied_once(self) -> None:
        model = self.load("b")

        def forward() -> Any:
            return self.call("forward", session="b", model=model, params=SCORE, arrays=messages()).arrays["logp"]

        self.call("backward", session="b", model=model, params=SCORE, arrays={**messages(), **COTANGENTS})
        first = self.call("step", session="b", model=model, operation="once", params=STEP)
        once = forward()
        again = self.call("step", session="b", model=model, operation="once", params=STEP)
        self.assertEqual(first.arrays["grad_norm"][0], again.arrays["grad_norm"][0])
        np.testing.assert_array_equal(forward(), once)

    def test_models_belong_to_their_session_and_are_freed_when_it_expires(self) -> None:
        model = self.load("c")
        kind = self.call("snapshot", session="d", model=model).header["error"]["kind"]
        self.assertEqual(kind, "unknown_model")
        self.server.service.drop_expired_sessions(3600)
        self.assertGreater(json.loads(self.request("/v1/hello")[1])["models"], 0)
        self.server.service.drop_expired_sessions(-1)
        self.assertEqual(json.loads(self.request("/v1/hello")[1])["models"], 0)

    def test_accepts_many_connections_before_it_serves_them(self) -> None:
        server = serve(
            Service("cpu"), host="127.0.0.1", port=0, token=TOKEN, lease_seconds=None
        )  # does not accept yet
        self.addCleanup(server.server_close)
        port = int(server.server_address[1])
        for _ in range(64):
            self.addCleanup(socket.create_connection(("127.0.0.1", port), 5).close)

    def test_a_call_that_races_with_close_fails(self) -> None:
        service = self.server.service
        assert isinstance(service, Service)
        model = self.load("e")
        entry = service._models[model]
        self.call("close", session="e", model=model)
        # Puts the closed entry back, to simulate a call that looked the model up before `close` ran.
        service._models[model] = entry
        self.addCleanup(service._models.pop, model)
        for name in ("forward", "generate"):
            error = self.call(name, session="e", model=model, params=SCORE, arrays=messages()).header["error"]
            self.assertEqual(error["kind"], "unknown_model")

    def test_a_model_whose_session_expires_during_load_is_freed_later(self) -> None:
        service = self.server.service
        assert isinstance(service, Service)
        params = {"dir": self.temporary.name, "dtype": "float32", "token_budget": 64, "decode_batch": 4}
        loading = threading.Thread(target=service._load, args=(call(params), "f"))
        with service._load_lock:
            loading.start()
            service.drop_session("f")
        loading.join()
        self.assertIn("f", [entry.session for entry in service._models.values()])
        service.drop_expired_sessions(-1)
        self.assertEqual([entry for entry in service._models.values() if entry.session == "f"], [])


if __name__ == "__main__":
    unittest.main()
