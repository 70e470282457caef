"""The file of what a method stores: written in a number format, and read back by what the file itself says.

A file of fp32 holds the tensors as they are. The header of any other names its format. There the floating tensors of 32
bits or more are in that format, and all others as they are. In int8 a matrix or a kernel is a tensor of whole numbers
from -127 to 127 with scales in fp32 in a tensor beside it: one for each output channel of a kernel, and for each row of
a matrix, or for each column where these are fewer, as in a head (features, classes). The largest magnitude of a row
becomes 127. Vectors are in fp16: they are few, and batch statistics span too many orders of magnitude for one scale.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

STORE = "store"  # in a file's header: its number format
SCALE = "|scale"  # ends the name of the scales of an int8 tensor
LARGEST = 127  # the largest magnitude of an int8 tensor
HALVES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def write(tensors: Mapping[str, Tensor], path: Path, store: str = "fp32") -> None:
    """Writes tensors in a format, one of bench.records.request.STORES. Raises what safetensors raises."""
    if store == "fp32":
        save_file({name: value.contiguous() for name, value in tensors.items()}, path)
        return
    packed = {part: held.contiguous() for name, value in tensors.items() for part, held in packs(name, value, store)}
    save_file(packed, path, {STORE: store})


def read(path: Path) -> dict[str, Tensor]:
    """The tensors of a file. What a format other than fp32 has shortened is float32 again."""
    held: dict[str, Tensor] = load_file(path)
    if store_of(path) == "fp32":
        return held
    return {
        name: opened(value, held.get(name + SCALE)) for name, value in held.items() if not name.endswith(SCALE)
    }  # fmt: skip


def store_of(path: Path) -> str:
    """The format of a file, as its header says."""
    with safe_open(path, "pt") as file:
        header: Mapping[str, str] = file.metadata() or {}
    return header.get(STORE, "fp32")


def packs(name: str, value: Tensor, store: str) -> Iterator[tuple[str, Tensor]]:
    """The tensors by which one is stored, with their names."""
    if not value.is_floating_point() or value.element_size() < 4:
        yield name, value
    elif store != "int8" or value.ndim < 2 or not value.numel():
        yield name, halved(value, HALVES.get(store, torch.float16))
    else:
        along = [0] if value.ndim == 2 and len(value) > value.shape[1] else list(range(1, value.ndim))
        scale = value.float().abs().amax(along, keepdim=True) / LARGEST
        yield name, (value.float() / scale.where(scale > 0, 1.0)).round().to(torch.int8)
        yield name + SCALE, scale


def halved(value: Tensor, kind: torch.dtype) -> Tensor:
    """A tensor in 16 bits; as it is where a finite number of it would be infinite there."""
    short = value.to(kind)
    return value if bool((short.isinf() & value.isfinite()).any()) else short


def opened(value: Tensor, scale: Tensor | None) -> Tensor:
    """A stored tensor as it is used."""
    if scale is not None:
        return value.float() * scale
    return value.float() if value.is_floating_point() else value
