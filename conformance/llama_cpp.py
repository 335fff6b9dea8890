"""llama.cpp as the reference of GGUF models: token ids and log-probabilities of its own server, in this process."""

import json
import urllib.request

import xllamacpp


class LlamaCpp:
    """A GGUF file that llama.cpp has opened."""

    def __init__(self, path: str, context: int = 512) -> None:
        params = xllamacpp.CommonParams()
        params.model.path = path
        params.n_ctx = context
        params.n_parallel = 1
        params.cpuparams.n_threads = 2
        params.warmup = False
        params.ui = False
        params.port = 0
        params.verbosity = 0
        self.server = xllamacpp.Server(params)

    def _post(self, path: str, body: dict) -> dict:
        request = urllib.request.Request(
            f"{self.server.listening_address}{path}",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=600) as response:
            return json.load(response)

    def tokenize(self, text: str) -> list[int]:
        """Returns the ids of a text in which special tokens are recognized, without a begin token."""
        return self._post("/tokenize", {"content": text, "add_special": False, "parse_special": True})["tokens"]

    def top_logprobs(self, ids: list[int], count: int) -> dict[int, float]:
        """Returns the largest log-probabilities of the token after `ids`, in nats."""
        answer = self._post(
            "/completion",
            {"prompt": ids, "n_predict": 1, "n_probs": count, "temperature": 0, "cache_prompt": False},
        )
        (first,) = answer["completion_probabilities"]
        return {top["id"]: top["logprob"] for top in first["top_logprobs"]}
