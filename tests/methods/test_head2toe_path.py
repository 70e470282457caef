"""The methods built on the exact solver: what they choose, with and without validation images, and what is scored."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from bench.adapt.probe import Probe
from bench.backbone.features import features
from bench.costs.meter import Meter
from bench.spec import Split, UserError
from methods.all_features import AllFeatures
from methods.head2toe_path import Head2ToePath
from tests.methods.test_contract import CPU, backbone, split_of


def fitted(method: Head2ToePath | AllFeatures, train: Split) -> Probe:
    probe = method.fit(backbone(), train, Meter(CPU))
    assert isinstance(probe, Probe)
    return probe


def test_without_validation_images_the_last_fifth_chooses() -> None:
    train = split_of("demo/count")
    fifth = len(train.labels) // 5
    for method in (Head2ToePath(target=64, penalty=None), AllFeatures(target=64)):
        without, told = fitted(method, replace(train, validation=0)), fitted(method, replace(train, validation=fifth))
        assert torch.equal(without.weight, told.weight)


def test_a_penalty_decides_which_features_and_keep_how_many() -> None:
    train = split_of("demo/count")
    strong, weak, fewer = (
        fitted(Head2ToePath(target=64, penalty=penalty, keep=keep), train)
        for penalty, keep in ((0.3, 0.5), (0.05, 0.5), (0.05, 0.2))
    )
    assert strong.selected is not None
    assert weak.selected is not None
    assert fewer.selected is not None
    images = len(train.labels)
    assert len(strong.selected) == len(weak.selected) == images // 2
    assert not torch.equal(strong.selected, weak.selected)
    assert len(fewer.selected) == round(images / 5)
    assert set(fewer.selected.tolist()) < set(weak.selected.tolist())
    with pytest.raises(UserError, match="keeps no feature"):
        fitted(Head2ToePath(target=64, penalty=1.0), train)


def test_twice_as_many_features_are_ranked_as_are_kept() -> None:
    train = split_of("demo/count")
    gently, strongly = (
        fitted(Head2ToePath(target=512, keep=2.5, ranking_l2=l2), train).selected for l2 in (0.0005, 0.1)
    )
    assert gently is not None
    assert strongly is not None
    assert len(gently) == len(strongly) == round(2.5 * len(train.labels))
    assert not torch.equal(gently, strongly)


def test_ranks_need_a_penalty() -> None:
    with pytest.raises(UserError, match="ranking_l2 of head2toe_path is at least 1e-05, not 0"):
        Head2ToePath(ranking_l2=0.0)


def test_features_are_scaled_by_their_whole_tap() -> None:
    train = split_of("demo/digits")
    probe = fitted(Head2ToePath(target=64), train)
    assert probe.selected is not None
    read = features(backbone(), train.images, 64, Meter(CPU))
    whole = torch.cat([block / block.norm(dim=1, keepdim=True).clamp_min(1e-12) for block in read.blocks], dim=1)
    expected = whole[:, probe.selected] @ probe.weight + probe.bias
    assert torch.allclose(probe.score(read), expected, atol=1e-4)
    hits = (expected.argmax(1) == torch.from_numpy(train.labels)).float().mean()
    assert hits > 0.8
