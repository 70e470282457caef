"""Folders as people have them: names of parts, what is left out, names in other alphabets, and other archives."""

from __future__ import annotations

import os
from pathlib import Path
from zipfile import ZipFile

import pytest

from bench.images.files import image_files
from bench.registry import TASKS
from bench.spec import UserError
from tests.tasks.test_folder import fill, fingerprint, folder_task, opened, picture


@pytest.mark.parametrize(
    ("parts", "sizes"),
    [
        (("Training", "Testing"), (40, 8, 40)),
        (("train", "dev"), (70, 40, 10)),
        (("train_set", "test_set"), (40, 8, 40)),
        (("TRAIN", "Dev", "eval"), (80, 40, 40)),
        (("train", "validation", "evaluation"), (80, 40, 40)),
    ],
)
def test_parts_go_by_many_names(tmp_path: Path, parts: tuple[str, ...], sizes: tuple[int, int, int]) -> None:
    for part in parts:
        fill(tmp_path / part, 20)
    data = opened(tmp_path)
    assert (len(data.train.labels), data.train.validation, len(data.tests["test"].labels)) == sizes
    assert data.train.classes == 2


def test_classes_may_be_called_as_parts_are_where_no_folder_is_below_them(tmp_path: Path) -> None:
    assert opened(fill(tmp_path, 5, ("train", "eval", "bus"))).train.classes == 3


def test_two_folders_of_one_part(tmp_path: Path) -> None:
    for part in ("train", "test", "eval"):
        fill(tmp_path / part, 5)
    with pytest.raises(UserError, match=r"'eval', 'test' in .* are the same part by their names; move one"):
        folder_task(tmp_path)


@pytest.mark.parametrize("tops", [("art", "photo"), ("fold1", "fold2", "fold3")])
def test_folders_that_all_hold_the_same_folders_are_not_classes(tmp_path: Path, tops: tuple[str, ...]) -> None:
    for top in tops:
        fill(tmp_path / top, 5)
    with pytest.raises(UserError, match=r"all hold the same folders, 'cat', 'dog', and so may be parts or domains"):
        folder_task(tmp_path)


def test_classes_may_have_one_folder_of_the_same_name(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        fill(tmp_path / name, 5, ("images",))
    assert opened(tmp_path).train.classes == 2


def test_what_pillow_reads_is_read(tmp_path: Path) -> None:
    for seed, (name, ending) in enumerate((n, e) for n in ("cat", "dog") for e in ("ppm", "tga", "jfif", "pgm", "png")):
        (tmp_path / name).mkdir(exist_ok=True)
        image = picture(seed).convert("L" if ending == "pgm" else "RGB")
        image.save(tmp_path / name / f"1.{ending}", "jpeg" if ending == "jfif" else None)
    data = opened(tmp_path)
    assert len(data.train.labels) + len(data.tests["test"].labels) == 10
    for split in (data.train, data.tests["test"]):
        assert all(split.images.decode(at).shape == (8, 12, 3) for at in range(len(split.labels)))


def test_what_was_left_out_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(tmp_path, 5)
    for name in ("cat/a.mp4", "cat/b.npy", "dog/c.npy", "dog/readme"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "dog" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    assert opened(tmp_path).train.classes == 2
    assert capsys.readouterr().err == (
        f"warning: of {tmp_path} were not read: 1 link to nothing (dog/gone.png), 1 video (cat/a.mp4), "
        "2 .npy files (the first is cat/b.npy), 1 file without an ending (dog/readme)\n"
    )


@pytest.mark.parametrize("clutter", ["@eaDir", ".ipynb_checkpoints", "__MACOSX", "cat/@eaDir/000.png", "#recycle"])
def test_what_drives_and_tools_add_is_no_image(
    tmp_path: Path, clutter: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = fill(tmp_path / "pets", 5)
    before = fingerprint(folder)
    (folder / clutter).mkdir(parents=True)
    picture().save(folder / clutter / "SYNOPHOTO_THUMB_M.jpg")
    (folder / "cat" / "Thumbs.db").write_bytes(b"x")
    (folder / "cat" / ".DS_Store").write_bytes(b"x")
    assert fingerprint(folder) == before
    assert len(image_files([folder])) == 10
    with ZipFile(tmp_path / "pets.zip", "w") as archive:
        for path in sorted(each for each in folder.rglob("*") if each.is_file()):
            archive.write(path, path.relative_to(tmp_path))
    assert fingerprint(tmp_path / "pets.zip") == before
    assert not capsys.readouterr().err


def test_names_that_differ_in_unicode_form_are_one_class(tmp_path: Path) -> None:
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    fill(tmp_path / "train", 6, (composed, "dog"))
    fill(tmp_path / "test", 6, (decomposed, "dog"))
    data = opened(tmp_path)
    assert data.train.classes == 2 and sorted(data.tests["test"].labels.tolist()) == [0] * 6 + [1] * 6
    assert folder_task(tmp_path).find(tmp_path).classes == (composed, "dog")


def test_domains_may_differ_in_unicode_form(tmp_path: Path) -> None:
    fill(tmp_path / "photo", 6, ("caf\u00e9", "dog"))
    fill(tmp_path / "art", 6, ("cafe\u0301", "dog"))
    (task,) = TASKS.select([f"domains:{tmp_path}/photo"]).values()
    assert task.classes == 2


def test_a_name_that_is_not_utf8_gets_a_sentence(tmp_path: Path) -> None:
    fill(tmp_path, 5)
    folder = os.fsencode(tmp_path) + b"/caf\xe9"
    try:
        os.mkdir(folder)  # noqa: PTH102  (pathlib takes no bytes)
    except OSError:
        pytest.skip("this file system has UTF-8 names only")
    picture().save(os.fsdecode(folder) + "/1.png")
    for list_images in (folder_task, lambda path: image_files([path])):
        with pytest.raises(UserError, match=r"the name of .*caf\\udce9/1\.png is not UTF-8; rename it, or its folder"):
            list_images(tmp_path)


def test_a_tar_is_called_a_tar(tmp_path: Path) -> None:
    (tmp_path / "pets.tar.gz").write_bytes(b"x")
    with pytest.raises(UserError, match=r"pets\.tar\.gz is a tar, and images are read out of folders and zips; unpack"):
        folder_task(tmp_path / "pets.tar.gz")


def test_a_path_may_have_a_comma(tmp_path: Path) -> None:
    fill(tmp_path / "cats, dogs", 5)
    (name,) = TASKS.select([f"folder:{tmp_path / 'cats, dogs'}"])
    assert name.endswith("cats, dogs")
