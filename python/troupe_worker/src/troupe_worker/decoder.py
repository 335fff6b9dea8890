"""Splits a causal language model of Transformers into its decoder layers and its language-model head.

The head then runs over a few tokens at a time, so that logits of shape [tokens, vocabulary] never exist for all
tokens at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from .errors import BadModel
from .parameters import ParameterStore, Tensors


def split_head(model: Any, where: str) -> tuple[nn.Module, nn.Module]:
    """Returns the module of the decoder layers, and the language-model head.

    Raises:
        BadModel: the model does not have separate modules for its layers and its head.
    """
    decoder = model.get_decoder()
    # In older architectures get_decoder returns the model itself.
    layers: nn.Module = decoder if decoder is not model else model.base_model
    head: nn.Module | None = model.get_output_embeddings()
    if layers is model or head is None:
        raise BadModel(
            f"{where}: {type(model).__name__} does not have separate modules for its head and its layers"
        )
    return layers, head


class Decoder:
    """Runs the layers and the head of a model, with the current parameters or with those of a snapshot."""

    def __init__(self, model: Any, where: str, module_names: Mapping[str, str] | None = None) -> None:
        """
        Args:
            where: folder of the model, for error messages
            module_names: names of parameters in the module by their names in a snapshot, if the names differ
        """
        self.model = model
        self._module_names = module_names or {}
        self.config = model.config.get_text_config(decoder=True)
        self.vocab_size: int = int(self.config.vocab_size)
        self.max_positions: int = int(self.config.max_position_embeddings)
        query_heads = int(self.config.num_attention_heads)
        kv_heads = int(getattr(self.config, "num_key_value_heads", None) or query_heads)
        head_dim = getattr(self.config, "head_dim", None) or self.config.hidden_size // query_heads
        elements = 2 * kv_heads * int(head_dim) * int(self.config.num_hidden_layers)
        self.cache_bytes_per_token: int = elements * next(model.parameters()).element_size()
        self._layers, self._head = split_head(model, where)
        name = next(name for name, module in model.named_modules() if module is self._layers)
        self._prefix = f"{name}."
        self.softcap: float | None = getattr(self.config, "final_logit_softcapping", None)
        #: Names of the head's parameters in the model, by their names in the head. The name of a tied weight is
        #: that of the embedding.
        names = {id(parameter): name for name, parameter in model.named_parameters()}
        self.head_names = {key: names[id(parameter)] for key, parameter in self._head.named_parameters()}
        self._require_same_logits(where)

    def layers(self, weights: Tensors | None, **inputs: Any) -> Any:
        """Runs the decoder layers. Returns Transformers' output object with `last_hidden_state` [B, T, D]."""
        if weights is None:
            return self._layers(**inputs)
        replaced = {
            path.removeprefix(self._prefix): value
            for path, value in ((self._module_names.get(name, name), value) for name, value in weights.items())
            if path.startswith(self._prefix)
        }
        return functional_call(self._layers, replaced, (), inputs)

    def logits(self, hidden: Tensor, weights: Tensors | None = None) -> Tensor:
        """Runs the head. Converts hidden states [M, D] to logits [M, V] in float32."""
        if weights is None:
            logits = self._head(hidden)
        else:
            replaced = {key: weights[name] for key, name in self.head_names.items() if name in weights}
            logits = functional_call(self._head, replaced, (hidden,))
        logits = logits.float()
        return logits if self.softcap is None else torch.tanh(logits / self.softcap) * self.softcap

    def accumulate_head_gradients(self, parameters: ParameterStore) -> None:
        parameters.accumulate_gradients()

    def accumulate_gradients(self, parameters: ParameterStore) -> None:
        parameters.accumulate_gradients()

    @torch.no_grad()
    def _require_same_logits(self, where: str) -> None:
        """Raises BadModel if this class computes other logits than the Transformers model's own forward pass.

        The logits differ, for example, if the model's forward pass scales them.
        """
        ids = torch.arange(4).remainder(self.vocab_size)[None].to(next(self.model.parameters()).device)
        expected = self.model(input_ids=ids, use_cache=False).logits[0].float()
        hidden = self.layers(None, input_ids=ids, use_cache=False).last_hidden_state[0]
        error = float((expected - self.logits(hidden)).abs().max())
        # The tolerance covers rounding: a 16-bit model applies its soft cap in 16 bits, this class in float32.
        tolerance = max(1e-3, 4 * torch.finfo(hidden.dtype).eps)
        if not error <= tolerance * max(1.0, float(expected.abs().max())):
            name = type(self.model).__name__
            raise BadModel(f"{where}: the head of {name} has an operation that this worker does not support")
