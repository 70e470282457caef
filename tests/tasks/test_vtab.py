"""VTAB-1k: the exact images of EuroSAT against tensorflow-datasets' own, the order rule, and the table."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from bench.registry import TASKS
from bench.spec import DataMissing, Task
from tasks import vtab
from tasks.md5_order import spans
from tasks.readers.files import FolderFiles
from tasks.readers.pixels import Encoded
from tasks.readers.raw import Pool, picks
from tests import archives

VTAB = TASKS.select(["vtab1k"])


@pytest.mark.parametrize("name", sorted(VTAB))
def test_what_is_missing_is_said_in_one_sentence(name: str, tmp_path: Path) -> None:
    task = VTAB[name]
    with pytest.raises(DataMissing) as caught:
        task.find(tmp_path)
    message = str(caught.value)
    assert name in message and str(tmp_path) in message and "\n" not in message


def test_the_table_is_vtab1k() -> None:
    groups = [task.group for task in VTAB.values()]
    assert [groups.count(group) for group in ("natural", "specialized", "structured")] == [7, 4, 8]
    for recipe, task in zip(vtab.ROWS, VTAB.values(), strict=True):
        sizes = recipe.origin.sizes
        train, val, test = (
            [place for split, chosen in spans(rule, sizes) for place in chosen] for rule in recipe.splits
        )
        assert (len(train), len(val), len(test)) == (800, 200, recipe.tests), task.name
        source = task.source
        assert source.title and source.link and source.licence and source.citation and source.size and source.folder


def test_labels_are_not_changed_by_what_is_allowed() -> None:
    allowed = {recipe.name.rpartition("/")[2]: recipe.augment for recipe in vtab.ROWS}
    for name in ("dsprites_location", "dsprites_orientation", "smallnorb_azimuth"):
        assert not allowed[name]
    assert "flip" not in allowed["svhn"]
    assert all(allowed[name] == {"flip", "shift"} for name in ("cifar100", "resisc45", "eurosat"))


# Name, builder and version, train800, val200, test, test images and classes, as the reference implementation has them.
TABLE = """
natural/caltech101|caltech101 3.0.2|train[:800]|train[2754:2954]|test|6084|102
natural/cifar100|cifar100 3.0.2|train[:800]|train[45000:45200]|test|10000|100
natural/dtd|dtd 3.0.1|train[:800]|validation[:200]|test|1880|47
natural/flowers102|oxford_flowers102 2.1.1|train[:800]|validation[:200]|test|6149|102
natural/pets|oxford_iiit_pet 4.0.0|train[:800]|train[2944:3144]|test|3669|37
natural/sun397|sun397/tfds 4.0.0|train[:800]|validation[:200]|test|21750|397
natural/svhn|svhn_cropped 3.1.0|train[:800]|train[65931:66131]|test|26032|10
specialized/patch_camelyon|patch_camelyon 2.0.0|train[:800]|validation[:200]|test|32768|2
specialized/eurosat|eurosat/rgb 2.0.0|train[:800]|train[16200:16400]|train[21600:]|5400|10
specialized/resisc45|resisc45 3.0.0|train[:800]|train[18900:19100]|train[25200:]|6300|45
specialized/retinopathy|diabetic_retinopathy_detection/btgraham-300 3.0.0|train[:800]|validation[:200]|test|42670|5
structured/clevr_count|clevr 3.1.0|train[:800]|train[63000:63200]|validation|15000|8
structured/clevr_distance|clevr 3.1.0|train[:800]|train[63000:63200]|validation|15000|6
structured/dmlab|dmlab 2.0.1|train[:800]|validation[:200]|test|22735|6
structured/kitti_distance|kitti 3.3.0|train[:800]|validation[:200]|test|711|4
structured/dsprites_location|dsprites 2.0.0|train[:800]|train[589824:590024]|train[663552:]|73728|16
structured/dsprites_orientation|dsprites 2.0.0|train[:800]|train[589824:590024]|train[663552:]|73728|16
structured/smallnorb_azimuth|smallnorb 2.0.0|train[:800]|test[:200]|test[50%:]|12150|18
structured/smallnorb_elevation|smallnorb 2.0.0|train[:800]|test[:200]|test[50%:]|12150|9
"""


def test_every_row_states_what_the_reference_does() -> None:
    rows = []
    for recipe, (name, task) in zip(vtab.ROWS, VTAB.items(), strict=True):
        builder = f"{recipe.origin.builder} {recipe.origin.versions[0]}"
        stated = (name.removeprefix("vtab1k/"), builder, *recipe.splits, recipe.tests, task.classes)
        rows.append("|".join(map(str, stated)))
    assert rows == TABLE.split("\n")[1:-1]


# The first keys of a row's training, validation and test images, as tensorflow-datasets prepared them.
GOLDEN = {
    "natural/cifar100": (
        [16399, 1680, 47917, 17307, 27051, 48736, 26263, 1456], [13431, 9237, 17462, 32685], []
    ),
    "natural/svhn": ([16399, 1680, 47917, 17307, 27051], [21145, 64736, 23870], []),
    "structured/smallnorb_azimuth": ([16399, 1680, 17307, 1456, 19135], [23018, 16932, 19084, 9933, 24157], [299]),
    "structured/smallnorb_elevation": ([16399, 1680, 17307, 1456, 19135], [23018, 16932, 19084, 9933, 24157], [299]),
    "structured/dsprites_location": ([16399, 634903, 206287, 470425, 352707], [220697, 85843, 84902], [493443]),
    "structured/dsprites_orientation": ([16399, 634903, 206287, 470425, 352707], [220697, 85843, 84902], [493443]),
    "specialized/patch_camelyon": (
        ["train_251464", "train_132287", "train_133786"], ["valid_3270", "valid_10310", "valid_20603"], []
    ),
}  # fmt: skip
CAMELYON = {"train": "train_{}", "validation": "valid_{}", "test": "test_{}"}


@pytest.mark.parametrize("name", GOLDEN)
def test_a_row_takes_the_images_that_tensorflow_datasets_does(name: str) -> None:
    recipe = archives.recipe(name)

    @cache
    def pool(split: str) -> Pool:
        rows = range(recipe.origin.sizes[split])
        keys = [CAMELYON[split].format(row) for row in rows] if name.endswith("camelyon") else rows
        return Pool(keys, [], Encoded(FolderFiles(Path()), []))

    for places, expected in zip(picks(recipe, pool).values(), GOLDEN[name], strict=True):
        assert [pool(split).keys[at] for split, at in places[: len(expected)]] == expected


def test_split_expressions() -> None:
    sizes = {"train": 27, "test": 24_301}
    assert spans("train[:8]", sizes) == [("train", range(8))]
    assert spans("test[50%:]", sizes) == [("test", range(12_150, 24_301))]
    assert spans("train[20:] + test[24300:]", sizes) == [("train", range(20, 27)), ("test", range(24_300, 24_301))]
    assert spans("train", sizes) == [("train", range(27))]
    with pytest.raises(ValueError, match="is not a split"):
        spans("train[1;2]", sizes)


def test_short_names_are_understood() -> None:
    chosen: dict[str, Task] = TASKS.select(["vtab1k/eurosat", "vtab1k/structured/*"])
    assert len(chosen) == 9
