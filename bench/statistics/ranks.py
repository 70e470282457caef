"""Ranks, Friedman, Nemenyi, Wilcoxon with Holm: whether methods differ over tasks by more than chance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from itertools import combinations

import numpy as np
from scipy import stats

ALPHA = 0.05
EXACT = 10  # decimals to which accuracies are compared: a difference of floating-point noise is a tie
PRINTED = 3  # decimals of a fraction that a table shows: what is printed alike is neither won nor lost


@dataclass(frozen=True)
class Pair:
    """Two methods over the tasks of both; wins, losses and the mean difference are the first one's."""

    first: str
    second: str
    wins: int
    ties: int
    losses: int
    mean: float  # of first minus second
    p: float  # Wilcoxon signed-rank, two-sided
    p_holm: float  # corrected for all pairs of the comparison

    def turned(self) -> Pair:
        """The same, told by the other method."""
        return Pair(self.second, self.first, self.losses, self.ties, self.wins, -self.mean, self.p, self.p_holm)


@dataclass(frozen=True)
class Friedman:
    """Whether the methods' average ranks differ more than by chance (Demšar 2006, JMLR 7, section 3.2.2)."""

    chi2: float  # corrected for ties
    chi2_p: float
    f: float  # Iman and Davenport's less conservative statistic
    p: float  # of f


@dataclass(frozen=True)
class Comparison:
    """All methods against each other over the tasks that all of them have."""

    methods: tuple[str, ...]  # the best average rank first
    tasks: tuple[str, ...]
    ranks: Mapping[str, float]  # average over the tasks, 1 is best
    friedman: Friedman | None  # None with fewer than three methods or two tasks
    critical_difference: float | None  # of average ranks, Nemenyi; None where Friedman is
    pairs: Mapping[tuple[str, str], Pair]  # the better ranked one first

    def pair(self, first: str, second: str) -> Pair:
        found = self.pairs.get((first, second))
        return found if found is not None else self.pairs[second, first].turned()

    @cached_property
    def least_p(self) -> float:
        """The smallest corrected p that any pair could reach: all tasks won, by the only order of signs of 2^n."""
        return min(1.0, 2.0 ** (1 - len(self.tasks)) * len(self.pairs))

    @cached_property
    def can_settle(self) -> bool:
        """Whether there are tasks enough for any pair to differ significantly."""
        return bool(self.pairs) and self.least_p <= ALPHA

    def differ(self, first: str, second: str) -> bool:
        """Whether two methods differ significantly over the tasks, by Wilcoxon's test with Holm's correction."""
        return self.pair(first, second).p_holm <= ALPHA

    def groups(self) -> list[tuple[str, ...]]:
        """Largest runs of methods, in the order of ranks, within one critical difference: a diagram's bars."""
        if self.critical_difference is None:
            return []
        runs = [
            tuple(m for m in self.methods[at:] if self.ranks[m] - self.ranks[first] <= self.critical_difference)
            for at, first in enumerate(self.methods)
        ]
        return [run for at, run in enumerate(runs) if len(run) > 1 and (at == 0 or run[-1] != runs[at - 1][-1])]


def compare(scores: Mapping[str, Mapping[str, float]]) -> Comparison:
    """Ranks and tests of {method: {task: accuracy}} over the tasks that every method has."""
    every = dict.fromkeys(task for found in scores.values() for task in found)
    tasks = tuple(task for task in every if all(task in found for found in scores.values()))
    table = np.array([[scores[method][task] for method in scores] for task in tasks]).reshape(len(tasks), len(scores))
    average = average_ranks(table) if tasks else np.full(len(scores), np.nan)
    ranks = {method: float(rank) for method, rank in zip(scores, average, strict=True)}
    methods = tuple(sorted(scores, key=lambda method: ranks[method])) if tasks else tuple(scores)
    enough = len(methods) > 2 and len(tasks) > 1
    return Comparison(
        methods,
        tasks,
        ranks if tasks else {},
        friedman(table) if enough else None,
        critical_difference(len(methods), len(tasks)) if enough else None,
        all_pairs(methods, {method: table[:, at] for at, method in enumerate(scores)}) if tasks else {},
    )


