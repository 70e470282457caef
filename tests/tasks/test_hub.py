"""`hf:NAME_OR_FOLDER`: image folders, Parquet and saved data sets, their splits, and what is said of others."""

from __future__ import annotations

import io
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest

from bench.registry import TASKS
from bench.spec import Data, Task, UserError
from tests.tasks.test_folder import fill, fingerprint, picture

datasets = pytest.importorskip("datasets", reason="needs the extra hf")


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test alone."""
    cache = tmp_path_factory.mktemp("cache")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", cache)
    return cache


def named(text: str) -> Task:
    (task,) = TASKS.select([text]).values()
    return task


def load(text: str) -> Data:
    return named(text).find(Path("unused")).load()


def made(count: int, **columns: Any) -> Any:
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=["dog", "cat"]), **columns}
    )
    rows = {"image": [picture(at) for at in range(count)], "label": [at % 2 for at in range(count)]}
    return datasets.Dataset.from_dict(rows, features=features)


def test_an_image_folder_is_the_folder(tmp_path: Path) -> None:
    for part in ("train", "test"):
        fill(tmp_path / "pets" / part, 10)
    fill(tmp_path / "plain", 10)
    for folder in ("pets", "plain"):
        assert named(f"hf:{tmp_path / folder}").find(tmp_path).fingerprint == fingerprint(tmp_path / folder)


def test_a_saved_data_set_has_its_splits_and_names(tmp_path: Path) -> None:
    splits = {"train": made(20), "validation": made(6), "test": made(8)}
    datasets.DatasetDict(splits).save_to_disk(tmp_path / "saved")
    task = named(f"hf:{tmp_path / 'saved'}")
    assert (task.size, task.find(tmp_path).classes) == ("20 + 6 / 8", ("cat", "dog"))
    data = task.find(tmp_path).load()
    assert data.train.images.decode(0).shape == (8, 12, 3)
    assert sorted(data.tests["test"].labels.tolist()) == [0] * 4 + [1] * 4


def test_parquet_lies_in_a_folder(tmp_path: Path) -> None:
    for split, count in (("train", 20), ("test", 8)):
        (tmp_path / "set" / "data").mkdir(parents=True, exist_ok=True)
        made(count).to_parquet(tmp_path / "set" / "data" / f"{split}-00000-of-00001.parquet")
    data = load(f"hf:{tmp_path / 'set'}")
    assert (len(data.train.labels), data.train.validation, len(data.tests["test"].labels)) == (20, 4, 8)


def test_splits_and_rows_that_are_left_out_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret = made(20).map(lambda row, at: {"label": -1 if at < 2 else row["label"]}, with_indices=True)
    datasets.DatasetDict({"train": secret, "unsupervised": made(4)}).save_to_disk(tmp_path)
    capsys.readouterr()
    assert named(f"hf:{tmp_path}").size == "12 + 2 / 4"
    assert capsys.readouterr().err == (
        f"warning: of {tmp_path} were not read: its splits unsupervised, which are none of train, val and test\n"
        f"warning: of {tmp_path} were not read: 2 images without a label\n"
    )


def test_columns_may_be_stated(tmp_path: Path) -> None:
    made(20).rename_columns({"image": "photo", "label": "sort"}).save_to_disk(tmp_path)
    with pytest.raises(UserError, match=r"no column for the label by its name; .* 'photo', 'sort': write hf:"):
        named(f"hf:{tmp_path}")
    assert named(f"hf:{tmp_path}:image=photo:label=sort").classes == 2
    with pytest.raises(UserError, match="has no column of images 'sort'; it has 'photo'"):
        named(f"hf:{tmp_path}:image=sort:label=sort")


@pytest.mark.parametrize("name", ["nobody/nothing", "nowhere/at/all", "nothing"])
def test_a_name_that_is_not_in_the_cache(name: str) -> None:
    with pytest.raises(UserError, match=rf"hf:{name} cannot be read here \(.*\); name a folder that it was saved to"):
        named(f"hf:{name}")


def test_domains_are_not_mixed(tmp_path: Path) -> None:
    for domain in ("photo", "sketch"):
        fill(tmp_path / domain, 6)
    with pytest.raises(
        UserError, match=r"'photo', 'sketch' in .* all hold the same folders, 'cat', 'dog', and so may be"
    ):
        named(f"hf:{tmp_path}")


def test_a_folder_without_a_data_set(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read here"):
        named(f"hf:{tmp_path}")


def test_a_saved_data_set_that_is_half_there(tmp_path: Path) -> None:
    made(20).save_to_disk(tmp_path)
    (arrow,) = tmp_path.glob("*.arrow")
    arrow.write_bytes(arrow.read_bytes()[:200])
    with pytest.raises(UserError, match="cannot be read here"):
        named(f"hf:{tmp_path}")


def pack(folder: Path, count: int, labels: int = 3) -> None:
    """A tar of webdataset's layout with the labels 0, 1, 2, 0, …"""
    folder.mkdir(parents=True)
    with tarfile.open(folder / "0.tar", "w") as archive:
        for at in range(count):
            image = io.BytesIO()
            picture(at).save(image, "webp", lossless=True)
            for ending, blob in (("cls", str(at % labels).encode()), ("webp", image.getvalue())):
                member = tarfile.TarInfo(f"s{at:07}.{ending}")
                member.size = len(blob)
                archive.addfile(member, io.BytesIO(blob))
    (folder / "nshards.txt").write_text("1")


def test_tars_of_webdataset_are_read(tmp_path: Path) -> None:
    place = tmp_path / "wds_vtab-pets"
    pack(place / "train", 18)
    pack(place / "test", 9)
    (place / "classnames.txt").write_text("a cow\na cat\na dog\n")
    task = named(f"hf:{place}")
    assert (task.size, task.find(tmp_path).classes) == ("15 + 3 / 9", ("a cat", "a cow", "a dog"))
    data = task.find(tmp_path).load()
    assert sorted(data.tests["test"].labels.tolist()) == [0] * 3 + [1] * 3 + [2] * 3
    assert data.train.images.decode(0).shape == (8, 12, 3)
    (place / "classnames.txt").write_text("a cow\n")
    with pytest.raises(UserError, match=r"column 'cls' has the label \d, and 1 classes have names; name them all"):
        named(f"hf:{place}")


def test_a_name_is_found_in_the_cache(tmp_path: Path, own_cache: Path) -> None:
    (tmp_path / "pets_of_mine").mkdir()
    made(20).to_parquet(tmp_path / "pets_of_mine" / "train.parquet")
    datasets.load_dataset(str(tmp_path / "pets_of_mine"), cache_dir=own_cache)
    shutil.rmtree(tmp_path / "pets_of_mine")
    assert named("hf:pets_of_mine").size == "12 + 4 / 4"


@pytest.mark.real
def test_pacs_is_the_same_three_ways(real: Path, tmp_path: Path) -> None:
    place = real / "domains" / "pacs" / "photo"
    data = [load(name) for name in (f"hf:{place}", f"domains:{place}")]
    for one, other in zip(*((each.train, each.tests["test"]) for each in data), strict=True):
        assert one.labels.tolist() == other.labels.tolist()
        assert all((one.images.decode(at) == other.images.decode(at)).all() for at in range(0, len(one.labels), 40))
