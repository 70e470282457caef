"""ImageNet with its shifted test sets, as small folders of classes."""

from __future__ import annotations

from dataclasses import replace
from hashlib import md5
from pathlib import Path

import pytest

from bench.registry import TASKS
from bench.spec import Task, UserError
from tasks import ood
from tasks.readers.imagenet import ImageNet
from tasks.readers.shift import wholeness
from tests import archives

WNIDS = ("n01440764", "n01443537", "n02099601")


def tiny(folder: Path, wnids: tuple[str, ...], first: int, count: int = 1) -> None:
    """`count` images a class, of shade first + 20 * class."""
    for wnid in wnids:
        shade = first + 20 * (WNIDS.index(wnid) if wnid in WNIDS else int(wnid))
        files = {f"{wnid}/{wnid}_{number}.JPEG": archives.image(shade) for number in range(count)}
        archives.write_folder(folder, files)


def few_shots() -> Task:
    (task,) = TASKS.select(["ood/imagenet"]).values()
    return replace(task, classes=3, find=ImageNet(task.name, 3, (4, 2), ood.BOTH, task.source).find)


def test_imagenet_is_adapted_to_in_few_shots_and_judged_whole(tmp_path: Path) -> None:
    tiny(tmp_path / "imagenet/train", WNIDS, 0, 12)
    tiny(tmp_path / "imagenet/val", WNIDS, 10, 5)
    tiny(tmp_path / "imagenetv2-matched-frequency-format-val", ("0", "1", "2"), 100)
    tiny(tmp_path / "imagenet-r", WNIDS[1:], 120, 2)
    (tmp_path / "imagenet-r" / "README.txt").write_text("about")
    tiny(tmp_path / "sketch", WNIDS, 140)
    task = few_shots()
    held = task.find(tmp_path)
    data = held.load()
    assert (held.train_images, held.test_images) == (18, 15 + 3 + 4 + 3 + 10)
    assert held.test_images == sum(len(test.labels) for test in data.tests.values())
    assert held.place == tmp_path / "imagenet"
    assert held.exactness == (
        "51 images where 1,331,167 were published (train, val); "
        "10 images where 90,889 were published (imagenet-v2, imagenet-r, imagenet-sketch)"
    )
    assert data.train.validation == 6 and data.train.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4 + [0, 0, 1, 1, 2, 2]
    assert list(data.tests) == ["test", "ood/imagenet_v2", "id/imagenet_r", "ood/imagenet_r", "ood/imagenet_sketch"]
    names = data.train.images.names  # type: ignore[attr-defined]
    keys = [f"{WNIDS[0]}/{WNIDS[0]}_{number}.JPEG" for number in range(12)]
    assert [*names[:4], *names[12:14]] == sorted(keys, key=lambda key: md5(key.encode()).digest())[:6]
    for name, shade in {"test": 10, "ood/imagenet_v2": 100, "ood/imagenet_r": 120, "ood/imagenet_sketch": 140}.items():
        split = data.tests[name]
        for at, label in enumerate(split.labels):
            assert abs(int(split.images.decode(at)[1, 1, 0]) - shade - 20 * label) <= 2
    assert data.tests["ood/imagenet_r"].possible == frozenset({1, 2})
    assert data.tests["ood/imagenet_v2"].possible is None
    own = data.tests["id/imagenet_r"]
    assert own.possible == frozenset({1, 2}) and own.labels.tolist() == [1] * 5 + [2] * 5
    assert abs(int(own.images.decode(0)[1, 1, 0]) - 30) <= 2


def test_sets_are_exact_when_each_has_all_its_images() -> None:
    assert wholeness("exact", {"a": (3, 3), "b": (4, 4)}) == "exact"
    assert wholeness("exact", {"a": (3, 3), "b": (2000, 4)}) == "2,000 images where 4 were published (b)"


def test_imagenet_with_flat_validation_images_is_refused(tmp_path: Path) -> None:
    tiny(tmp_path / "imagenet/train", WNIDS, 0, 12)
    archives.write_folder(tmp_path / "imagenet/val", {"ILSVRC2012_val_00000001.JPEG": archives.image(1)})
    tiny(tmp_path / "imagenet-a", WNIDS[:1], 0)
    task = few_shots()
    with pytest.raises(UserError, match="val has no images in class folders"):
        task.find(tmp_path)
    tiny(tmp_path / "imagenet/val", WNIDS[:2], 0)
    with pytest.raises(UserError, match=r"no images in a folder n02099601; sort the validation images into"):
        task.find(tmp_path)
