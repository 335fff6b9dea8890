"""Reads and writes PEFT's `adapter_config.json`, like src/engine/onnx/lora/adapter-config.ts.

Both engines reject the same settings: those that change the model's output and that one of them does not support.
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
#: Names of the linear projections of a decoder layer, in the order in which the layer applies them.
TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")

#: Fields that are ignored, because they do not change the output of a model whose weights are loaded.
_IGNORED = frozenset(
    {
        "auto_mapping",
        "inference_mode",
        "revision",
        "peft_version",
        "lora_dropout",  # ignored, because this worker trains without dropout
        "qalora_group_size",  # only used together with use_qalora
        "megatron_core",  # only used together with megatron_config
        "layers_pattern",  # only used together with layers_to_transform
    }
)
_SUPPORTED = frozenset({"r", "lora_alpha", "use_rslora", "target_modules", "base_model_name_or_path"})
#: Supported values of each field. Other values of init_lora_weights would modify the base model's weights.
_ALLOWED_VALUES: Mapping[str, tuple[object, ...]] = {
    "peft_type": ("LORA",),
    "task_type": ("CAUSAL_LM",),
    "bias": ("none",),
    "init_lora_weights": (True, False, "gaussian", "orthogonal"),
}


@dataclass(frozen=True)
class AdapterConfig:
    """Configuration of a LoRA adapter, which adds `scale B A x` to the output of its target projections."""

    rank: int
    alpha: float
    rslora: bool
    #: Names of the target projections, in the order of TARGETS.
    targets: tuple[str, ...]
    #: Folder of the base model, as written in base_model_name_or_path.
    base: str

    def to_json(self) -> bytes:
        """Returns the content of adapter_config.json in PEFT's format."""
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
    """Reads adapter_config.json of a folder.

    Raises:
        BadModel: the file cannot be read, describes no LoRA adapter, or has an unsupported setting.
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
    """Resolves the path of an adapter's base model.

    The path may begin with `~`, or be relative to `cwd` or to the adapter's folder.

    Args:
        folder: folder of the adapter
        base: base_model_name_or_path of its config
        cwd: working directory of the client

    Raises:
        BadModel: the folder does not exist.
    """
    # only the own home folder, as in the embedded engine: `~name` is the name of a folder
    absolute = Path(base).expanduser() if base == "~" or base.startswith("~/") else cwd / base
    for path in (absolute, folder / base):
        if path.exists():
            return path
    raise BadModel(
        f"{folder}/adapter_config.json base_model_name_or_path: expected the folder of the base model, "
        f'"{base}" does not exist; download the base model and set the path of its folder'
    )


def _parse(fields: Mapping[str, Any], where: str) -> AdapterConfig:
    def problem(key: str, expected: str) -> BadModel:
        return BadModel(f"{where} {key}: expected {expected}, got {json.dumps(fields.get(key))}")

    for key, allowed in _ALLOWED_VALUES.items():
        if fields.get(key) is not None and fields[key] not in allowed:
            raise problem(key, f"{' or '.join(map(json.dumps, allowed))}; other values are not supported")
    rank, alpha, base = fields.get("r", 8), fields.get("lora_alpha", 8), fields.get("base_model_name_or_path")
    if isinstance(rank, bool) or not isinstance(rank, int) or rank < 1:
        raise problem("r", "a positive integer")
    if isinstance(alpha, bool) or not isinstance(alpha, (int, float)) or not (alpha > 0 and math.isfinite(alpha)):
        raise problem("lora_alpha", "a number > 0")
    if not isinstance(base, str) or base == "":
        raise problem("base_model_name_or_path", "the folder of the base model")
    for key, value in fields.items():
        is_set = value is not None and value is not False and value not in ({}, [])
        if is_set and key not in _SUPPORTED | _IGNORED | set(_ALLOWED_VALUES):
            text = json.dumps(value)[:60]
            raise BadModel(f"{where} {key}: this adapter setting is not supported, got {text}")
    try:
        targets = adapter_targets(fields.get("target_modules"))
    except BadRequest as error:
        raise BadModel(f"{where} {error}") from error
    return AdapterConfig(rank, float(alpha), fields.get("use_rslora") is True, targets, base)


def adapter_targets(value: object) -> tuple[str, ...]:
    """Checks `target_modules`; "all-linear" selects all projections. Returns the names in the order of TARGETS.

    Raises:
        BadRequest: a name is not a projection of a decoder layer.
    """
    names = list(TARGETS) if value == "all-linear" else value
    known = isinstance(names, list) and len(names) > 0 and all(name in TARGETS for name in names)
    if not known:
        expected = f'expected some of {", ".join(TARGETS)}, or "all-linear"'
        raise BadRequest(f"target_modules: {expected}, got {json.dumps(value)}")
    assert isinstance(names, list)
    return tuple(target for target in TARGETS if target in names)
