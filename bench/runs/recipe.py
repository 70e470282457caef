"""A method's own recipe at an effort: its hyper-parameters, and what it chooses among on the validation images."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

from bench.records.cells import Cell, Tuning
from bench.records.request import GRID
from bench.spec import Method

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution


def at_effort(method: Method, effort: str, fixed: Collection[str]) -> Method:
    """The method as it is for "paper"; for "quick" with its short recipe, but for what its label sets."""
    if effort == "paper":
        return method
    short = {name: value for name, value in method.quick.items() if name not in fixed}
    changed: Method = dataclasses.replace(method, **short)  # type: ignore[type-var]  # the protocol asks for a dataclass
    return changed


def choice_of(method: Method, effort: str, fixed: Collection[str], seed: int) -> Tuning | None:
    """How the harness makes the choice of a recipe; None where there is none to make.

    That is for trained methods at effort "paper". A frozen method chooses by itself, in its fit.
    """
    values = {} if method.frozen or effort != "paper" else choices(method, fixed)
    return Tuning(prod(map(len, values.values())), GRID, seed) if values else None


def choices(method: Method, fixed: Collection[str]) -> dict[str, list[Any]]:
    """What a recipe chooses among: its own value first, or the first one where it has none, then the others."""
    found = {}
    for name, values in unfixed(method.choices, fixed).items():
        own = getattr(method, name)
        first = [own] if own is not None or own in values else []
        found[name] = [*first, *(value for value in values if value != own)]
    return found


def searched(cell: Cell) -> dict[str, BaseDistribution]:
    """The space of a cell's study: every hyper-parameter of it that its label does not set."""
    if cell.tuning is not None and cell.tuning.sampler == GRID:
        values = choices(cell.method, cell.label.fixed)
        from optuna.distributions import CategoricalDistribution  # here, as `import bench` comes without Optuna

        return {name: CategoricalDistribution(tuple(some)) for name, some in values.items()}
    return unfixed(cell.method.space, cell.label.fixed)


def grid(space: Mapping[str, BaseDistribution]) -> list[dict[str, Any]]:
    """All points of a space of categories, the recipe's own first."""
    values = [one.choices for one in space.values() if hasattr(one, "choices")]
    return [dict(zip(space, point, strict=True)) for point in product(*values)]


def unfixed(named: Mapping[str, Any], fixed: Collection[str]) -> dict[str, Any]:
    """What is not set."""
    return {name: value for name, value in named.items() if name not in fixed}
