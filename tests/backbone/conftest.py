"""What the tests of backbones share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.backbone.network import TimmBackbone


@pytest.fixture
def passes(backbone: TimmBackbone) -> Iterator[list[int]]:
    """A list to which each forward pass adds how many images it was over."""
    assert backbone.taps  # finding them takes one more pass
    sizes: list[int] = []
    handle = backbone.module.register_forward_hook(lambda module, given, output: sizes.append(len(given[0])))
    yield sizes
    handle.remove()
