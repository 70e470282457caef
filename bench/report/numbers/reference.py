"""Published VTAB-1k numbers: how they are read, which backbone they are of, and what keeps them from being compared."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from bench.records.cells import CellResult
from bench.report.numbers.grid import Grid, ordered
from bench.report.numbers.units import listed
from bench.spec import UserError

REFERENCE = Path(__file__).resolve().parents[1] / "reference"  # a link to results/reference; in a wheel, its files
FILES = ("published_vtab1k.csv", "published_more.csv")
ORIGINAL, COPIES = "original", "JPEG copies"  # which images a row was measured on, in pipelines.csv
BEST = "best on test"  # in pipelines.csv: the epoch that was reported is the best one on the test images
# How pixels from 0 to 1 are normalised, in pipelines.csv: mean and standard deviation of the three channels.
INPUTS = {
    "none": ([0.0] * 3, [1.0] * 3),
    "0.5": ([0.5] * 3, [0.5] * 3),
    "imagenet": ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
}
COLUMNS = {
    "cifar100": "CIFAR-100", "caltech101": "Caltech101", "dtd": "DTD", "flowers102": "Flowers102", "pets": "Pets",
    "svhn": "SVHN", "sun397": "Sun397", "patch_camelyon": "Camelyon", "eurosat": "EuroSAT", "resisc45": "Resisc45",
    "retinopathy": "Retinopathy", "clevr_count": "Clevr-Count", "clevr_distance": "Clevr-Dist", "dmlab": "DMLab",
    "kitti_distance": "KITTI-Dist", "dsprites_location": "dSpr-Loc", "dsprites_orientation": "dSpr-Orient",
    "smallnorb_azimuth": "sNORB-Azim", "smallnorb_elevation": "sNORB-Elev",
}  # fmt: skip
# Networks that rows were published for, by the beginning of their name there, and timm's names for them.
FAMILIES = {
    "ResNet-50 v2": re.compile(r"resnetv2_50(?!d)"),
    "ViT-B/16": re.compile(r"vit_base_patch16_(?!.*(clip|dino|siglip))"),
    "ViT-L/16": re.compile(r"vit_large_patch16_(?!.*(clip|dino|siglip))"),
    "ViT-H/14": re.compile(r"vit_huge_patch14_(?!.*(clip|dino|siglip))"),
    "DINOv2-L": re.compile(r"vit_large_patch14.*dinov2"),
}


@dataclass(frozen=True)
class How:
    """How something was measured, as far as it is known; empty fields are not."""

    pixels: str = ""  # ORIGINAL or COPIES
    weights: str = ""  # timm's tag, or a name that is no tag where timm has them not
    inputs: str = ""  # one of INPUTS, or `other`
    epoch: str = ""  # BEST, or `last`


@dataclass(frozen=True)
class Entry:
    """One published row."""

    method: str
    backbone: str
    source: str
    accuracy: Mapping[str, float]  # fractions, by the last part of a task's name
    how: How

    @property
    def origin(self) -> str:
        """The repository, with its commit where it is known, or the paper."""
        first = self.source.partition(" ")[0]
        return first if "/" in first else self.source


def read(folder: Path) -> list[Entry]:
    """All published rows. Raises UserError when a file is not there."""
    try:
        pipelines = list(lines(folder / "pipelines.csv"))
        return [entry(row, pipelines) for name in FILES for row in lines(folder / name)]
    except OSError as error:
        raise UserError(f"cannot read {error.filename}; fetch results/reference of the repository anew") from error


def lines(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a CSV file, by column."""
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def entry(row: Mapping[str, str], pipelines: Sequence[Mapping[str, str]]) -> Entry:
    """A published row. The first of `pipelines` whose pattern fits the row's name says how it was measured."""
    accuracy = {task: float(row[column]) / 100 for task, column in COLUMNS.items() if row[column]}
    found = next((one for one in pipelines if fnmatchcase(row["method"], one["rows"])), None)
    how = How(found["pixels"], found["weights"], found["inputs"], found["epoch"]) if found else How()
    return Entry(row["method"], row["backbone"], row["source"], accuracy, how)


def is_of(row: Entry, backbone: str) -> bool:
    """Whether a row is of the same network as a backbone of timm's, whatever its weights."""
    return any(row.backbone.startswith(name) and names.match(backbone) for name, names in FAMILIES.items())


def without(backbone: str, entries: Sequence[Entry]) -> str:
    """A sentence for a backbone that nothing is published for."""
    known = ordered(name for name in FAMILIES for one in entries if one.backbone.startswith(name))
    return f"No published numbers are known for {backbone}; there are some for {listed(list(known))}."


def obstacle(one: How, ours: How) -> str:
    """What keeps a row of our weights from being ranked with our results, in few words; empty where nothing does."""
    if not one.pixels or not one.inputs:
        return "images or their normalisation not known"
    if one.pixels != ours.pixels:
        return "other images"
    if one.inputs != ours.inputs:
        return "inputs normalised otherwise"
    return "best test epoch kept" if one.epoch == BEST else ""


def ours(grid: Grid, tasks: Sequence[str]) -> How:
    """How our cells were measured; a field is empty where they differ in it or do not say."""
    cells = [cell for task in tasks for method in grid.compared for cell in grid.cells.get((method, task), ())]
    return How(
        alike([kind(cell.data.pipeline or "") for cell in cells]),
        alike([weights_of(cell) for cell in cells]),
        alike([inputs_of(cell) for cell in cells]),
        "last",
    )


def alike(values: Sequence[str]) -> str:
    """The one value that all of them have; empty where they differ."""
    return values[0] if len(set(values)) == 1 else ""


def weights_of(cell: CellResult) -> str:
    """timm's tag of the weights that a cell adapted, or `checkpoint`."""
    return cell.network.weights or cell.backbone.partition(".")[2]


def inputs_of(cell: CellResult) -> str:
    """Which of INPUTS a cell's network was fed; empty where its record does not say."""
    given = cell.network.mean, cell.network.std
    if None in given:
        return ""
    return next((name for name, known in INPUTS.items() if known == given), "other")


def kind(pipeline: str) -> str:
    """Which images a pipeline of `tasks` reads. A lossless copy holds the images it was made from."""
    source = pipeline.removeprefix("lossless PNG copy of: ")
    if source.startswith("vtab-1k folder"):
        return COPIES if "JPEG" in source else ""
    return ORIGINAL if source.startswith(("authors' files", "tensorflow-datasets")) else ""


def short(task: str) -> str:
    """`dtd` of `vtab1k/natural/dtd`."""
    return task.rsplit("/", 1)[-1]