def average_ranks(table: np.ndarray) -> np.ndarray:
    """Ranks (methods,) averaged over the rows of (tasks, methods), 1 for the highest; ties share their mean rank."""
    ranks: np.ndarray = stats.rankdata(-table.round(EXACT), axis=1).mean(axis=0)
    return ranks


def friedman(table: np.ndarray) -> Friedman:
    """Friedman's test of (tasks, methods), at least 2 × 3, with Iman and Davenport's F (Demšar 2006, section 3.2.2).

    F overstates what a few tasks show: its p is never put below the chance that all tasks rank all methods alike.
    """
    tasks, methods = table.shape
    rounded = table.round(EXACT)
    if (rounded == rounded[:, :1]).all():
        return Friedman(0.0, 1.0, 0.0, 1.0)
    chi2, chi2_p = map(float, stats.friedmanchisquare(*rounded.T))
    room = tasks * (methods - 1) - chi2
    f = (tasks - 1) * chi2 / room if room > 1e-9 else math.inf
    p = float(stats.f.sf(f, methods - 1, (methods - 1) * (tasks - 1)))
    return Friedman(chi2, chi2_p, f, max(p, math.factorial(methods) ** (1.0 - tasks)))


def critical_difference(methods: int, tasks: int) -> float:
    """How far apart average ranks must be to differ at 5 %: Nemenyi's test (Demšar 2006, section 3.2.2)."""
    return studentized(methods) * math.sqrt(methods * (methods + 1) / (6 * tasks))


@cache
def studentized(methods: int) -> float:
    """Critical value q of Nemenyi's test at 5 %: the studentized range, divided by √2 (Demšar 2006, table 5a)."""
    return float(stats.studentized_range.ppf(1 - ALPHA, methods, np.inf)) / math.sqrt(2)


def all_pairs(methods: Sequence[str], columns: Mapping[str, np.ndarray]) -> dict[tuple[str, str], Pair]:
    """Every two of the methods, in their order, with Holm's correction for all of them."""
    names = list(combinations(methods, 2))
    tested = [wilcoxon(columns[first] - columns[second]) for first, second in names]
    corrected = holm(tested)
    found = {}
    for (first, second), p, p_holm in zip(names, tested, corrected, strict=True):
        wins, ties, losses = win_tie_loss(columns[first], columns[second])
        mean = float((columns[first] - columns[second]).mean())
        found[first, second] = Pair(first, second, wins, ties, losses, mean, p, p_holm)
    return found


def win_tie_loss(first: np.ndarray, second: np.ndarray) -> tuple[int, int, int]:
    """On how many tasks the first is printed higher than, like and lower than the second."""
    sign = np.sign(first.round(PRINTED) - second.round(PRINTED))
    return int((sign > 0).sum()), int((sign == 0).sum()), int((sign < 0).sum())


def wilcoxon(differences: np.ndarray) -> float:
    """Exact two-sided p of Wilcoxon's signed-rank test, zeros split between both sides (Demšar 2006, section 3.1.3).

    Counts the signs that the differences could have had, by the sum of the ranks of the positive ones. SciPy is exact
    only without ties and zeros, or by trying all signs, seconds a pair; accuracies on small test sets tie often.
    """
    rounded = differences.round(EXACT)
    ranks = np.rint(2 * stats.rankdata(np.abs(rounded))).astype(int)  # doubled, for ties have halves
    ways = signs(tuple(sorted(ranks[rounded != 0].tolist())))
    middle = (len(ways) - 1) / 2
    beyond = np.abs(np.arange(len(ways)) - middle) >= abs(ranks[rounded > 0].sum() - middle)
    return float(ways[beyond].sum() / ways.sum())


@lru_cache(maxsize=1000)  # without ties, all pairs of methods have the same ranks
def signs(ranks: tuple[int, ...]) -> np.ndarray:
    """In how many of all choices of signs the positive ranks sum to 0, 1, 2, … up to their total."""
    ways = np.ones(1)
    for rank in ranks:
        ways = np.pad(ways, (0, rank)) + np.pad(ways, (rank, 0))
    return ways


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for their number by Holm's step-down procedure (1979), in the order given."""
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for place, at in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - place) * p_values[at]))
        adjusted[at] = largest
    return adjusted
