"""A causal language model of Transformers, cut in two: the layers, and the head that makes logits.

Cut there because `[tokens, vocabulary]` must never exist whole: the head runs over a few tokens at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from .errors import BadModel
from .parameters import ParameterStore, Tensors


def cut(model: Any, where: str) -> tuple[nn.Module, nn.Module]:
    """Its layers, and its head.

    Raises:
        BadModel: it does not keep them apart.
    """
    decoder = model.get_decoder()
    # older families keep their layers under a name of their own
    layers: nn.Module = decoder if decoder is not model else model.base_model
    head: nn.Module | None = model.get_output_embeddings()
    if layers is model or head is None:
        raise BadModel(f"{where}: {type(model).__name__} does not keep its head apart from its layers")
    return layers, head


class Decoder:
    """Reads parameters of the module in place, or a snapshot's where those are given."""

    def __init__(self, model: Any, where: str, paths: Mapping[str, str] | None = None) -> None:
        """Args: paths: names in the module of parameters that have another one elsewhere."""
        self.model = model
        self._paths = paths or {}
        self.config = model.config.get_text_config(decoder=True)
        self.vocab_size: int = int(self.config.vocab_size)
        self.max_positions: int = int(self.config.max_position_embeddings)
        queries = int(self.config.num_attention_heads)
        heads = int(getattr(self.config, "num_key_value_heads", None) or queries)
        width = getattr(self.config, "head_dim", None) or self.config.hidden_size // queries
        #: Keys and values of one token.
        numbers = 2 * heads * int(width) * int(self.config.num_hidden_layers)
        self.cache_bytes_per_token: int = numbers * next(model.parameters()).element_size()
        self._layers, self._head = cut(model, where)
        name = next(name for name, module in model.named_modules() if module is self._layers)
        self._prefix = f"{name}."
        self.softcap: float | None = getattr(self.config, "final_logit_softcapping", None)
        #: Of the head's parameters: names in the module by names in the head; tied ones go by the embedding's.
        home = {id(parameter): name for name, parameter in model.named_parameters()}
        self.head_names = {key: home[id(parameter)] for key, parameter in self._head.named_parameters()}
        self._require_same_logits(where)

    def layers(self, weights: Tensors | None, **inputs: Any) -> Any:
        """Transformers' output object; `last_hidden_state` [B, T, D]."""
        if weights is None:
            return self._layers(**inputs)
        own = {
            path.removeprefix(self._prefix): value
            for path, value in ((self._paths.get(name, name), value) for name, value in weights.items())
            if path.startswith(self._prefix)
        }
        return functional_call(self._layers, own, (), inputs)

    def logits(self, hidden: Tensor, weights: Tensors | None = None) -> Tensor:
        """[M, D] -> [M, V] in float32."""
        if weights is None:
            logits = self._head(hidden)
        else:
            own = {key: weights[name] for key, name in self.head_names.items() if name in weights}
            logits = functional_call(self._head, own, (hidden,))
        logits = logits.float()
        return logits if self.softcap is None else torch.tanh(logits / self.softcap) * self.softcap

    def collect_head(self, parameters: ParameterStore) -> None:
        parameters.collect_gradients()

    def collect(self, parameters: ParameterStore) -> None:
        parameters.collect_gradients()

    @torch.no_grad()
    def _require_same_logits(self, where: str) -> None:
        """A family whose head does something more than is known here must not be run with less."""
        ids = torch.arange(4).remainder(self.vocab_size)[None].to(next(self.model.parameters()).device)
        whole = self.model(input_ids=ids, use_cache=False).logits[0].float()
        hidden = self.layers(None, input_ids=ids, use_cache=False).last_hidden_state[0]
        error = float((whole - self.logits(hidden)).abs().max())
        # in 16 bits Transformers rounds what a cap makes of the logits, here they are float32 by then
        tolerance = max(1e-3, 4 * torch.finfo(hidden.dtype).eps)
        if not error <= tolerance * max(1.0, float(whole.abs().max())):
            name = type(self.model).__name__
            raise BadModel(f"{where}: the head of {name} computes something this worker does not know")
