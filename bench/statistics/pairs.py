"""Two methods against each other over tasks: wins and losses, and Wilcoxon's test with Holm's correction.

Accuracies are fractions in 0..1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np

EXACT = 10  # decimals to which accuracies are compared: a smaller difference is floating-point noise, so a tie
PRINTED = 3  # decimals of a fraction that a table shows: figures that are printed alike are a tie


@dataclass(frozen=True)
class Pair:
    """Two methods compared over their common tasks. Wins, losses and the mean difference are the first one's."""

    first: str
    second: str
    wins: int
    ties: int
    losses: int
    mean: float  # of first minus second
    p: float  # Wilcoxon signed-rank, two-sided
    p_holm: float  # p corrected by Holm for all pairs of the comparison

    def swapped(self) -> Pair:
        """The same comparison with the two methods in the other order."""
        return Pair(self.second, self.first, self.losses, self.ties, self.wins, -self.mean, self.p, self.p_holm)


def all_pairs(methods: Sequence[str], columns: Mapping[str, np.ndarray]) -> dict[tuple[str, str], Pair]:
    """Every pair of the methods, in their order, with Holm's correction for the number of pairs.

    `columns` has the accuracies (tasks,) of each method.
    """
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
    """Numbers of tasks on which the first is printed higher than, the same as and lower than the second."""
    sign = np.sign(first.round(PRINTED) - second.round(PRINTED))
    return int((sign > 0).sum()), int((sign == 0).sum()), int((sign < 0).sum())


def wilcoxon(differences: np.ndarray) -> float:
    """Exact two-sided p of Wilcoxon's signed-rank test of differences (tasks,) (Demšar 2006, section 3.1.3).

    The ranks of zero differences are split evenly between both sides. The p counts all sign patterns that the
    differences could have had, by the sum of their positive ranks. SciPy is exact only without ties and zeros, or by
    trying every pattern, which takes seconds for a pair. Accuracies on small test sets tie often.
    """
    from scipy import stats  # here: it takes a second to import, and one method alone needs none of it

    rounded = differences.round(EXACT)
    ranks = np.rint(2 * stats.rankdata(np.abs(rounded))).astype(int)  # doubled, because ties have half ranks
    ways = sign_patterns(tuple(sorted(ranks[rounded != 0].tolist())))
    middle = (len(ways) - 1) / 2
    beyond = np.abs(np.arange(len(ways)) - middle) >= abs(ranks[rounded > 0].sum() - middle)
    return float(ways[beyond].sum() / ways.sum())


@lru_cache(maxsize=1000)  # without ties, all pairs of methods have the same ranks
def sign_patterns(ranks: tuple[int, ...]) -> np.ndarray:
    """The number of sign patterns in which the positive ranks sum to 0, 1, 2, … up to the sum of all ranks."""
    ways = np.ones(1)
    for rank in ranks:
        ways = np.pad(ways, (0, rank)) + np.pad(ways, (rank, 0))
    return ways


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for their number by Holm's step-down procedure (1979), in the order of `p_values`."""
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for place, at in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - place) * p_values[at]))
        adjusted[at] = largest
    return adjusted
