"""Preprocessing as timm states it: the same pixels and logits as timm's own pipeline, in runs and in predictions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image

import bench
from bench.backbone.network import load
from bench.images.pixel_cache import CachedImages
from bench.images.pixels import every
from bench.images.view import View
from bench.runs.plan import backbone_facts
from bench.spec import BackboneSpec, Data, Split, Subset, UserError

CPU = torch.device("cpu")
WIDE = BackboneSpec("demo", image_size=48, preprocess="timm")


class Photos:
    """Pictures of several shapes, none of them square."""

    shapes = ((60, 90), (120, 64), (30, 47))

    def __len__(self) -> int:
        return len(self.shapes)

    def decode(self, index: int) -> np.ndarray:
        """Noise with a gradient, uint8 (height, width, 3)."""
        height, width = self.shapes[index]
        noise = np.random.default_rng(index).integers(0, 60, (height, width, 3))
        return (noise + np.linspace(0, 190, width)[None, :, None]).astype(np.uint8)


def test_a_network_sees_what_timm_s_own_pipeline_gives_it() -> None:
    backbone, photos = load(WIDE, CPU), Photos()
    assert backbone.view is not None
    stated = timm.data.resolve_model_data_config(backbone.module)
    stated |= {"input_size": (3, 48, 48), "mean": backbone.mean, "std": backbone.std}
    whole = timm.data.create_transform(**stated)
    theirs = torch.stack([whole(Image.fromarray(photos.decode(at))) for at in range(len(photos))])
    pixels = every(backbone.view.images(photos), backbone.image_size)
    assert pixels.shape == (3, 3, 48, 48)
    with torch.no_grad():
        ours = backbone.module(backbone.inputs(pixels))
        assert torch.allclose(ours, backbone.module(theirs), atol=1e-5)
        stretched = backbone.module(load(replace(WIDE, preprocess="vtab"), CPU).inputs(every(photos, 48)))
    assert (ours - stretched).abs().max() > 1e-3


def test_what_splits_share_stays_shared_and_the_cache_tells_it_from_stretched_pictures() -> None:
    view = load(WIDE, CPU).view
    assert view is not None
    photos, labels = Photos(), np.zeros(3, np.int64)
    stored = Subset(photos, [0, 1])
    data = Data(
        Split(CachedImages(photos, "x train"), labels, 2),
        {"test": Split(CachedImages(photos, "x test"), labels, 2), "id/a": Split(stored, labels[:2], 2)},
    )
    seen = view.data(data)
    train, test, part = seen.train.images, seen.tests["test"].images, seen.tests["id/a"].images
    assert isinstance(train, CachedImages) and train.identity.startswith("x train timm: ")
    assert isinstance(test, CachedImages) and isinstance(part, Subset) and part.images is test.images


def test_tasks_that_come_and_go_never_see_each_other_s_pictures() -> None:
    """Objects that are gone leave their identities to new ones."""
    view = load(WIDE, CPU).view
    assert view is not None
    for number in range(100):
        labels, photos = np.zeros(3, np.int64), Photos()
        seen = view.data(Data(Split(CachedImages(photos, f"{number}"), labels, 2), {})).train.images
        assert isinstance(seen, CachedImages) and seen.identity.startswith(f"{number} timm: ")
        assert isinstance(seen.images, View) and seen.images.images is photos


def test_it_decides_the_key_and_leaves_all_others_as_they_were() -> None:
    assert "preprocess" not in backbone_facts(BackboneSpec("demo"))
    assert backbone_facts(WIDE)["preprocess"] == "timm"


def test_a_winner_predicts_as_it_was_evaluated(tmp_path: Path) -> None:
    found = bench.compare(["linear_probe"], "demo/cells", WIDE, results=tmp_path / "run", track=False)
    (cell,) = found.store.results()
    assert str(cell.network.resize).startswith("timm: ")
    winner = found.export("linear_probe", "demo/cells", to=tmp_path / "winner")
    adapted = bench.load_winner(winner)
    Image.fromarray(Photos().decode(0)).save(tmp_path / "photo.png")
    told = adapted.predict(tmp_path / "photo.png")
    loaded = adapted.loaded
    assert loaded.backbone.view is not None
    pixels = every(loaded.backbone.view.images(Photos()), 48)[:1]
    best = loaded.probabilities(pixels).max()
    assert told["probability"][0] == pytest.approx(float(best), abs=1e-5)
    note = winner / "adapted.json"
    note.write_text(note.read_text().replace("antialiased, center", "antialiased, border"))
    with pytest.raises(UserError, match="install the version of timm"):
        bench.load_winner(winner)
