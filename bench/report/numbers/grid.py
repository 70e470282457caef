"""The grid behind every table and plot: what each method reached on each task of a suite with one backbone."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeGuard, TypeVar

from bench.records.cells import CellResult
from bench.records.left_out import is_left_out
from bench.report.numbers.families import by_family
from bench.report.numbers.settings import names, setting, suite

GROUPS = ("natural", "specialized", "structured")  # VTAB's order; other groups follow as they come
T = TypeVar("T")
Identity = tuple[str, str, str, int]  # method, task, setting, seed


@dataclass(frozen=True)
class Score:
    """Mean accuracy over seeds, a fraction, and the sample standard deviation where there are several seeds."""

    mean: float
    std: float | None


@dataclass(frozen=True)
class Grid:
    """All finished cells of one suite with one backbone, computed on one kind of device in the same number formats.

    Means are taken over `common` alone, the tasks that all `compared` methods finished. A mean is None when one of its
    figures is missing.
    """

    suite: str
    backbone: str  # its name, with what tells it apart where the records hold several settings of it
    methods: tuple[str, ...]  # all that were run, by family
    groups: Mapping[str, str]  # task: group, sorted by group; the tasks that any method finished
    unfinished: tuple[str, ...]  # tasks that were tried and that no method finished
    cells: Mapping[tuple[str, str], tuple[CellResult, ...]]  # (method, task): one finished result a seed

    @cached_property
    def tasks(self) -> tuple[str, ...]:
        """Tasks that any method finished, sorted by group."""
        return tuple(self.groups)

    @cached_property
    def compared(self) -> tuple[str, ...]:
        """Methods that finished any task."""
        return tuple(name for name in self.methods if any((name, task) in self.cells for task in self.tasks))

    @cached_property
    def common(self) -> tuple[str, ...]:
        """Tasks that all compared methods finished."""
        return tuple(task for task in self.tasks if all((name, task) in self.cells for name in self.compared))

    @cached_property
    def effort(self) -> str:
        """How much its methods' recipes ask for, one of bench.records.request.EFFORTS; the same in all cells."""
        return next(iter(self.cells.values()))[0].effort

    @cached_property
    def about(self) -> str:
        """`demo suite, backbone mobilenetv2_100, quick recipes`."""
        return f"{self.suite} suite, backbone {self.backbone}, {self.effort} recipes"

    @cached_property
    def seeds(self) -> tuple[int, ...]:
        """All seeds, in rising order."""
        return tuple(sorted({cell.seed for cells in self.cells.values() for cell in cells}))

    def by_group(self, tasks: Sequence[str]) -> dict[str, list[str]]:
        """The tasks of each group. Groups without any are left out."""
        present = ordered(self.groups[task] for task in tasks)
        return {group: [task for task in tasks if self.groups[task] == group] for group in present}

    def label(self, task: str) -> str:
        """The shortest name of a task that no other task of the suite has."""
        last = task.rsplit("/", 1)[-1]
        alone = [other.rsplit("/", 1)[-1] for other in self.tasks].count(last) == 1
        return last if alone else task.removeprefix(f"{self.suite}/")

    def accuracies(self, method: str, task: str, test: str = "test") -> dict[int, float]:
        """Accuracy by seed. Seeds without a figure are left out."""
        cells = self.cells.get((method, task), ())
        return {cell.seed: cell.accuracy[test] for cell in cells if finite(cell.accuracy.get(test))}

    def score(self, method: str, task: str, test: str = "test") -> Score | None:
        """Mean and deviation over the seeds. None without a figure."""
        values = list(self.accuracies(method, task, test).values())
        return Score(statistics.fmean(values), deviation(values)) if values else None

    def mean(self, method: str, parts: Sequence[Sequence[str]]) -> Score | None:
        """Mean over the parts of the mean over the tasks of each part. None when a task has no figure.

        One part with all tasks gives the mean of the tasks. One part for each group gives the mean of the group means.
        The deviation is that of this mean over the seeds that every task has.
        """
        found = {task: self.accuracies(method, task) for part in parts for task in part}
        if not found or not all(found.values()):
            return None
        shared = sorted(set.intersection(*map(set, found.values())))
        of_seeds = [mean_of_means(parts, {task: by_seed[seed] for task, by_seed in found.items()}) for seed in shared]
        overall = mean_of_means(parts, {task: statistics.fmean(by_seed.values()) for task, by_seed in found.items()})
        return Score(overall, deviation(of_seeds))

    def cost(self, method: str, field: str, tasks: Sequence[str] | None = None) -> float | None:
        """Mean over tasks, or the common tasks, of the mean over seeds. None when a figure is missing."""
        cells = [self.cells.get((method, task), ()) for task in (self.common if tasks is None else tasks)]
        values = [[getattr(cell.cost, field) for cell in found] for found in cells]
        if not values or not all(found and all(map(finite, found)) for found in values):
            return None
        return statistics.fmean(statistics.fmean(found) for found in values)

    def shifted(self, task: str) -> tuple[str, ...]:
        """Names of a task's shifted test sets, `ood/<name>`."""
        cells = [cell for method in self.methods for cell in self.cells.get((method, task), ())]
        return ordered(name for cell in cells for name in cell.accuracy if name.startswith("ood/"))


