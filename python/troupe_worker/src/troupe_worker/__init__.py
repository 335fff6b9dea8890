"""Runs the models of troupe agents with PyTorch and Transformers behind an HTTP server.

Implements troupe's engine port (src/engine/engine.ts) in a process of its own: token ids, log-probabilities,
cotangents and divergences cross the wire, the weights stay in this process.
"""

#: Version of the package; tests check that pyproject.toml and troupe's package.json have the same version.
VERSION = "0.1.0"
#: Version of the wire protocol; it changes with every change of a call or of the frame format.
PROTOCOL = 4
