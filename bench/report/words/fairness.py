"""Was it fair? What each method chose on validation images, in words, and what would change the ranking."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.report.numbers.chances import Chance, Choice
from bench.report.numbers.grid import Grid
from bench.report.numbers.units import MISSING, counted, duration, listed, prefixed

NAMES = {"lr": "learning rate", "l2": "l2 penalty", "weight_decay": "weight decay", "drop_path": "drop path"}
FEW = 5  # values that are all written; of more, both ends
NAMED = 6  # methods in a sentence


@dataclass(frozen=True)
class Line:
    """A method's line in the table."""

    method: str
    among: str
    looks: str
    cost: str
    ends: str


def fairness(grid: Grid, found: Sequence[Chance]) -> list[str]:
    """What was equal and what was not, in a few sentences."""
    told = [start(grid), *looks(found)]
    often = [one.method for one in found if any(mostly(choice) for choice in one.choices)]
    if often:
        told.append(
            f"On at least half of the tasks, {listed(often, NAMED)} chose a value at an end of what could be chosen; a "
            "wider range may rank them higher."
        )
    elif any(one.choices for one in found):
        told.append("No method chose, on half of the tasks, a value at an end of what could be chosen.")
    return told


def start(grid: Grid) -> str:
    """What the effort asks for."""
    if grid.effort == "paper":
        return (
            "Each method ran its published recipe. What a recipe leaves open was chosen on the validation images, and "
            "the final training then used all training images."
        )
    return (
        "These are quick recipes: what is trained had a short training and one learning rate, and probes still chose. "
        "The order may differ with --effort paper."
    )


def looks(found: Sequence[Chance]) -> Iterator[str]:
    """How many methods had how many looks at the validation images."""
    of: dict[int, list[str]] = {}
    for one in found:
        of.setdefault(one.looks[1], []).append(one.method)
    parts = [f"{number or 'none'} for {listed(of[number], 3)}" for number in sorted(of, reverse=True)]
    yield f"Looks at the validation images of a task: {'; '.join(parts)}."


def lines(found: Sequence[Chance]) -> list[Line]:
    """A line for each method."""
    return [
        Line(
            one.method,
            "; ".join(map(among, one.choices)) or ("not recorded" if one.looks[1] else "nothing: its recipe says all"),
            span(*one.looks),
            cost(one),
            "; ".join(filter(None, map(ends, one.choices))) or MISSING,
        )
        for one in found
    ]


def among(choice: Choice) -> str:
    """`learning rate: 1e-05, 0.0001, 0.001`, or `l2 penalty: 15 values, 1e-06 to 10`."""
    name, values = named(choice), [f"{value:.3g}" for value in choice.values]
    if choice.count is None:
        return f"{name}: " + (f"{values[0]} to {values[-1]}" if values else "a range")
    if not values:
        return f"{name}: {counted(choice.count, 'value')}"
    return f"{name}: " + (
        ", ".join(values) if len(values) <= FEW else f"{len(values)} values, {values[0]} to {values[-1]}"
    )


def ends(choice: Choice) -> str:
    """`learning rate: smallest on 3, largest on 1 of 7 tasks`; empty where none was chosen at an end."""
    found = [(word, len(choice.at_end(high))) for high, word in ((False, "smallest"), (True, "largest"))]
    parts = [f"{word} on {tasks}" for word, tasks in found if tasks]
    return f"{named(choice)}: {', '.join(parts)} of {counted(len(choice.picked), 'task')}" if parts else ""


def would_change(found: Sequence[Chance]) -> list[str]:
    """What may change the ranking, the method that is most often at an end first."""
    told = []
    for one in found:
        for choice in one.choices:
            for high, word in ((False, "smallest"), (True, "largest")):
                if tasks := choice.at_end(high):
                    value = f"{choice.values[-1 if high else 0]:.3g}"
                    space = "range" if choice.count is None else "grid"
                    told.append((
                        -len(tasks) / len(choice.picked),
                        f"{one.method} on {len(tasks)} of {counted(len(choice.picked), 'task')} chose the {word} "
                        f"{named(choice)} of its {space}, {value}: a wider {space} may rank it higher.",
                    ))  # fmt: skip
    return [sentence for _, sentence in sorted(told, key=lambda pair: pair[0])]


def mostly(choice: Choice) -> bool:
    """Whether one end was chosen on at least half of the tasks."""
    return any(2 * len(choice.at_end(high)) >= max(1, len(choice.picked)) for high in (False, True))


def named(choice: Choice) -> str:
    """The hyper-parameter as people call it."""
    return NAMES.get(choice.name, choice.name)


def span(low: int, high: int) -> str:
    """`4`, `none`, or `3 to 4`."""
    return (str(high) if high else "none") if low == high else f"{low} to {high}"


def cost(one: Chance) -> str:
    """What choosing cost for a task."""
    if not one.trials:
        return "within its training" if one.looks[1] else "nothing"
    more = f" ({one.share:.2g} trainings)" if one.share is not None else ""
    return f"{prefixed(one.flops, 'FLOP')}, {duration(one.seconds)}{more}"
