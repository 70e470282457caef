"""Reads a checkpoint file without running code, and loads it into a network that it fits."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path

import safetensors
import timm
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from bench.spec import BackboneSpec, UserError

# What safetensors and torch raise for a file that holds no weights. Of other text torch reads what it takes for pickle.
UNREADABLE = (
    safetensors.SafetensorError, pickle.UnpicklingError, RuntimeError, ValueError, EOFError, OSError, LookupError,
    TypeError, AttributeError,
)  # fmt: skip


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """Weights of a safetensors file, or of a .pth read without unpickling code; in float32.

    Raises UserError when the file is absent, damaged or holds anything but tensors.
    """
    if not path.is_file():
        raise UserError(f"there is no checkpoint file {path}; name a .safetensors or .pth file with --checkpoint")
    try:
        state = load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    except UNREADABLE as error:
        raise UserError(f"{path} cannot be read as weights alone; save them as safetensors") from error
    if not isinstance(state, Mapping):
        raise UserError(f"{path} holds a {type(state).__name__}, no weights by name; save a state_dict")
    for wrapper in ("state_dict", "model", "model_state_dict"):
        if isinstance(state.get(wrapper), Mapping):
            state = state[wrapper]
    tensors = {str(key).removeprefix("module."): value for key, value in state.items() if isinstance(value, Tensor)}
    return {key: value.float() if value.is_floating_point() else value for key, value in tensors.items()}


def _head_size(spec: BackboneSpec, state: Mapping[str, Tensor]) -> dict[str, int]:
    """The `num_classes` with which a network has the head that a checkpoint holds, 0 if it holds none."""
    architecture = spec.name.partition(".")[0]  # the tag behind it is told later, with its remedy, where timm has none
    name = timm.get_pretrained_cfg_value(architecture, "classifier") if timm.is_model(spec.name) else None
    if not isinstance(name, str):
        return {}
    weight = state.get(f"{name}.weight")
    return {"num_classes": weight.shape[0] if weight is not None else 0}


def _fill(module: nn.Module, state: Mapping[str, Tensor], spec: BackboneSpec) -> None:
    """Loads weights that must fit; raises UserError that names, in one screen, the keys and shapes that do not."""
    own = module.state_dict()
    counters = {key for key in own if key.endswith("num_batches_tracked")}  # not weights; some files leave them out
    missing = [key for key in own if key not in state and key not in counters]
    unexpected = [key for key in state if key not in own]
    shapes = [
        f"{key} {tuple(state[key].shape)}, the network has {tuple(own[key].shape)}"
        for key in own
        if key in state and state[key].shape != own[key].shape
    ]
    lists = [("missing", missing), ("unexpected", unexpected), ("other shape", shapes)]
    wrong = [f"\n  {label} ({len(keys)}): {_some(keys)}" for label, keys in lists if keys]
    if wrong:
        raise UserError(
            f"{spec.checkpoint} does not fit {spec.name}; name its own architecture with --backbone and --backbone-arg"
            + "".join(wrong)
        )
    module.load_state_dict(dict(state), strict=False)


def _some(keys: list[str], most: int = 6) -> str:
    return "; ".join(keys[:most]) + (f"; and {len(keys) - most} more" if len(keys) > most else "")
