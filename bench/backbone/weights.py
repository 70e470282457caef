"""The weights that a backbone spec names: the embedded demo in full, and the digest that goes into a cell's key."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from bench.spec import BackboneSpec, UserError

# The embedded backbone: weights made by pretrain/pretrain_demo.py from formula-driven images.
DEMO_FILE = Path(__file__).parent / "assets" / "demo.safetensors"
DEMO = BackboneSpec(
    name="resnet18",
    checkpoint=DEMO_FILE,
    args={
        "layers": (1, 1, 1, 1),
        "channels": (32, 64, 128, 192),
        "stem_type": "deep",  # three 3 x 3 convolutions in place of a 7 x 7, which is coarse for 32 pixels
        "stem_width": 16,
        "output_stride": 16,  # the last map keeps 2 x 2 cells
    },
    image_size=32,
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
)


def resolve(spec: BackboneSpec) -> BackboneSpec:
    """The spec in timm's terms: `demo` in full, any other as it is. What the user states wins."""
    if spec.name != "demo":
        return spec
    stated: dict[str, Any] = {
        name: value
        for name in ("checkpoint", "image_size", "mean", "std")
        if (value := getattr(spec, name)) is not None
    }
    return replace(
        DEMO,
        **stated,
        args={**DEMO.args, **spec.args},
        precision=spec.precision,
        compile=spec.compile,
        preprocess=spec.preprocess,
    )


def weights_digest(spec: BackboneSpec) -> str:
    """Identifies the pretrained weights: the digest of their file, or their name on the hub.

    Raises UserError when the file is not there.
    """
    path = resolve(spec).checkpoint
    if path is None:
        return f"hub:{spec.name}"
    if not path.is_file():
        raise UserError(f"there is no checkpoint file {path}; name a .safetensors or .pth file with --checkpoint")
    return _file_digest(path, path.stat().st_mtime_ns)


@lru_cache
def _file_digest(path: Path, _modified: int) -> str:
    with path.open("rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
