"""Several backbones side by side: the grids of one suite that differ in the backbone alone, as one grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bench.records.studies import Study
from bench.report.numbers.families import by_family
from bench.report.numbers.grid import GROUPS, Grid, ordered
from bench.report.numbers.settings import computed
from bench.report.numbers.units import listed


@dataclass(frozen=True)
class Together:
    """Grids with one backbone each, and one grid of all their cells, whose methods are labelled `lora on resnet50`."""

    grid: Grid
    parts: tuple[Grid, ...]

    @property
    def backbones(self) -> tuple[str, ...]:
        """Their names, in the order of the records."""
        return tuple(part.backbone for part in self.parts)

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that finished any task with any backbone, by family."""
        return by_family(method for part in self.parts for method in part.compared)


def together(found: Sequence[Grid]) -> list[Together]:
    """One for each suite where several backbones were measured on one kind of device, with recipes of one effort."""
    alike: dict[tuple[object, ...], list[Grid]] = {}
    for grid in found:
        cell = next(iter(grid.cells.values()))[0]
        terms = cell.environment.protocol, cell.effort, cell.augment, *computed(cell)
        alike.setdefault((grid.suite, *terms), []).append(grid)
    return [Together(joined(parts), tuple(parts)) for parts in alike.values() if len(parts) > 1]


def joined(parts: Sequence[Grid]) -> Grid:
    """One grid with the cells of all."""
    methods = by_family(method for part in parts for method in part.methods)
    labels = tuple(label(method, part) for method in methods for part in parts if method in part.methods)
    cells = {(label(method, part), task): found for part in parts for (method, task), found in part.cells.items()}
    group_of = {task: group for part in parts for task, group in part.groups.items()}
    order = ordered((*(group for group in GROUPS if group in group_of.values()), *group_of.values()))
    groups = {task: group for place in order for task, group in group_of.items() if group == place}
    return Grid(parts[0].suite, listed([part.backbone for part in parts]), labels, groups, (), cells)


def label(method: str, part: Grid) -> str:
    """`lora on resnet50`."""
    return f"{method} on {part.backbone}"


def labelled(studies: Sequence[Study], part: Grid) -> list[Study]:
    """Studies of one grid, as those of the grid that holds all."""
    return [replace(study, method=label(study.method, part)) for study in studies]
