"""Features kept on disk: read back as they were, at the cost that was measured, and never when anything is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from bench.backbone.feature_cache import slot
from bench.backbone.features import TaskImages, features
from bench.backbone.network import TimmBackbone, load
from bench.costs.meter import Meter
from bench.images import disk_cache
from bench.images import pixel_cache as cache
from bench.spec import BackboneSpec, Subset

CPU = torch.device("cpu")


class Noise:
    """Random pictures."""

    def __len__(self) -> int:
        return 20

    def decode(self, index: int) -> np.ndarray:
        return np.random.default_rng(index).integers(0, 256, (32, 32, 3), dtype=np.uint8)


@pytest.fixture
def backbone() -> TimmBackbone:
    return load(BackboneSpec("demo"), CPU)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HEAD2HEAD_CACHE", str(tmp_path))
    disk_cache.tell.cache_clear()
    return tmp_path


def images() -> cache.CachedImages:
    """The same pictures under another id, as another run opens them."""
    return cache.CachedImages(Noise(), "noise train")


def asked(backbone: TimmBackbone, target: int | None = 64) -> tuple[torch.Tensor, Meter]:
    """Features as a new run gets them, and what it is charged."""
    meter = Meter(CPU)
    return features(backbone, images(), target, meter).concatenated(), meter


def test_a_later_run_reads_them_and_is_charged_in_full(backbone: TimmBackbone, passes: list[int], folder: Path) -> None:
    first, charged = asked(backbone)
    again, later = asked(backbone)
    embedding, alone = asked(backbone, None)
    assert sum(passes) == 20
    assert torch.equal(first, again)
    assert (later.flops, later.seconds) == (charged.flops, charged.seconds)
    assert alone.flops == charged.flops
    assert 0 < alone.seconds < charged.seconds  # it pools nothing
    assert embedding.shape == (20, backbone.module.num_features)
    assert {path.suffix for path in folder.iterdir()} == {".safetensors"}


def test_a_part_and_more_targets_take_what_is_there(backbone: TimmBackbone, passes: list[int], folder: Path) -> None:
    whole, _ = asked(backbone)
    kept = TaskImages(images(), backbone)
    kept.prepare([64, 256], Meter(CPU))
    part = features(backbone, Subset(kept, range(5, 9)), 64, Meter(CPU))
    assert sum(passes) == 40  # once more for 256 alone
    assert torch.equal(part.concatenated(), whole[5:9])


def test_half_precision_is_what_a_fresh_pass_gives_too(backbone: TimmBackbone, folder: Path) -> None:
    fresh = features(backbone, images(), 64, Meter(CPU))
    kept = features(backbone, images(), 64, Meter(CPU))
    assert {block.dtype for block in fresh.held} == {torch.float16}
    assert [block.dtype for block in kept.held] == [block.dtype for block in fresh.held]
    assert all(block.dtype == torch.float32 for block in kept.blocks)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def edited(old: bytes, new: bytes) -> Callable[[Path], None]:
    def edit(path: Path) -> None:
        content = path.read_bytes()
        assert old in content
        path.write_bytes(content.replace(old, new, 1))

    return edit


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (cut, "cannot be read"),
        (flip, "are damaged"),
        (empty, "cannot be read"),
        (edited(b'\\"shelf\\": \\"1\\"', b'\\"shelf\\": \\"0\\"'), "are of another version"),
        (edited(b'"shape": [20, ', b'"shape": [10, '), "cannot be read"),
        (edited(b'"F16", "shape": [20, 64]', b'"F16", "shape": [64, 20]'), "have another shape"),
    ],
)
def test_what_is_wrong_is_said_and_computed_again(
    backbone: TimmBackbone,
    passes: list[int],
    folder: Path,
    damage: Callable[[Path], None],
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    first, _ = asked(backbone)
    place = slot(backbone, images(), 64)
    assert place is not None
    damage(place.path)
    again, _ = asked(backbone)
    assert said in capsys.readouterr().err
    assert torch.equal(first, again)
    assert sum(passes) == 40
    asked(backbone)
    assert sum(passes) == 40  # and it was written anew


def test_a_disk_too_small_is_said_before_anything_is_written(
    backbone: TimmBackbone, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(disk_cache.shutil, "disk_usage", lambda path: SimpleNamespace(free=disk_cache.SPARE + 1000))
    read, _ = asked(backbone)
    assert len(read) == 20
    assert "GB of features are not kept" in capsys.readouterr().err
    assert not list(folder.iterdir())


def test_a_disk_that_fills_while_writing_costs_nothing_else(
    backbone: TimmBackbone, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    read, _ = asked(backbone)
    assert len(read) == 20
    assert "features are not kept" in capsys.readouterr().err
    assert not [path for path in folder.iterdir() if path.suffix == ".part"]


def test_other_weights_preprocessing_or_targets_are_other_files(backbone: TimmBackbone, folder: Path) -> None:
    def path(network: TimmBackbone, target: int | None) -> str:
        place = slot(network, images(), target)
        assert place is not None
        return place.path.name

    other = load(BackboneSpec("demo"), CPU)
    with torch.no_grad():
        next(other.module.parameters()).mul_(1.001)
    darker = load(BackboneSpec("demo", mean=(0.4,)), CPU)
    smaller = load(BackboneSpec("demo", image_size=16), CPU)
    paths = [path(backbone, None), path(backbone, 64), path(backbone, 65)]
    paths += [path(network, 64) for network in (other, darker, smaller)]
    assert len(set(paths)) == len(paths)
    assert path(load(BackboneSpec("demo"), CPU), 64) == paths[1]


def test_pictures_drawn_in_memory_are_not_kept(backbone: TimmBackbone, folder: Path) -> None:
    features(backbone, Noise(), 64, Meter(CPU))
    assert not list(folder.iterdir())


def test_the_file_is_plain_safetensors(backbone: TimmBackbone, folder: Path) -> None:
    from safetensors import safe_open

    read, charged = asked(backbone)
    place = slot(backbone, images(), 64)
    assert place is not None
    with safe_open(place.path, "np") as file:
        about = file.metadata()
        stacked = np.concatenate([file.get_tensor(name) for name in place.shapes], axis=1)
    assert int(about["flops"]) == charged.flops
    assert json.loads(about["facts"])["target"] == 64
    assert np.array_equal(stacked.astype(np.float32), read.numpy())
