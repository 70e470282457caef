"""VTAB's EuroSAT out of the authors' zip: the exact images, wherever it lies, and what is said if it is damaged."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

from bench.registry import TASKS
from bench.spec import DataMissing, Split, UserError
from tasks.readers.pixels import Encoded, Selection

EUROSAT = TASKS.select(["vtab1k/eurosat"])["vtab1k/specialized/eurosat"]
CLASSES = (
    "AnnualCrop", "Forest", "HerbaceousVegetation", "Highway", "Industrial",
    "Pasture", "PermanentCrop", "Residential", "River", "SeaLake",
)  # fmt: skip


def names(split: Split) -> list[str]:
    """The file names behind a split of EuroSAT."""
    assert isinstance(split.images, Selection)
    found = []
    for which, index in split.images.chosen:
        images = split.images.sets[which]
        assert isinstance(images, Encoded)
        found.append(images.names[index].rpartition("/")[2])
    return found


@pytest.fixture(scope="session")
def zip_path(real: Path) -> Path:
    return real / "raw" / "eurosat" / "EuroSAT.zip"


def test_eurosat_is_exactly_what_tensorflow_datasets_prepares(real: Path, zip_path: Path) -> None:
    golden = json.loads((real / "golden" / "eurosat_vtab1k.json").read_text())
    data = EUROSAT.find(zip_path.parent).load()
    train, test = names(data.train), names(data.tests["test"])
    assert (train[:800], train[800:], test) == (golden["train800"], golden["val200"], golden["test"])
    assert train == golden["train800val200"]
    assert (data.train.validation, data.train.classes, set(data.train.augment)) == (200, 10, {"flip", "shift"})
    for split in (data.train, data.tests["test"]):
        assert split.labels.dtype == np.int64
        assert [CLASSES[label] for label in split.labels] == [name.partition("_")[0] for name in names(split)]


def test_eurosat_is_found_wherever_the_zip_lies(real: Path, zip_path: Path, tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "EuroSAT.zip").symlink_to(zip_path)
    folders = [zip_path, zip_path.parent, zip_path.parent.parent, real, tmp_path]
    assert len({EUROSAT.find(folder).fingerprint for folder in folders}) == 1


def test_eurosat_decodes_from_many_threads(zip_path: Path) -> None:
    images = EUROSAT.find(zip_path).load().tests["test"].images
    alone = [images.decode(index) for index in range(200)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(images.decode, list(range(200)) * 3))
    assert alone[0].shape == (64, 64, 3) and alone[0].dtype == np.uint8
    assert all(np.array_equal(alone[place % 200], pixels) for place, pixels in enumerate(together))


def test_a_half_downloaded_zip_is_named_with_its_remedy(zip_path: Path, tmp_path: Path) -> None:
    with zip_path.open("rb") as file:
        (tmp_path / "EuroSAT.zip").write_bytes(file.read(1 << 20))
    with pytest.raises(UserError, match=r"EuroSAT\.zip is not a whole zip file .* download it again"):
        EUROSAT.find(tmp_path)


def test_a_damaged_image_is_named_when_it_is_decoded(zip_path: Path, tmp_path: Path) -> None:
    """The zip's directory identifies the images, so the damage shows only then."""
    copy = tmp_path / "EuroSAT.zip"
    shutil.copy(zip_path, copy)
    copy.chmod(0o644)
    with ZipFile(copy) as archive:
        place = archive.getinfo("2750/Forest/Forest_687.jpg").header_offset
    with copy.open("r+b") as file:
        file.seek(place + 500)
        file.write(b"\0" * 100)
    whole, damaged = EUROSAT.find(zip_path), EUROSAT.find(tmp_path)
    assert whole.fingerprint == damaged.fingerprint
    assert whole.load().train.images.decode(0).shape == (64, 64, 3)
    with pytest.raises(UserError, match=r"Forest_687\.jpg in .*EuroSAT\.zip is damaged; download the zip again"):
        damaged.load().train.images.decode(0)


def test_a_zip_with_too_few_images_is_refused(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "EuroSAT.zip", "w") as archive:
        for name in CLASSES:
            archive.writestr(f"2750/{name}/{name}_1.jpg", b"")
    with pytest.raises(UserError, match=r"EuroSAT\.zip holds 10 images .* 27,000; get a whole copy from http"):
        EUROSAT.find(tmp_path)


def test_a_zip_that_points_outside_is_refused(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "EuroSAT.zip", "w") as archive:
        archive.writestr("../../River/River_1.jpg", b"")
    with pytest.raises(UserError, match="points outside of it"):
        EUROSAT.find(tmp_path)


@pytest.mark.parametrize("folders", [300, 301])
def test_a_folder_of_very_many_folders_is_not_searched(zip_path: Path, tmp_path: Path, folders: int) -> None:
    for number in range(folders):
        (tmp_path / "images" / f"{number:03}").mkdir(parents=True)
    (tmp_path / "images" / "007" / "EuroSAT.zip").symlink_to(zip_path)
    with nullcontext() if folders == 300 else pytest.raises(DataMissing):
        EUROSAT.find(tmp_path)