def grids(results: Iterable[CellResult]) -> list[Grid]:
    """One grid for each suite and setting that has a finished cell. Settings of a backbone are named apart."""
    placed: dict[tuple[str, str], list[CellResult]] = {}
    for result in current(results):
        placed.setdefault((suite(result.task), setting(result)), []).append(result)
    done = {place: [result for result in cells if is_done(result)] for place, cells in placed.items()}
    told = names([result for cells in done.values() for result in cells])
    return [make_grid(place[0], told[place[1]], cells) for place, cells in placed.items() if done[place]]


def make_grid(suite_name: str, backbone: str, results: Sequence[CellResult]) -> Grid:
    """The grid of the final cells of one suite and setting, the groups in VTAB's order."""
    found: dict[tuple[str, str], list[CellResult]] = {}
    for result in results:
        if is_done(result):
            found.setdefault((result.method, result.task), []).append(result)
    finished = {task for _, task in found}
    group_of = {result.task: result.group for result in results if result.task in finished}
    order = ordered((*(group for group in GROUPS if group in group_of.values()), *group_of.values()))
    groups = {task: group for place in order for task, group in group_of.items() if group == place}
    methods = by_family(result.method for result in results)
    tried = ordered(result.task for result in results if not is_left_out(result))
    unfinished = tuple(task for task in tried if task not in groups)
    return Grid(suite_name, backbone, methods, groups, unfinished, {key: tuple(cells) for key, cells in found.items()})


def current(results: Iterable[CellResult]) -> list[CellResult]:
    """The final result that counts for each method, task, setting and seed.

    A store may hold several, measured with other hyper-parameters, data or code. The newest finished one counts, else
    the newest.
    """
    chosen: dict[Identity, CellResult] = {}
    for result in results:
        key = (result.method, result.task, setting(result), result.seed)
        if result.stage == "final" and (key not in chosen or rank(result) >= rank(chosen[key])):
            chosen[key] = result
    return list(chosen.values())


def is_done(result: CellResult) -> bool:
    """Whether a cell has a test accuracy."""
    return result.status == "done" and finite(result.accuracy.get("test"))


def rank(result: CellResult) -> tuple[bool, str]:
    """What decides which of two records of a cell counts: the higher one does."""
    return result.status == "done", result.started


def ordered(items: Iterable[T]) -> tuple[T, ...]:
    """Each item once, in the order in which they first come."""
    return tuple(dict.fromkeys(items))


def finite(value: object) -> TypeGuard[float]:
    """Whether a record has a number there."""
    return isinstance(value, (int, float)) and math.isfinite(value)


def mean_of_means(parts: Sequence[Sequence[str]], values: Mapping[str, float]) -> float:
    """Mean over the parts of the mean over the tasks of each part."""
    return statistics.fmean(statistics.fmean(values[task] for task in part) for part in parts)


def deviation(values: Sequence[float]) -> float | None:
    """Sample standard deviation (n − 1). None for fewer than two values."""
    return statistics.stdev(values) if len(values) > 1 else None
