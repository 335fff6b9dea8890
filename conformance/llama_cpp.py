"""llama.cpp as the reference of GGUF models: token ids and log-probabilities of its own server, in this process."""

import json
import urllib.request

import xllamacpp


class LlamaCpp:
    """A GGUF file that llama.cpp has opened."""

    def __init__(self, path: str, context: int = 512, *, lora: str | None = None, exact: bool = False) -> None:
        """Opens a model, with a LoRA adapter on it. With `exact`, the attention is computed in float32."""
        params = xllamacpp.CommonParams()
        params.model.path = path
        if lora is not None:
            adapter = xllamacpp.CommonAdapterLoraInfo()
            adapter.path, adapter.scale = lora, 1.0
            params.lora_adapters = [adapter]
        if exact:
            params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
            params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
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

    def top_logprobs(self, ids: list[int], count: int, *, force: int | None = None) -> dict[int, float]:
        """Returns the largest log-probabilities of the token after `ids`, in nats.

        The server omits them if the next token ends the message or is a part of a character. With `force`, the next
        token is that one; the log-probabilities are those without it.
        """
        answer = self._post(
            "/completion",
            {
                "prompt": ids,
                "n_predict": 1,
                "n_probs": count,
                "temperature": 0,
                "cache_prompt": False,
                "logit_bias": [] if force is None else [[force, 1000]],
            },
        )
        (first,) = answer["completion_probabilities"]
        return {top["id"]: top["logprob"] for top in first["top_logprobs"]}
