"""Studies from their records: what tuning would have chosen, had it stopped earlier, and the expected best of n."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from bench.records.cells import CellResult, TuningFacts

# The two axes of a budget: what a trial cost, and how much of that was the pass over the images that trials share.
LEDGERS = {"seconds": ("train_seconds", "shared_seconds"), "flops": ("train_flops", "shared_flops")}
Steps = list[tuple[float, float | None]]  # from each cost on, that value; None where it is not known


@dataclass(frozen=True)
class Trial:
    """One trial of a study. `val` and `test` are fractions; `val` is None where the trial was pruned or failed."""

    number: int
    default: bool  # the method's own default, not drawn by the sampler
    params: Mapping[str, Any]
    val: float | None
    test: float | None  # of its replay, which only trials have that led for a while
    costs: Mapping[str, float | None]  # per ledger, attributed, less the shared pass


@dataclass(frozen=True)
class Study:
    """The tuning of a method on a task, trials by number."""

    name: str
    method: str
    task: str
    seed: int
    sampler: str | None
    chosen: int | None  # trial number; None where no final record says it
    cut: bool  # the budget ended it
    trials: tuple[Trial, ...]
    shared: Mapping[str, float]  # per ledger, what the shared pass costs once


def studies(results: Iterable[CellResult]) -> list[Study]:
    """All studies that have a trial, in the order of the store."""
    trials: dict[str, dict[int, CellResult]] = {}
    replays: dict[tuple[object, ...], float] = {}
    tunings: dict[str, TuningFacts] = {}
    for result in results:
        of, tuning = result.trial, result.tuning
        if result.stage == "trial" and of is not None:
            seen = trials.setdefault(of.study, {})
            if of.number not in seen or seen[of.number].status != "done":
                seen[of.number] = result
        elif result.stage == "replay" and of is not None and known(result.accuracy.get("test")):
            replays[of.study, of.number] = result.accuracy["test"]
            replays.setdefault(alike(result), result.accuracy["test"])
        elif result.stage == "final" and tuning is not None:
            tunings[tuning.study] = tuning
    return [study(name, seen, replays, tunings.get(name)) for name, seen in trials.items()]


def alike(result: CellResult) -> tuple[object, ...]:
    """A key that equal trials of several studies share: only the first of them is replayed."""
    network = [result.network.identity, result.network.precision]  # the same weights may lie anywhere
    facts = [result.environment.protocol, result.effort, result.augment, result.data.fingerprint, *network]
    return result.method, result.task, result.seed, json.dumps([dict(result.params), *facts], sort_keys=True)


def study(
    name: str, seen: Mapping[int, CellResult], replays: Mapping[tuple[object, ...], float], tuning: TuningFacts | None
) -> Study:
    """One study from its trials by number. A trial without a replay has no test accuracy."""
    first = next(iter(seen.values()))
    known = seen if replays else {}
    tests = {number: replays.get((name, number), replays.get(alike(one))) for number, one in known.items()}
    trials = tuple(trial(number, seen[number], tests.get(number)) for number in sorted(seen))
    shared = {
        ledger: max((getattr(one.cost, of) or 0.0 for one in seen.values()), default=0.0)
        for ledger, (_, of) in LEDGERS.items()
    }
    told = tuning or TuningFacts(name)
    return Study(
        name, first.method, first.task, first.seed, told.sampler, told.chosen, told.cut, trials, shared
    )  # fmt: skip


def trial(number: int, result: CellResult, test: float | None) -> Trial:
    """One trial from its record, and the test accuracy of its replay."""
    val = result.accuracy.get("val") if result.status == "done" else None
    costs = {ledger: alone(*(getattr(result.cost, name) for name in names)) for ledger, names in LEDGERS.items()}
    assert result.trial is not None
    return Trial(number, result.trial.default, result.params, val if known(val) else None, test, costs)


def alone(cost: float | None, shared: float | None) -> float | None:
    """A trial's cost without the pass that all trials share."""
    return max(cost - (shared or 0.0), 0.0) if cost is not None and math.isfinite(cost) else None


def incumbents(study: Study) -> list[Trial | None]:
    """After each trial, the trial with the best validation accuracy so far; of equal ones the earlier."""
    best: Trial | None = None
    found = []
    for one in study.trials:
        if one.val is not None and (best is None or best.val is None or one.val > best.val):
            best = one
        found.append(best)
    return found


def curve(study: Study, ledger: str) -> Steps:
    """The test accuracy of the incumbent, as steps over the cost spent; empty where a trial's cost is not known.

    The cost spent is that of all trials so far, also of failed ones, and of the shared pass once. There is a step for
    the first incumbent, one wherever the incumbent changes, and one where the tuning ends.
    """
    spent = study.shared[ledger]
    steps: Steps = []
    leading: Trial | None = None
    for one, best in zip(study.trials, incumbents(study), strict=True):
        cost = one.costs[ledger]
        if cost is None:
            return []
        spent += cost
        if best is not None and (best is not leading or one is study.trials[-1]):
            steps.append((spent, best.test))
            leading = best
    return steps


def mean_curve(curves: Sequence[Steps]) -> Steps:
    """The mean of step functions, from where all of them have begun. It is None where one of them is not known."""
    if not curves or not all(curves):
        return []
    start = max(steps[0][0] for steps in curves)
    at = sorted({cost for steps in curves for cost, _ in steps if cost >= start})
    columns = [[value_at(steps, cost) for steps in curves] for cost in at]
    means = [fmean(v for v in column if v is not None) if None not in column else None for column in columns]
    return list(zip(at, means, strict=True))


def value_at(steps: Steps, cost: float) -> float | None:
    """The value of the last step up to `cost`; None before the first step."""
    reached = [value for at, value in steps if at <= cost]
    return reached[-1] if reached else None


def suite_curve(found: Sequence[Study], ledger: str) -> Steps:
    """A method's curve over several tasks: the mean over tasks of the mean over each task's studies (seeds)."""
    by_task: dict[str, list[Steps]] = {}
    for one in found:
        by_task.setdefault(one.task, []).append(curve(one, ledger))
    return mean_curve([mean_curve(curves) for curves in by_task.values()])


def drawn(study: Study) -> list[float]:
    """The validation accuracies that a random search drew. A trial without one counts as the worst measured."""
    tried = [one.val for one in study.trials if not one.default]
    measured = [val for val in tried if val is not None]
    return [min(measured) if val is None else val for val in tried] if measured else []


def expected_best(values: Sequence[float], n: int) -> tuple[float, float]:
    """Mean and variance of the best of `n` values drawn independently from those that were seen.

    Source: Dodge et al., "Show Your Work", EMNLP 2019, section 3.1: with F the empirical distribution over the distinct
    values v_1 < v_2 < …, the best of n is v_i with probability F(v_i)^n − F(v_{i−1})^n.
    """
    levels = sorted(set(values))
    below = [sum(value <= level for value in values) / len(values) for level in levels]
    chances = [high**n - low**n for low, high in zip([0.0, *below[:-1]], below, strict=True)]
    mean = sum(chance * level for chance, level in zip(chances, levels, strict=True))
    square = sum(chance * (level - mean) ** 2 for chance, level in zip(chances, levels, strict=True))
    return mean, square


def known(value: object) -> bool:
    """Whether a record has a finite number there."""
    return isinstance(value, (int, float)) and math.isfinite(value)
