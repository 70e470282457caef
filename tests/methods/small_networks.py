"""One small network of each family, with random weights as lively as pretrained ones, for tests of trained methods."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import timm
import torch
from torch import nn

from bench.backbone.network import TimmBackbone
from bench.spec import BackboneSpec

CPU = torch.device("cpu")
PLAIN: Mapping[str, Any] = {"embed_dim": 48, "depth": 2, "num_heads": 3, "patch_size": 8, "img_size": 32}
WINDOWS: Mapping[str, Any] = {"embed_dim": 24, "depths": (1, 1), "num_heads": (2, 4), "window_size": 4, "img_size": 64}
NETWORKS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "ViT": ("vit_tiny_patch16_224", PLAIN),
    "BEiT": ("beit_base_patch16_224", PLAIN),
    "EVA-02": ("eva02_tiny_patch14_224", PLAIN),
    "Swin": ("swin_tiny_patch4_window7_224", WINDOWS),
    "Swin V2": ("swinv2_tiny_window8_256", WINDOWS),
    "ConvNeXt": ("convnext_atto", {"depths": (1, 1, 1, 1), "dims": (16, 16, 32, 32), "conv_mlp": False}),
    "ResNet": ("test_resnet", {}),
    "MobileNet": ("test_efficientnet", {}),
    "hybrid": ("vit_tiny_r_s16_p8_224", {"embed_dim": 48, "depth": 1, "num_heads": 3, "img_size": 32}),
}


@lru_cache
def small(family: str) -> TimmBackbone:
    """The network; its biases are not zero, and no scale shuts its blocks."""
    torch.manual_seed(0)
    name, arguments = NETWORKS[family]
    module = timm.create_model(name, **arguments).eval()
    for key, weight in module.named_parameters():
        if weight.ndim == 1:
            nn.init.normal_(weight, float(key.endswith("weight") or "gamma" in key), 0.1)
    return TimmBackbone(BackboneSpec(name, args=arguments, image_size=arguments.get("img_size", 32)), module, CPU)


def images_for(backbone: TimmBackbone, count: int = 2) -> torch.Tensor:
    """Random pixels, uint8 (count, 3, size, size)."""
    size = (count, 3, backbone.image_size, backbone.image_size)
    return torch.randint(0, 256, size, dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
