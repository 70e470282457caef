"""`folder:PATH`: splits, identity, formats, and what is said about folders that cannot serve."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image

import tasks  # noqa: F401  (registers the scheme)
from bench.registry import TASKS
from bench.spec import Data, Task, UserError


def folder_task(path: Path | str) -> Task:
    (task,) = TASKS.select([f"folder:{path}"]).values()
    return task


def opened(path: Path | str) -> Data:
    task = folder_task(path)
    return task.find(Path("unused")).load()


def fingerprint(path: Path) -> str:
    task = folder_task(path)
    return task.find(Path("unused")).fingerprint


def picture(seed: int = 0, size: tuple[int, int] = (12, 8)) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))


def fill(folder: Path, count: int, classes: tuple[str, ...] = ("cat", "dog")) -> Path:
    for number, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for index in range(count):
            picture(1000 * number + index).save(folder / name / f"{index:03}.png")
    return folder


def test_a_plain_folder_is_split_within_each_class(tmp_path: Path) -> None:
    data = opened(fill(tmp_path / "pets", 20))
    assert (len(data.train.labels), data.train.validation, len(data.tests["test"].labels)) == (30, 6, 10)
    assert data.train.classes == 2 and data.train.labels.dtype == np.int64
    assert data.train.augment == {"flip", "shift"} and not data.tests["test"].augment
    for labels in (data.tests["test"].labels, data.train.labels[-6:], data.train.labels[:-6]):
        assert len(set(np.bincount(labels))) == 1


def test_the_split_is_the_same_on_every_machine(tmp_path: Path) -> None:
    here, there = fill(tmp_path / "here", 9), fill(tmp_path / "some" / "where" / "else", 9)
    assert fingerprint(here) == fingerprint(there)
    one, other = opened(here), opened(there)
    for index in range(len(one.train.labels)):
        assert np.array_equal(one.train.images.decode(index), other.train.images.decode(index))
    assert one.tests["test"].images.names[:3] == [  # type: ignore[attr-defined]  # as md5sum sorts them
        "dog/007.png",
        "dog/008.png",
        "cat/003.png",
    ]


def test_no_image_is_used_twice(tmp_path: Path) -> None:
    data = opened(fill(tmp_path / "pets", 13))
    names = [*data.train.images.names, *data.tests["test"].images.names]  # type: ignore[attr-defined]
    assert len(set(names)) == 26


@pytest.mark.parametrize(
    ("parts", "sizes"),
    [
        (("train",), (30, 6, 10)),
        (("train", "test"), (40, 8, 40)),
        (("train", "val"), (70, 40, 10)),
        (("Train", "valid", "TEST"), (80, 40, 40)),
    ],
)
def test_parts_that_are_there_are_used(tmp_path: Path, parts: tuple[str, ...], sizes: tuple[int, int, int]) -> None:
    for part in parts:
        fill(tmp_path / "pets" / part, 20)
    data = opened(tmp_path / "pets")
    assert (len(data.train.labels), data.train.validation, len(data.tests["test"].labels)) == sizes


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    assert opened(fill(tmp_path / "vehicles", 5, ("bus", "train"))).train.classes == 2


def test_content_and_names_decide_the_fingerprint(tmp_path: Path) -> None:
    folder = fill(tmp_path / "pets", 4)
    before = fingerprint(folder)
    (folder / "cat" / "notes.txt").write_text("not an image")
    (folder / "cat" / ".hidden.png").write_bytes(b"not seen")
    assert fingerprint(folder) == before
    picture(99).save(folder / "cat" / "000.png")
    changed = fingerprint(folder)
    (folder / "cat" / "000.png").rename(folder / "cat" / "0.png")
    assert len({before, changed, fingerprint(folder)}) == 3


def test_nested_folders_and_links_belong_to_their_class(tmp_path: Path) -> None:
    folder = fill(tmp_path / "pets", 4)
    (folder / "cat" / "more" / "of").mkdir(parents=True)
    picture(5).save(folder / "cat" / "more" / "of" / "x.JPG", "jpeg")
    (folder / "cow").symlink_to(fill(tmp_path / "elsewhere", 4) / "cat")
    (folder / "cow" / "loop").symlink_to(folder)
    data = opened(folder)
    assert data.train.classes == 3
    assert len(data.train.labels) + len(data.tests["test"].labels) == 13


def test_a_zip_serves_as_its_folder(tmp_path: Path) -> None:
    folder = fill(tmp_path / "pets", 6)
    with ZipFile(tmp_path / "pets.zip", "w") as archive:
        for path in sorted(folder.rglob("*.png")):
            archive.write(path, path.relative_to(tmp_path))
    assert fingerprint(tmp_path / "pets.zip") == fingerprint(folder)
    assert opened(tmp_path / "pets.zip").train.images.decode(0).shape == (8, 12, 3)


def test_the_name_is_what_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path / "pets", 4)
    monkeypatch.chdir(tmp_path)
    task = folder_task("./pets/")
    assert (task.name, task.group, task.classes, task.size) == ("folder:pets", "folder", 2, "4 + 2 / 2")


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no folder .*nothing; name one that has a folder of images for each"):
        folder_task(tmp_path / "nothing")


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no images; lay them out as <class>/<image> in it"):
        folder_task(tmp_path)


def test_one_class_only(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has one class only, 'cat'; put a folder of images for each class"):
        folder_task(fill(tmp_path / "pets", 5, ("cat",)))


def test_a_class_with_too_few_images(tmp_path: Path) -> None:
    fill(tmp_path, 5)
    (tmp_path / "cow").mkdir()
    picture().save(tmp_path / "cow" / "1.png")
    with pytest.raises(UserError, match=r"class 'cow' of .* has 1 images .* at least 3 are needed; add some"):
        folder_task(tmp_path)


def test_images_in_no_class(tmp_path: Path) -> None:
    fill(tmp_path, 5)
    picture().save(tmp_path / "stray.png")
    with pytest.raises(
        UserError, match=r"1 file is in no class, the first is .*stray.png; move them into class folders"
    ):
        folder_task(tmp_path)


def test_a_folder_beside_the_parts(tmp_path: Path) -> None:
    for part in ("train", "test", "later"):
        fill(tmp_path / part, 5)
    with pytest.raises(UserError, match="has 'later' beside train, val and test; move it away"):
        folder_task(tmp_path)


@pytest.mark.parametrize("extra", ["train", "test"])
def test_classes_that_differ_between_the_parts(tmp_path: Path, extra: str) -> None:
    for part in ("train", "test"):
        fill(tmp_path / part, 5, ("cat", "dog", "cow") if part == extra else ("cat", "dog"))
    other = "test" if extra == "train" else "train"
    with pytest.raises(UserError, match=f"no images of class 'cow' in its {other} part"):
        folder_task(tmp_path)


def test_a_format_that_is_not_read_is_not_passed_over(tmp_path: Path) -> None:
    fill(tmp_path, 5)
    (tmp_path / "cat" / "phone.HEIC").write_bytes(b"....ftypheic")
    with pytest.raises(UserError, match=r"1 file is in a format that is not read, the first is .*phone\.HEIC; convert"):
        folder_task(tmp_path)


def test_files_that_are_no_images_are_named_and_counted(tmp_path: Path) -> None:
    fill(tmp_path, 5)
    (tmp_path / "cat" / "001.png").write_bytes(b"")
    (tmp_path / "dog" / "002.png").write_bytes(b"<html>404</html>")
    task = folder_task(tmp_path)
    with pytest.raises(
        UserError, match=r"2 files are not whole images, the first is .*(001|002)\.png; put whole copies"
    ):
        task.find(tmp_path)


def test_caltech101(real: Path) -> None:
    data = opened(real / "folders" / "caltech101")
    assert (len(data.train.labels), data.train.validation, len(data.tests["test"].labels)) == (1122, 204, 408)
    assert data.train.classes == 102
    assert data.train.images.decode(0).ndim == 3
