"""Runs the models of troupe's teams on PyTorch and Transformers, behind HTTP.

The engine port of troupe (src/engine/engine.ts) on this side of a wire: token ids, log-probabilities,
cotangents and divergences come and go, weights stay here.
"""

#: Version of the package; a test holds it to pyproject.toml and to troupe's package.json.
VERSION = "0.1.0"
#: What client and worker must agree on; raised with every change of a call or of the frames.
PROTOCOL = 3
