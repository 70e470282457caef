"""Domain folders as tasks: what is adapted to, what is judged, how copies are found, and what is said of unfit ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.images.pixel_cache import CachedImages, cached
from bench.registry import TASKS
from bench.spec import Data, DataMissing, Split, Task, UserError
from tasks import ood
from tasks.readers.pixels import Encoded
from tests import archives
from tests.command_line import bench, records

LINEAR = ("--methods", "linear_probe", "--device", "cpu")
PACS = ("photo", "art_painting", "cartoon", "sketch")


def named(name: str) -> Task:
    (task,) = TASKS.select([name]).values()
    return task


def opened(name: str, data: Path) -> Data:
    task = named(name)
    return task.find(data).load()


def names(split: Split) -> list[str]:
    assert isinstance(split.images, Encoded)
    return list(split.images.names)


def fill(root: Path, domains: tuple[str, ...], classes: tuple[str, ...] = ("cat", "dog"), count: int = 10) -> Path:
    """Images of one shade each, which tells domain and class apart."""
    for at, domain in enumerate(domains):
        for label, name in enumerate(classes):
            shade = 20 * at + 5 * label
            blob = archives.image(shade, "png")
            archives.write_folder(root / domain, {f"{name}/{number:03}.png": blob for number in range(count)})
    return root


def test_pacs_adapts_to_one_domain_and_judges_the_others_whole(real: Path) -> None:
    data = opened("ood/pacs/photo", real / "domains")
    assert list(data.tests) == ["test", "ood/art_painting", "ood/cartoon", "ood/sketch"]
    assert [len(test.labels) for test in data.tests.values()] == [200, 210, 210, 210]
    assert (len(data.train.labels), data.train.validation, data.train.classes) == (602, 119, 7)
    own = [*names(data.train), *names(data.tests["test"])]
    assert len(set(own)) == len(own) == 802
    for test in data.tests.values():
        classes = sorted({name.partition("/")[0] for name in names(test)})
        assert classes == ["dog", "elephant", "giraffe", "guitar", "horse", "house", "person"]
        assert [classes[label] for label in test.labels] == [name.partition("/")[0] for name in names(test)]
        assert test.possible is None and test.images.decode(0).dtype == np.uint8
    assert data.train.augment == {"flip", "shift"}
    found = named("ood/pacs/photo").find(real)
    assert found.place == real / "domains" / "pacs"
    assert found.exactness == ("1,432 images where 9,991 were published (photo, art_painting, cartoon, sketch)")
    assert found.test_images == sum(len(test.labels) for test in data.tests.values())


def test_pacs_is_identified_alike_wherever_it_lies(real: Path, tmp_path: Path) -> None:
    (tmp_path / "kfold").symlink_to(real / "domains" / "pacs")
    task = named("ood/pacs/sketch")
    prints = [task.find(data).fingerprint for data in (real, real / "domains", real / "domains/pacs", tmp_path)]
    assert len(set(prints)) == 1
    other = named("ood/pacs/photo")
    assert other.find(real).fingerprint != prints[0]


@pytest.mark.parametrize(
    ("task", "folders"),
    [
        ("ood/pacs/photo", ("Photo", "Art Painting", "CARTOON", "sketch")),
        ("ood/vlcs/sun09", ("Caltech101", "LabelMe", "SUN09", "VOC2007")),
        ("ood/officehome/real_world", ("Art", "Clipart", "Product", "RealWorld")),
        ("ood/terraincognita/location_38", ("location_100", "location_38", "location_43", "location_46")),
        ("ood/domainnet/real", ("real", "sketch")),
    ],
)
def test_sets_are_found_under_their_usual_names(tmp_path: Path, task: str, folders: tuple[str, ...]) -> None:
    fill(tmp_path / "whatever" / "it_is_called", folders)
    data = opened(task, tmp_path)
    assert len(data.tests) == len(folders)
    assert f"ood/{task.rpartition('/')[2]}" not in data.tests
    assert all(len(test.labels) == 20 for name, test in data.tests.items() if name != "test")


def test_a_set_is_not_taken_for_another_with_domains_of_the_same_names(tmp_path: Path) -> None:
    fill(tmp_path / "OfficeHome", ("Art", "Clipart", "Product", "Real"))
    assert len(opened("ood/officehome/real_world", tmp_path).tests) == 4
    with pytest.raises(DataMissing, match="put the folders real, sketch"):
        opened("ood/domainnet/real", tmp_path)


def test_images_and_labels_belong_together(tmp_path: Path) -> None:
    data = opened("ood/pacs/cartoon", fill(tmp_path, PACS))
    for name, shade in {"test": 40, "ood/photo": 0, "ood/art_painting": 20, "ood/sketch": 60}.items():
        split = data.tests[name]
        pixels = [int(split.images.decode(at)[0, 0, 0]) for at in range(len(split.labels))]
        assert pixels == [shade + 5 * label for label in split.labels]


def test_a_large_source_is_adapted_to_in_part(tmp_path: Path) -> None:
    data = opened("ood/domainnet/real", fill(tmp_path, ("real", "sketch"), count=40))
    assert (len(data.train.labels), data.train.validation) == (20, 4)
    assert [len(test.labels) for test in data.tests.values()] == [20, 80]
    for labels in (data.train.labels[:-4], data.train.labels[-4:], data.tests["test"].labels):
        assert len(set(np.bincount(labels))) == 1


def test_only_classes_that_all_domains_have_are_used(tmp_path: Path) -> None:
    fill(tmp_path, PACS, ("cat", "cow", "dog"))
    for path in (tmp_path / "sketch" / "cow").iterdir():
        path.unlink()
    data = opened("ood/pacs/photo", tmp_path)
    assert data.train.classes == 2
    assert {name.partition("/")[0] for name in names(data.tests["ood/cartoon"])} == {"cat", "dog"}


def test_domains_are_exact_when_they_have_their_published_numbers_of_images(tmp_path: Path) -> None:
    (kind,) = (kind for kind in ood.SETS if kind.name == "pacs")
    domains = {name: replace(domain, images=20) for name, domain in kind.domains.items()}
    task = ood.domain_task(replace(kind, domains=domains), "photo")
    found = task.find(fill(tmp_path, PACS))
    assert (found.place, found.exactness) == (tmp_path, "exact")


def test_prepared_images_of_domains_are_kept(tmp_path: Path) -> None:
    found = named("ood/pacs/photo").find(fill(tmp_path, PACS))
    assert isinstance(cached(found).load().tests["ood/sketch"].images, CachedImages)


def test_any_change_is_another_data_set(tmp_path: Path) -> None:
    task = named("ood/pacs/photo")
    fill(tmp_path, PACS)
    before = task.find(tmp_path).fingerprint
    assert task.find(tmp_path).fingerprint == before
    (tmp_path / "sketch/cat/000.png").write_bytes(archives.image(99, "png"))
    assert task.find(tmp_path).fingerprint != before


def test_absent_domains_are_one_sentence(tmp_path: Path) -> None:
    fill(tmp_path, PACS[:3])
    with pytest.raises(DataMissing, match=r"put the folders photo, art_painting, cartoon, sketch of PACS \(each"):
        opened("ood/pacs/photo", tmp_path)


def test_domains_without_common_classes_are_refused(tmp_path: Path) -> None:
    fill(tmp_path, PACS[:3])
    fill(tmp_path, PACS[3:], ("Katze", "Hund"))
    with pytest.raises(UserError, match=r"have 0 classes in common .*; name the class folders alike"):
        opened("ood/pacs/photo", tmp_path)


def test_your_own_domains_are_a_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path / "shop", ("studio", "street", "web"))
    (tmp_path / "shop" / "notes").mkdir()
    monkeypatch.chdir(tmp_path)
    task = named("domains:shop/studio")
    assert (task.name, task.classes, task.size) == ("domains:shop/studio", 2, "12 + 4 / 4 and 40 shifted")
    data = task.find(Path("unused")).load()
    assert list(data.tests) == ["test", "ood/street", "ood/web"] and data.train.augment == {"flip", "shift"}
    found = task.find(Path("unused"))
    assert (found.place, found.exactness) == (tmp_path / "shop", "exact")
    with pytest.raises(UserError, match=r"there is no folder .*; name the domain to adapt to"):
        named("domains:shop/moon")
    with pytest.raises(UserError, match="has no other domain beside it"):
        named("domains:shop")


def test_a_run_records_every_domain_and_reports_the_drop(tmp_path: Path) -> None:
    fill(tmp_path / "data", PACS)
    bench(*LINEAR, "--tasks", "ood/pacs/photo", "--data", tmp_path / "data", "--results", tmp_path / "run")
    (record,) = records(tmp_path / "run")
    assert list(record["accuracy"]) == ["test", "ood/art_painting", "ood/cartoon", "ood/sketch"]
    assert (
        record["group"] == "pacs" and record["accuracy"]["test"] == 1.0
    )  # a shade a class: easy, where it is not shifted
    report = (tmp_path / "run" / "report" / "table.md").read_text()
    assert "mean change over 3 shifts" in report and "Effective robustness is not computed on photo" in report


@pytest.mark.slow
def test_photos_of_pacs_teach_more_about_photos_than_about_sketches(real: Path, tmp_path: Path) -> None:
    bench(*LINEAR, "--tasks", "ood/pacs/photo", "--data", real / "domains", "--results", tmp_path)
    (record,) = records(tmp_path)
    found = record["accuracy"]
    assert found["test"] > 0.5 > found["ood/sketch"] and found["test"] > found["ood/cartoon"] + 0.1
