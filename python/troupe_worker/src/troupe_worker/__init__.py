"""Runs the models of troupe agents with PyTorch and Transformers behind an HTTP server.

Implements troupe's engine interface (src/engine/engine.ts) in a separate process. The client and the worker
exchange token ids, log-probabilities, cotangents and divergences. The weights stay in the worker process.
"""

#: Version of the package; tests check that pyproject.toml and troupe's package.json have this version.
VERSION = "0.1.0"
#: Version of the wire protocol; changes with every change of a call's format or of the frame format.
PROTOCOL = 5
