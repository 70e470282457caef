"""Published VTAB-1k numbers: how they are read, which backbone they are of, and what keeps them from being compared."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.report.numbers.grid import Grid, ordered
from bench.report.numbers.units import listed
from bench.spec import UserError

REFERENCE = Path(__file__).resolve().parents[1] / "reference"  # a link to results/reference; in a wheel, its files
ORIGINAL, COPIES = "original", "JPEG copies"  # which images a row was measured on, in pipelines.csv
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
    "DINOv2-L": re.compile(r"vit_large_patch14.*dinov2"),
}
IN21K = re.compile(r"in21k(?!_ft)")  # weights straight from ImageNet-21k, in timm's names


@dataclass(frozen=True)
class Entry:
    """One published row."""

    method: str
    backbone: str
    source: str
    accuracy: Mapping[str, float]  # fractions, by the last part of a task's name
    pixels: str  # ORIGINAL, COPIES, or "" where that is not known

    @property
    def origin(self) -> str:
        """The repository, and its commit where it is known; the file follows in `source`."""
        return self.source.partition(" ")[0]


def read(folder: Path) -> list[Entry]:
    """All published rows. Raises UserError when a file is not there."""
    try:
        pixels = {row["source"]: row["pixels"] for row in lines(folder / "pipelines.csv")}
        return [entry(row, pixels) for row in lines(folder / "published_vtab1k.csv")]
    except OSError as error:
        raise UserError(f"cannot read {error.filename}; fetch results/reference of the repository anew") from error


def lines(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a CSV file, by column."""
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def entry(row: Mapping[str, str], pixels: Mapping[str, str]) -> Entry:
    """A published row; `pixels` says for each repository which images it reads."""
    accuracy = {task: float(row[column]) / 100 for task, column in COLUMNS.items() if row[column]}
    repository = row["source"].partition(" ")[0].partition("@")[0]
    return Entry(row["method"], row["backbone"], row["source"], accuracy, pixels.get(repository, ""))


def is_of(row: Entry, backbone: str) -> bool:
    """Whether a row is of the same network as a backbone of timm's, whatever its weights."""
    return any(row.backbone.startswith(name) and names.match(backbone) for name, names in FAMILIES.items())


def without(backbone: str, entries: Sequence[Entry]) -> str:
    """A sentence for a backbone that nothing is published for."""
    known = ordered(name for name in FAMILIES for one in entries if one.backbone.startswith(name))
    return f"No published numbers are known for {backbone}; there are some for {listed(list(known))}."


def obstacle(one: Entry, used: str, backbone: str) -> str:
    """What keeps a row from being compared with ours, in few words; empty where nothing is known to."""
    if not one.pixels:
        return "images not known"
    if one.pixels != used:
        return "other images"
    return "other weights" if "IN-21k" in one.backbone and not IN21K.search(backbone) else ""


def pixels_of(grid: Grid, tasks: Sequence[str]) -> str:
    """Whether our cells read original pixels or JPEG copies; empty where they differ or do not say."""
    cells = [cell for task in tasks for method in grid.compared for cell in grid.cells.get((method, task), ())]
    kinds = {kind(cell.data.pipeline or "") for cell in cells}
    return kinds.pop() if len(kinds) == 1 else ""


def kind(pipeline: str) -> str:
    """Which images a pipeline of `tasks` reads. A lossless copy holds the images it was made from."""
    source = pipeline.removeprefix("lossless PNG copy of: ")
    if source.startswith("vtab-1k folder"):
        return COPIES if "JPEG" in source else ""
    return ORIGINAL if source.startswith(("authors' files", "tensorflow-datasets")) else ""


def short(task: str) -> str:
    """`dtd` of `vtab1k/natural/dtd`."""
    return task.rsplit("/", 1)[-1]
