"""The grid behind every table and plot: what each method reached on each task, with one backbone, over the seeds."""

from __future__ import annotations

import hashlib
import json
import math
import re
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import TypeGuard, TypeVar

from bench.records.cells import CellResult

GROUPS = ("natural", "specialized", "structured")  # VTAB's order; other groups follow as they come
T = TypeVar("T")
Identity = tuple[str, str, str, int]  # method, task, setting, seed


@dataclass(frozen=True)
class Score:
    """Mean accuracy over seeds, a fraction, and its sample standard deviation where there is more than one seed."""

    mean: float
    std: float | None


@dataclass(frozen=True)
class Grid:
    """All finished cells of one suite with one backbone.

    Means are only ever taken over `common`, the tasks that all `compared` methods finished, and a figure that lacks for
    one of these tasks makes the mean None.
    """

    suite: str
    backbone: str
    methods: tuple[str, ...]  # all that were run, in the order of the store
    groups: Mapping[str, str]  # task: group, sorted by group; the tasks that any method finished
    unfinished: tuple[str, ...]  # tasks that were tried and finished by none
    cells: Mapping[tuple[str, str], tuple[CellResult, ...]]  # (method, task): one finished result a seed

    @cached_property
    def tasks(self) -> tuple[str, ...]:
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
    def seeds(self) -> tuple[int, ...]:
        return tuple(sorted({cell.seed for cells in self.cells.values() for cell in cells}))

    def by_group(self, tasks: Sequence[str]) -> dict[str, list[str]]:
        """The tasks of each group that has any."""
        present = ordered(self.groups[task] for task in tasks)
        return {group: [task for task in tasks if self.groups[task] == group] for group in present}

    def label(self, task: str) -> str:
        """The shortest name that tells a task from the others of its suite."""
        last = task.rsplit("/", 1)[-1]
        alone = [other.rsplit("/", 1)[-1] for other in self.tasks].count(last) == 1
        return last if alone else task.removeprefix(f"{self.suite}/")

    def accuracies(self, method: str, task: str, test: str = "test") -> dict[int, float]:
        """Accuracy of each seed that has it."""
        cells = self.cells.get((method, task), ())
        return {cell.seed: cell.accuracy[test] for cell in cells if finite(cell.accuracy.get(test))}

    def score(self, method: str, task: str, test: str = "test") -> Score | None:
        values = list(self.accuracies(method, task, test).values())
        return Score(statistics.fmean(values), deviation(values)) if values else None

    def mean(self, method: str, parts: Sequence[Sequence[str]]) -> Score | None:
        """Mean over the parts of the mean over the tasks of each; None when a task lacks a figure.

        One part holding all tasks gives the mean of the tasks, one part a group the mean of the group means. The
        deviation is that of this mean over the seeds that every task has.
        """
        found = {task: self.accuracies(method, task) for part in parts for task in part}
        if not found or not all(found.values()):
            return None
        shared = sorted(set.intersection(*map(set, found.values())))
        of_seeds = [mean_of_means(parts, {task: by_seed[seed] for task, by_seed in found.items()}) for seed in shared]
        overall = mean_of_means(parts, {task: statistics.fmean(by_seed.values()) for task, by_seed in found.items()})
        return Score(overall, deviation(of_seeds))

    def cost(self, method: str, field: str, tasks: Sequence[str] | None = None) -> float | None:
        """Mean over tasks (the common ones if none are named) of the mean over seeds; None when one figure lacks."""
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
    """One grid for each suite and backbone that has a finished cell."""
    final = current(results)
    done = [result for result in final if result.status == "done" and finite(result.accuracy.get("test"))]
    places = ordered((suite(result.task), setting(result)) for result in done)
    told = names(done)
    return [
        make_grid(place[0], told[place[1]], [r for r in final if (suite(r.task), setting(r)) == place])
        for place in places
    ]


def setting(result: CellResult) -> str:
    """What must be alike in cells that are compared: the backbone, its weights and preprocessing, and the protocol."""
    network = replace(result.network, checkpoint=None)  # the same weights may lie anywhere
    return json.dumps([result.backbone, result.environment.protocol, asdict(network)], sort_keys=True)


def names(results: Sequence[CellResult]) -> dict[str, str]:
    """The name of each setting: that of its backbone, and where several settings share it, what it differs in."""
    settings = {setting(result): result for result in results}
    shared = [result.backbone for result in settings.values()]
    return {
        key: result.backbone if shared.count(result.backbone) == 1 else f"{result.backbone} ({differing(result)})"
        for key, result in settings.items()
    }


def differing(result: CellResult) -> str:
    """Image size, weights and protocol of a setting, in short, and a digest of it all."""
    network, protocol = result.network, result.environment.protocol
    told = [f"{network.image_size} px"] if network.image_size else []
    told += [f"weights {network.digest.removeprefix('sha256:')[:8]}"] if network.digest else []
    told += [f"protocol {protocol}"] if protocol else []
    return ", ".join([*told, f"setting {hashlib.sha256(setting(result).encode()).hexdigest()[:4]}"])


def make_grid(suite_name: str, backbone: str, results: Sequence[CellResult]) -> Grid:
    found: dict[tuple[str, str], list[CellResult]] = {}
    for result in results:
        if result.status == "done" and finite(result.accuracy.get("test")):
            found.setdefault((result.method, result.task), []).append(result)
    finished = {task for _, task in found}
    group_of = {result.task: result.group for result in results if result.task in finished}
    order = ordered((*(group for group in GROUPS if group in group_of.values()), *group_of.values()))
    groups = {task: group for place in order for task, group in group_of.items() if group == place}
    methods = ordered(result.method for result in results)
    unfinished = tuple(task for task in ordered(result.task for result in results) if task not in groups)
    return Grid(suite_name, backbone, methods, groups, unfinished, {key: tuple(cells) for key, cells in found.items()})


def current(results: Iterable[CellResult]) -> list[CellResult]:
    """The final result that counts for each method, task, backbone and seed.

    A store may hold several, measured with other hyper-parameters, data or code: the newest finished one counts, else
    the newest.
    """
    chosen: dict[Identity, CellResult] = {}
    for result in results:
        key = (result.method, result.task, setting(result), result.seed)
        if result.stage == "final" and (key not in chosen or rank(result) >= rank(chosen[key])):
            chosen[key] = result
    return list(chosen.values())


def rank(result: CellResult) -> tuple[bool, str]:
    return result.status == "done", result.started


def suite(task: str) -> str:
    """`vtab1k` of `vtab1k/natural/dtd`, `folder` of `folder:/data/birds`."""
    return re.split("[/:]", task, maxsplit=1)[0]


def ordered(items: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(items))


def finite(value: object) -> TypeGuard[float]:
    """Whether a record has a number there."""
    return isinstance(value, (int, float)) and math.isfinite(value)


def mean_of_means(parts: Sequence[Sequence[str]], values: Mapping[str, float]) -> float:
    return statistics.fmean(statistics.fmean(values[task] for task in part) for part in parts)


def deviation(values: Sequence[float]) -> float | None:
    """Sample standard deviation (n − 1), None for fewer than two values."""
    return statistics.stdev(values) if len(values) > 1 else None
