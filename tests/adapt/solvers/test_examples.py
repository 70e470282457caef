"""The examples that a head is solved from."""

from __future__ import annotations

from dataclasses import replace

import torch

from bench.adapt.solvers.examples import read_examples
from bench.backbone.features import TaskImages
from bench.backbone.network import load
from bench.costs.meter import Meter
from bench.spec import BackboneSpec
from tests.methods.test_contract import CPU, backbone, split_of


def test_examples_are_those_of_their_split() -> None:
    split, meter = split_of("demo/count"), Meter(CPU)
    examples = read_examples(backbone(), split, 64, meter)
    assert torch.equal(examples.labels, torch.from_numpy(split.labels))
    assert examples.matrix.shape == (len(split.labels), sum(examples.features.widths))
    assert len(examples.taps) == len(examples.features.held)
    assert meter.flops == meter.shared_flops > 0


def test_fitted_examples_are_those_of_the_fitted_split() -> None:
    split = split_of("demo/count")
    part = read_examples(backbone(), split, None, Meter(CPU)).fitted()
    same = read_examples(backbone(), split.fitted(), None, Meter(CPU))
    assert part.learnt == same.learnt == split.fitted().learnt
    assert torch.equal(part.labels, same.labels)
    assert torch.equal(part.matrix, same.matrix)


def test_beside_an_apple_gpu_heads_are_solved_on_the_cpu() -> None:
    """It has no float64. No operation of this test runs on it."""
    network = load(BackboneSpec("demo", precision="fp32"), CPU)
    split = split_of("demo/count")
    split = replace(split, images=TaskImages(split.images, network))
    split.images.prepare([None], Meter(CPU))
    network.device = torch.device("mps")
    examples = read_examples(network, split, None, Meter(CPU))
    assert examples.device == examples.matrix.device == CPU
