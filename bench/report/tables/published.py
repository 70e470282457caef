"""Published VTAB-1k numbers beside our own, matched by backbone; what cannot be compared stands apart, with why."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from bench.report.numbers.grid import Grid, ordered
from bench.report.numbers.units import listed, percent
from bench.report.tables.main import Row, Section, Table, marked
from bench.spec import UserError

REFERENCE = Path(__file__).resolve().parents[3] / "results" / "reference"
PUBLISHED = "published"  # the name under which the command line knows these numbers
SUITE = "vtab1k"
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


@dataclass(frozen=True)
class Versus:
    """What was asked to be put beside our numbers."""

    tables: tuple[Table, ...]
    sentences: tuple[str, ...]


def versus(grids: Sequence[Grid], names: Sequence[str]) -> Versus:
    """A table for every grid of VTAB-1k tasks whose backbone has published numbers, and a sentence for every other.

    Raises UserError for a name other than `published`, and where the files of published numbers are not there.
    """
    for name in names:
        if name != PUBLISHED:
            raise UserError(f"there are no numbers named {name!r} to compare with; --versus takes {PUBLISHED!r}")
    if not names:
        return Versus((), ())
    mine = [grid for grid in grids if grid.suite == SUITE]
    if not mine:
        return Versus((), ("Published numbers are for VTAB-1k, and there is no result on any of its tasks.",))
    entries = read(REFERENCE)
    found = [(grid, [one for one in entries if is_of(one, grid.backbone)]) for grid in mine]
    return Versus(
        tuple(beside(grid, rows) for grid, rows in found if rows),
        tuple(without(grid.backbone, entries) for grid, rows in found if not rows),
    )


def read(folder: Path) -> list[Entry]:
    """All published rows. Raises UserError when a file is not there."""
    try:
        pixels = {row["source"]: row["pixels"] for row in lines(folder / "pipelines.csv")}
        return [entry(row, pixels) for row in lines(folder / "published_vtab1k.csv")]
    except OSError as error:
        raise UserError(f"cannot read {error.filename}; fetch results/reference of the repository anew") from error


def lines(path: Path) -> Iterator[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def entry(row: Mapping[str, str], pixels: Mapping[str, str]) -> Entry:
    accuracy = {task: float(row[column]) / 100 for task, column in COLUMNS.items() if row[column]}
    repository = row["source"].partition(" ")[0].partition("@")[0]
    return Entry(row["method"], row["backbone"], row["source"], accuracy, pixels.get(repository, ""))


def is_of(row: Entry, backbone: str) -> bool:
    """Whether a row is of the same network as a backbone of timm's, whatever its weights."""
    return any(row.backbone.startswith(name) and names.match(backbone) for name, names in FAMILIES.items())


def without(backbone: str, entries: Sequence[Entry]) -> str:
    known = ordered(name for name in FAMILIES for one in entries if one.backbone.startswith(name))
    return f"No published numbers are known for {backbone}; there are some for {listed(list(known))}."


def beside(grid: Grid, entries: Sequence[Entry]) -> Table:
    """Our methods, then the rows of each source, over the VTAB-1k tasks that we have; best among what is comparable."""
    tasks = {short(task): task for task in grid.tasks if short(task) in COLUMNS}
    parts = grid.by_group(list(tasks.values())).values()
    groups = [[short(task) for task in part] for part in parts]
    used = pixels_of(grid, list(tasks.values()))
    lines = [Line("this run", method, figures(own(grid, method, tasks), groups)) for method in grid.compared]
    rows = sorted(((one, obstacle(one, used, grid.backbone)) for one in entries), key=lambda row: row[1] != "")
    sources = ordered(one.origin for one, _ in rows)
    for one, reason in sorted(rows, key=lambda row: (row[1] != "", sources.index(row[0].origin), row[1])):
        title = f"[{sources.index(one.origin) + 1}] published" + (f", not comparable: {reason}" if reason else "")
        lines.append(Line(title, one.method, figures(one.accuracy, groups), not reason))
    means = [f"mean of {len(tasks)}", *([f"mean of {len(groups)} groups"] if len(groups) > 1 else [])]
    heading = f"Beside published numbers, test accuracy, %: backbone {grid.backbone}"
    return Table(heading, (*tasks, *means), sections(lines), note(sources, used), methods_down=True)


@dataclass(frozen=True)
class Line:
    """A row before the best of each column is known."""

    title: str
    label: str
    values: tuple[float | None, ...]
    comparable: bool = True


def own(grid: Grid, method: str, tasks: Mapping[str, str]) -> dict[str, float]:
    return {name: score.mean for name, task in tasks.items() if (score := grid.score(method, task))}


def figures(accuracy: Mapping[str, float], groups: Sequence[Sequence[str]]) -> tuple[float | None, ...]:
    """Accuracy on each task, the mean of the tasks, and of the groups where there are several; None where one lacks."""
    each = [accuracy.get(task) for group in groups for task in group]
    whole = len(each) == sum(value is not None for value in each)
    means: list[float | None] = [fmean(accuracy[task] for group in groups for task in group)] if whole else [None]
    if len(groups) > 1:
        means.append(fmean(fmean(accuracy[task] for task in group) for group in groups) if whole else None)
    return (*each, *means)


def sections(lines: Sequence[Line]) -> tuple[Section, ...]:
    """The rows under their titles, the best and the second of each column marked among those that are comparable."""
    columns = []
    for values in zip(*(line.values for line in lines), strict=True):
        rounded = [round(1000 * value) if value is not None and line.comparable else None
                   for line, value in zip(lines, values, strict=True)]  # fmt: skip
        columns.append(marked([percent(value) for value in values], rounded))
    rows = [Row(line.label, tuple(column[at] for column in columns)) for at, line in enumerate(lines)]
    titles = ordered(line.title for line in lines)
    return tuple(
        Section(title, tuple(row for row, line in zip(rows, lines, strict=True) if line.title == title))
        for title in titles
    )


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
    """Which images a pipeline of `tasks` reads; a lossless copy holds those that it was made from."""
    source = pipeline.removeprefix("lossless PNG copy of: ")
    if source.startswith("vtab-1k folder"):
        return COPIES if "JPEG" in source else ""
    return ORIGINAL if source.startswith(("authors' files", "tensorflow-datasets")) else ""


def note(sources: Sequence[str], used: str) -> str:
    """Where the rows are from, and what comparable means."""
    images = {ORIGINAL: "the original pixels", COPIES: "JPEG copies"}.get(used, "images of different or unknown kind")
    listing = "; ".join(f"[{number}] {source}" for number, source in enumerate(sources, start=1))
    return (
        f"this run read {images}; rows of other images or weights are shown and not compared; image size, resizing, "
        f"tuning and seeds may differ in all of them; {listing}; their files: results/reference/published_vtab1k.csv"
    )


def short(task: str) -> str:
    """`dtd` of `vtab1k/natural/dtd`."""
    return task.rsplit("/", 1)[-1]
