"""What the tables state of the data sets, against the package tensorflow-datasets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import tensorflow_datasets

from bench.source import Download
from tasks import vtab
from tasks.md5_order import md5_order
from tasks.readers import downloads
from tasks.readers.labels import plain
from tasks.readers.raw import Recipe

ROWS = {row.name: row for row in vtab.ROWS}
ELSEWHERE = {"EuroSAT.zip", "NWPU-RESISC45.zip", "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"}
UNREADABLE = "/t/track/outdoor/sun_aophkoiosslinihb.jpg"  # the one that the builder of SUN397 leaves out


@pytest.fixture(scope="module")
def package() -> Path:
    """The folder of the package."""
    return Path(tensorflow_datasets.__file__).parent


@pytest.fixture(scope="module")
def published(package: Path) -> Mapping[str, tuple[str, int]]:
    """Address and size of the files it downloads, by their SHA-256."""
    lists = [*package.glob("datasets/*/checksums.tsv"), *package.glob("url_checksums/*.txt")]
    rows = [line.split("\t") for path in lists for line in path.read_text().splitlines()]
    return {row[2]: (row[0], int(row[1])) for row in rows if len(row) > 2}


def test_downloads_are_those_that_tensorflow_datasets_publishes(published: Mapping[str, tuple[str, int]]) -> None:
    files = [each for value in vars(downloads).values() if isinstance(value, tuple) for each in value]
    assert all(isinstance(each, Download) for each in files) and len(files) > 25
    for each in files:
        address, size = published.get(each.checksum.removeprefix("sha256:"), ("", 0))
        if each.name == "EuroSAT.zip" or each.name not in ELSEWHERE:
            assert (address.partition("?")[0].rpartition("/")[2], size) == (each.name, each.size)


@pytest.mark.parametrize("recipe", ROWS.values(), ids=list(ROWS))
def test_builders_have_our_version_and_classes(recipe: Recipe, tmp_path: Path) -> None:
    builder = tensorflow_datasets.builder(recipe.origin.builder, data_dir=tmp_path)
    known = {str(builder.version), *map(str, builder.SUPPORTED_VERSIONS)}
    assert str(builder.version) == recipe.origin.versions[0]
    if recipe.name not in (
        "vtab1k/natural/caltech101",
        "vtab1k/natural/pets",
    ):  # older ones are read too
        assert set(recipe.origin.versions) <= known
    if recipe.label is plain:
        assert builder.info.features["label"].num_classes == recipe.classes


def test_the_lists_of_sun397(package: Path) -> None:
    folder = package / "image_classification"
    parts = {"train": "tr", "validation": "va", "test": "te"}
    lines = {name: (folder / f"sun397_tfds_{part}.txt").read_text().split() for name, part in parts.items()}
    origin = ROWS["vtab1k/natural/sun397"].origin
    assert {name: len(held) for name, held in lines.items()} == origin.sizes
    folders = {line.rpartition("/")[0] for held in lines.values() for line in held}
    assert sorted(folders) == (folder / "sun397_labels.txt").read_text().split()
    order = md5_order("train", lines["train"])
    assert lines["train"].index(UNREADABLE) in order[800:] and origin.tolerance == 1
    # VTAB's published coverage of its 397 classes
    learnt = [lines["train"][at] for at in order[:800]]
    chosen = [*learnt, *(lines["validation"][at] for at in md5_order("validation", lines["validation"])[:200])]
    assert [len({line.rpartition("/")[0] for line in held}) for held in (learnt, chosen)] == [309, 325]
