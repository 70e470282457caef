"""The disk cache of features: those of a task's training images, so that later runs need no forward pass for them.

A file is in the safetensors format. It has one tensor (n, width) a tap, or one of activations (n, …) where the network
is cut, in half or single precision. Its metadata hold what decides the numbers, what the pass cost, and each tensor's
CRC-32. The folder is that of bench.images.disk_cache.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from bench.backbone.extract import Extract
from bench.backbone.forward import taps
from bench.backbone.last_blocks import LastBlocks, Target
from bench.backbone.pooling import pooled_width
from bench.backbone.weights import resolve
from bench.costs.device import device_name
from bench.costs.precision import choose_precision
from bench.images.disk_cache import PARTIAL, SUFFIX, fits, home, tell
from bench.images.pixel_cache import MAKERS, RULE, CachedImages
from bench.images.pixels import PixelCache
from bench.spec import Backbone, Images

VERSION = "1"  # raised with anything here, in bench.backbone.taps or bench.backbone.pooling that changes the numbers
TYPES = {torch.float16: "F16", torch.float32: "F32"}


@dataclass(frozen=True)
class Slot:
    """The file for the features of some images, and what must be in it."""

    path: Path
    facts: str  # JSON of all that decides the numbers and their cost
    shapes: Mapping[str, tuple[int, ...]]  # of each tensor

    def take(self) -> Extract | None:
        """The features in the file; None where there is none, or where it is of no use, which is said on stderr."""
        if not self.path.is_file():
            return None
        try:
            with safe_open(self.path, "pt") as file:
                about = file.metadata() or {}
                blocks = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  it is no mapping
            wrong = self._wrong(about, blocks)
        except (SafetensorError, OSError, ValueError) as error:
            wrong = f"cannot be read ({str(error).splitlines()[0]})"
        if wrong:
            tell(f"features kept in {self.path} {wrong}; they are computed again")
            return None
        with suppress(OSError):
            os.utime(self.path)  # so that what is used is not forgotten
        return Extract(tuple(blocks[name] for name in self.shapes), int(about["flops"]), float(about["seconds"]))

    def _wrong(self, about: Mapping[str, str], blocks: Mapping[str, Tensor]) -> str | None:
        """What is wrong with the file; None where nothing is."""
        if about.get("facts") != self.facts:
            return "are of another version"
        if {name: tuple(block.shape) for name, block in blocks.items()} != dict(self.shapes):
            return "have another shape"
        if json.loads(about["crc32"]) != {name: checksum(block) for name, block in blocks.items()}:
            return "are damaged"
        return None

    def put(self, made: Extract) -> None:
        """Writes features into the file if there is room for them; says why if not."""
        held = [block.cpu() for block in made.held]
        header = self._header(made, held)
        if not fits(self.path, len(header) + sum(block.nbytes for block in held), "features"):
            return
        partial = self.path.with_suffix(f".{os.getpid()}{PARTIAL}")
        try:
            with partial.open("wb") as file:
                file.write(header)
                for block in held:
                    block.numpy().tofile(file)
            partial.replace(self.path)
        except OSError as error:
            tell(f"features are not kept in {self.path.parent} ({error.strerror})")
            with suppress(OSError):
                partial.unlink(missing_ok=True)

    def _header(self, made: Extract, held: Sequence[Tensor]) -> bytes:
        """The start of a safetensors file for blocks in RAM: the length of its table of contents, and that table."""
        checks = json.dumps({name: checksum(block) for name, block in zip(self.shapes, held, strict=True)})
        about = {"facts": self.facts, "crc32": checks, "flops": str(made.flops), "seconds": repr(made.seconds)}
        table: dict[str, Any] = {"__metadata__": about}
        end = 0
        for name, block in zip(self.shapes, held, strict=True):
            start, end = end, end + block.nbytes
            table[name] = {"dtype": TYPES[block.dtype], "shape": list(block.shape), "data_offsets": [start, end]}
        text = json.dumps(table).encode()
        text += b" " * (-len(text) % 8)
        return len(text).to_bytes(8, "little") + text


def slot(backbone: Backbone, images: Images, target: Target) -> Slot | None:
    """The file for the features of these images; None for images that lie on no disk, or with the cache off."""
    read = taps(backbone, target)
    whose = str(target) if isinstance(target, LastBlocks) else target
    decides = {"taps": [[tap.name, tap.layout, *tap.shape] for tap in read], "target": whose}
    return _slot(backbone, images, decides, {tap.name: (pooled_width(tap, target),) for tap in read})


def activation_slot(backbone: Backbone, images: Images, place: str, shape: Sequence[int]) -> Slot | None:
    """The file for the activations at a cut of the network, each of this shape; None as for `slot`."""
    return _slot(backbone, images, {"cut": place, "shape": list(shape)}, {f"before {place or 'head'}": tuple(shape)})


def _slot(
    backbone: Backbone, images: Images, read: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]
) -> Slot | None:
    """The file for what is read of these images, tensor by tensor, each with the shape of one image's part."""
    folder = home()
    images = images.images if isinstance(images, PixelCache) else images
    if folder is None or not isinstance(images, CachedImages):
        return None
    decides = {
        "images": f"{images.identity} {len(images)} {backbone.image_size} {RULE}",
        "backbone": [resolve(backbone.spec).name, str(sorted(resolve(backbone.spec).args.items())), backbone.digest],
        "inputs": inputs(backbone),
        "precision": choose_precision(backbone.spec.precision, backbone.device).frozen,
        **read,
        "device": device_name(backbone.device),
    }
    made = {"shelf": VERSION, **{name: version(name) for name in ("torch", "timm", *MAKERS)}}
    name = blake2b(json.dumps(decides).encode(), digest_size=16).hexdigest()
    whole = {tensor: (len(images), *shape) for tensor, shape in shapes.items()}
    return Slot(folder / f"{name}{SUFFIX}", json.dumps(decides | made), whole)


def inputs(backbone: Backbone) -> list[float]:
    """The network's input for a black and for a white pixel: it tells preprocessings apart."""
    levels = torch.tensor([0, 255], dtype=torch.uint8, device=backbone.device).view(2, 1, 1, 1)
    made: list[float] = backbone.inputs(levels.expand(2, 3, 1, 1))[:, :, 0, 0].flatten().tolist()
    return made


def checksum(block: Tensor) -> int:
    """CRC-32 of a tensor's bytes."""
    return zlib.crc32(block.numpy().data)
