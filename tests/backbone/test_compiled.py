"""--compile: the same training from compiled blocks, all FLOPs counted; and going on where compiling fails."""

from __future__ import annotations

import shutil
from functools import partial

import numpy as np
import pytest
import timm
import torch

from bench.adapt.train import Recipe, train
from bench.backbone.network import TimmBackbone
from bench.costs.meter import Meter
from bench.spec import BackboneSpec, Split

CPU = torch.device("cpu")


class Noise:
    """Random pictures."""

    def __len__(self) -> int:
        return 8

    def decode(self, index: int) -> np.ndarray:
        return np.random.default_rng(index).integers(0, 256, (32, 32, 3), dtype=np.uint8)


def trained(compile_it: bool) -> tuple[TimmBackbone, Meter]:
    """A training of two epochs in batches of four."""
    torch.manual_seed(0)
    arguments = {"depth": 2, "img_size": 32, "embed_dim": 48}
    module = timm.create_model("vit_tiny_patch16_224", **arguments)
    backbone = TimmBackbone(BackboneSpec("vit_tiny_patch16_224", compile=compile_it), module, CPU)
    backbone.image_size = 32
    network, meter = backbone.network(2).train(), Meter(CPU)
    train(backbone, network, Split(Noise(), np.arange(8) % 2, 2), Recipe(2, 1e-3, 4, 0.01, 0.1), meter)
    meter.stop()
    return backbone, meter


def same(one: Meter, two: Meter) -> bool:
    """Whether two trainings were charged the same FLOPs and had the same losses."""
    losses = zip(one.curves["loss"], two.curves["loss"], strict=True)
    return one.flops == two.flops and all(a == pytest.approx(b, abs=1e-4) for a, b in losses)


def test_where_compiling_fails_training_goes_on_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    def broken(_graph: object, _inputs: object) -> None:
        raise RuntimeError("no compiler was found")

    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=broken))
    torch._dynamo.reset()
    backbone, meter = trained(compile_it=True)
    assert not backbone.compiled
    said = capsys.readouterr().err
    assert said.count("going on without it") == 1 and "no compiler was found" in said
    assert same(meter, trained(compile_it=False)[1])


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler on a CPU")
@pytest.mark.filterwarnings("ignore")  # of torch itself, while it compiles
def test_compiled_blocks_train_alike_and_every_flop_is_counted() -> None:
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    backbone, meter = trained(compile_it=True)
    assert backbone.compiled and torch._dynamo.utils.counters["stats"]["unique_graphs"] > 0
    assert same(meter, trained(compile_it=False)[1])
