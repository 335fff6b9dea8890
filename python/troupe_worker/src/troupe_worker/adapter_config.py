"""PEFT's `adapter_config.json`, in and out, as src/engine/onnx/lora/adapter-config.ts has it: what would change
the numbers and is not honoured by both engines is refused by name.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import BadModel, BadRequest

ADAPTER_CONFIG = "adapter_config.json"
#: Projections of a layer, in their order there.
TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")

#: Fields that say nothing about what is computed once the weights are there.
_HARMLESS = frozenset(
    {
        "auto_mapping",
        "inference_mode",
        "revision",
        "peft_version",
        "lora_dropout",  # training only, and none is applied here
        "qalora_group_size",  # of use_qalora
        "megatron_core",  # of megatron_config
        "layers_pattern",  # of layers_to_transform
    }
)
_READ = frozenset({"r", "lora_alpha", "use_rslora", "target_modules", "base_model_name_or_path"})
#: Fields with values that change nothing; other starts than these change the base's weights.
_ONLY: Mapping[str, tuple[object, ...]] = {
    "peft_type": ("LORA",),
    "task_type": ("CAUSAL_LM",),
    "bias": ("none",),
    "init_lora_weights": (True, False, "gaussian", "orthogonal"),
}


@dataclass(frozen=True)
class AdapterConfig:
    """Which projections get an increment `scale B A x`, and of which rank."""

    rank: int
    alpha: float
    rslora: bool
    #: In the order of TARGETS.
    targets: tuple[str, ...]
    #: Folder of the model that the adapter belongs to, as it is written.
    base: str

    def to_json(self) -> bytes:
        """The file as PEFT writes it."""
        alpha = int(self.alpha) if float(self.alpha).is_integer() else self.alpha
        fields = {
            "base_model_name_or_path": self.base,
            "bias": "none",
            "fan_in_fan_out": False,
            "inference_mode": True,
            "init_lora_weights": True,
            "lora_alpha": alpha,
            "lora_dropout": 0,
            "modules_to_save": None,
            "peft_type": "LORA",
            "r": self.rank,
            "target_modules": list(self.targets),
            "task_type": "CAUSAL_LM",
            "use_dora": False,
            "use_rslora": self.rslora,
        }
        return f"{json.dumps(fields, indent=2, ensure_ascii=False)}\n".encode()


def is_adapter_folder(folder: Path) -> bool:
    return (folder / ADAPTER_CONFIG).is_file()


def read_adapter_config(folder: Path) -> AdapterConfig:
    """Reads the file of a folder.

    Raises:
        BadModel: it is another kind of adapter, or has a setting that is not honoured.
    """
    path = folder / ADAPTER_CONFIG
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadModel(f"{path}: expected a JSON object ({error})") from error
    if not isinstance(fields, dict):
        raise BadModel(f"{path}: expected a JSON object, got {type(fields).__name__}")
    return _parse(fields, str(path))


def base_folder(folder: Path, base: str, cwd: Path) -> Path:
    """Where an adapter's config says its base is, seen from the client or from the adapter's folder.

    Raises:
        BadModel: there is nothing.
    """
    for place in (cwd / base, folder / base):
        if place.exists():
            return place
    raise BadModel(
        f"{folder}/adapter_config.json base_model_name_or_path: expected the folder of the base model, "
        f'"{base}" does not exist; fetch the base and write its folder there'
    )


def _parse(fields: Mapping[str, Any], where: str) -> AdapterConfig:
    def problem(key: str, expected: str) -> BadModel:
        return BadModel(f"{where} {key}: expected {expected}, got {json.dumps(fields.get(key))}")

    for key, allowed in _ONLY.items():
        if fields.get(key) is not None and fields[key] not in allowed:
            raise problem(key, f"{' or '.join(map(json.dumps, allowed))}, others are not supported")
    rank, alpha, base = fields.get("r", 8), fields.get("lora_alpha", 8), fields.get("base_model_name_or_path")
    if isinstance(rank, bool) or not isinstance(rank, int) or rank < 1:
        raise problem("r", "a positive integer")
    if isinstance(alpha, bool) or not isinstance(alpha, (int, float)) or not (alpha > 0 and math.isfinite(alpha)):
        raise problem("lora_alpha", "a number > 0")
    if not isinstance(base, str) or base == "":
        raise problem("base_model_name_or_path", "the folder of the base model")
    for key, value in fields.items():
        is_set = value is not None and value is not False and value not in ({}, [])
        if is_set and key not in _READ | _HARMLESS | set(_ONLY):
            text = json.dumps(value)[:60]
            raise BadModel(f"{where} {key}: this setting of adapters is not honoured, got {text}")
    try:
        targets = adapter_targets(fields.get("target_modules"))
    except BadRequest as error:
        raise BadModel(f"{where} {error}") from error
    return AdapterConfig(rank, float(alpha), fields.get("use_rslora") is True, targets, base)


def adapter_targets(value: object) -> tuple[str, ...]:
    """Projections by name; "all-linear" means all.

    Raises:
        BadRequest: something is no projection of a layer.
    """
    names = list(TARGETS) if value == "all-linear" else value
    known = isinstance(names, list) and len(names) > 0 and all(name in TARGETS for name in names)
    if not known:
        expected = f'expected some of {", ".join(TARGETS)}, or "all-linear"'
        raise BadRequest(f"target_modules: {expected}, got {json.dumps(value)}")
    assert isinstance(names, list)
    return tuple(target for target in TARGETS if target in names)
