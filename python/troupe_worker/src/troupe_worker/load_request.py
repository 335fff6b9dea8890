"""Parses the parameters of a `load` call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .adapter_config import AdapterConfig, adapter_targets
from .errors import BadRequest
from .loading import DTYPES, SAMPLERS, LoadOptions
from .model_call import Call


def load_options(call: Call) -> LoadOptions:
    """Reads and checks the parameters of a `load` call.

    Raises:
        BadRequest: a parameter is missing or not valid.
    """
    folder = Path(call.string("dir"))
    dtype = call.string("dtype")
    if dtype not in DTYPES:
        raise BadRequest(f"dtype: expected one of {', '.join(DTYPES)}, got {dtype}")
    lora = call.params.get("lora")
    sampler, fraction = call.params.get("sampler", "auto"), call.params.get("sampler_cache", 0.2)
    if sampler not in SAMPLERS:
        raise BadRequest(f"sampler: expected one of {', '.join(SAMPLERS)}, got {sampler!r}")
    if isinstance(fraction, bool) or not isinstance(fraction, (int, float)) or not 0 < fraction < 1:
        raise BadRequest(f"sampler_cache: expected a fraction between 0 and 1, got {fraction!r}")
    return LoadOptions(
        folder=folder,
        dtype=dtype,
        optimizer=call.params.get("optimizer") is True,
        training=call.params.get("training") is True,
        lora=None if lora is None else _new_adapter(lora, folder),
        cwd=Path(str(call.params.get("cwd", "."))),
        sampler=sampler,
        sampler_cache=float(fraction),
    )


def _new_adapter(lora: Any, folder: Path) -> AdapterConfig:
    rank, alpha = lora.get("rank"), lora.get("alpha")
    if isinstance(rank, bool) or not isinstance(rank, int) or rank < 1:
        raise BadRequest(f"lora rank: expected an integer >= 1, got {rank!r}")
    if isinstance(alpha, bool) or not isinstance(alpha, (int, float)) or not alpha > 0:
        raise BadRequest(f"lora alpha: expected a number > 0, got {alpha!r}")
    targets = adapter_targets(lora.get("target_modules"))
    return AdapterConfig(rank, float(alpha), lora.get("rslora") is True, targets, str(folder.absolute()))
