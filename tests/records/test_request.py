"""What is asked of a comparison: backbones, each with its own file and arguments."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.records.request import Request
from bench.spec import UserError


def test_each_backbone_has_its_own_file_and_arguments() -> None:
    asked = Request(
        backbone=["a", "hf-hub:x/b", "a"], checkpoint=["hf-hub:x/b=w=1.pth"],
        backbone_arg=["depth=6", "a:pad_type=same", "hf-hub:x/b:depth=7"], image_size=96,
    )  # fmt: skip
    first, second = asked.specs
    assert (first.name, first.checkpoint, first.args) == ("a", None, {"depth": 6, "pad_type": "same"})
    assert (second.name, second.checkpoint, second.args) == ("hf-hub:x/b", Path("w=1.pth"), {"depth": 7})
    assert first.image_size == second.image_size == 96


def test_the_file_of_one_backbone_needs_no_name() -> None:
    (spec,) = Request(backbone=["resnet18"], checkpoint=["w=2.pth"]).specs
    assert spec.checkpoint == Path("w=2.pth")


@pytest.mark.parametrize(
    ("backbone", "checkpoint", "says"),
    [
        ([], [], "no backbone was named"),
        (["a", "b"], ["w.pth"], "whose weights are in w.pth"),
        (["a", "b"], ["c=w.pth"], "whose weights are in c=w.pth"),
        (["a"], ["w.pth", "v.pth"], "a has two files of weights"),
        (["a", "b"], ["a=w.pth", "a=v.pth"], "a has two files of weights"),
    ],
)
def test_a_wrong_file_of_weights_is_told(backbone: list[str], checkpoint: list[str], says: str) -> None:
    with pytest.raises(UserError, match=says):
        _ = Request(backbone=backbone, checkpoint=checkpoint).specs
