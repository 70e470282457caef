"""Whether methods differ over tasks by more than chance: average ranks, Friedman's test and Nemenyi's.

The tests follow Demšar (2006), "Statistical comparisons of classifiers over multiple data sets", JMLR 7, 1-30.
Accuracies are fractions in 0..1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from bench.statistics.pairs import EXACT, Pair, all_pairs

ALPHA = 0.05


@dataclass(frozen=True)
class Friedman:
    """Friedman's test: whether average ranks differ by more than chance (Demšar 2006, section 3.2.2)."""

    chi2: float  # Friedman's statistic, corrected for ties
    chi2_p: float
    f: float  # the statistic of Iman and Davenport, which is less conservative
    p: float  # of f


@dataclass(frozen=True)
class Comparison:
    """All methods against each other, over the tasks that all of them have."""

    methods: tuple[str, ...]  # best average rank first
    tasks: tuple[str, ...]
    ranks: Mapping[str, float]  # average over the tasks; 1 is best
    friedman: Friedman | None  # None with fewer than three methods or fewer than two tasks
    critical_difference: float | None  # Nemenyi's, in average ranks; None where `friedman` is None
    pairs: Mapping[tuple[str, str], Pair]  # the method with the better rank first

    def pair(self, first: str, second: str) -> Pair:
        """The comparison of two methods, seen from the first. Raises KeyError where one is not in the comparison."""
        found = self.pairs.get((first, second))
        return found if found is not None else self.pairs[second, first].swapped()

    @cached_property
    def least_p(self) -> float:
        """The smallest corrected p that a pair can reach.

        It is reached when one method wins all n tasks: 2 of the 2^n sign patterns are that extreme. Holm's correction
        multiplies it by the number of pairs.
        """
        return min(1.0, 2.0 ** (1 - len(self.tasks)) * len(self.pairs))

    @cached_property
    def can_settle(self) -> bool:
        """Whether there are enough tasks for any pair to differ significantly."""
        return bool(self.pairs) and self.least_p <= ALPHA

    def differ(self, first: str, second: str) -> bool:
        """Whether two methods differ significantly over the tasks, by Wilcoxon's test with Holm's correction at 5 %."""
        return self.pair(first, second).p_holm <= ALPHA

    def groups(self) -> list[tuple[str, ...]]:
        """Groups of methods whose average ranks lie within one critical difference: the bars of Demšar's diagram.

        Each group is as large as possible and in the order of ranks. A method may be in several groups or in none.
        """
        if self.critical_difference is None:
            return []
        runs = [
            tuple(m for m in self.methods[at:] if self.ranks[m] - self.ranks[first] <= self.critical_difference)
            for at, first in enumerate(self.methods)
        ]
        return [run for at, run in enumerate(runs) if len(run) > 1 and (at == 0 or run[-1] != runs[at - 1][-1])]


def compare(scores: Mapping[str, Mapping[str, float]]) -> Comparison:
    """Ranks and tests of `scores`, {method: {task: accuracy}}, over the tasks that every method has."""
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
    """Average ranks (methods,) of accuracies (tasks, methods): 1 is the highest, ties share their mean rank."""
    if table.shape[1] == 1:
        return np.ones(1)
    from scipy import stats  # in functions: it takes a second to import, and one method alone needs none of it

    ranks: np.ndarray = stats.rankdata(-table.round(EXACT), axis=1).mean(axis=0)
    return ranks


def friedman(table: np.ndarray) -> Friedman:
    """Friedman's test with Iman and Davenport's F (Demšar 2006, section 3.2.2).

    `table` has accuracies (tasks, methods), with at least two tasks and three methods. With few tasks F overstates the
    evidence. So its p is never below (1 / k!)^(n − 1), the chance that n tasks rank k methods all in the same order.
    """
    tasks, methods = table.shape
    rounded = table.round(EXACT)
    if (rounded == rounded[:, :1]).all():
        return Friedman(0.0, 1.0, 0.0, 1.0)
    from scipy import stats  # as above

    chi2, chi2_p = map(float, stats.friedmanchisquare(*rounded.T))
    room = tasks * (methods - 1) - chi2
    f = (tasks - 1) * chi2 / room if room > 1e-9 else math.inf
    p = float(stats.f.sf(f, methods - 1, (methods - 1) * (tasks - 1)))
    return Friedman(chi2, chi2_p, f, max(p, math.factorial(methods) ** (1.0 - tasks)))


def critical_difference(methods: int, tasks: int) -> float:
    """Nemenyi's test: the difference of average ranks that is significant at 5 % (Demšar 2006, section 3.2.2)."""
    return studentized(methods) * math.sqrt(methods * (methods + 1) / (6 * tasks))


@cache
def studentized(methods: int) -> float:
    """The critical value q of Nemenyi's test at 5 %: the studentized range divided by √2 (Demšar 2006, table 5a)."""
    from scipy import stats  # as above

    return float(stats.studentized_range.ppf(1 - ALPHA, methods, np.inf)) / math.sqrt(2)
