"""The command `plan`: what would run, and what it is expected to cost."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from bench.commands.codes import DONE, UNUSABLE
from bench.commands.parser import request
from bench.commands.run import tell_missing
from bench.commands.screen import wide_screen
from bench.costs.budget import Amount, Budget, parse_limits
from bench.records.cells import Cell
from bench.records.left_out import left_out_line
from bench.records.request import Request
from bench.records.store import Store
from bench.runs.comparison import Comparison
from bench.runs.plan import split_done

if TYPE_CHECKING:  # it knows torch
    from bench.runs.refusals import Refusal

TO_RUN = "to run"
STATES = {"skipped": "left out", "failed": "fails"}  # of a cell that cannot run, by the status of its record


def main(asked: Namespace) -> int:
    """Shows the plan of what the flags ask for."""
    return show(request(asked))


def show(request: Request) -> int:
    """Shows what would run, what is done, what is left out, and what the rest is expected to cost."""
    plan = Comparison.of(request).plan()
    # Here, so that wrong usage is told before torch is imported, which takes seconds.
    from bench.runs.foresight import foresee

    store = Store(request.results)
    latest = store.latest()
    todo, settled = split_done(plan.cells, latest, request.force)
    refused, expected = foresee(todo, settled, store, request.device)
    several = len({cell.backbone.name for cell in plan.cells}) > 1
    table = Table("task", *["backbone"] * several, "method", "effort", "seed", "state", "expected", "FLOPs", box=None)
    total, states = Amount(), list[str]()
    for cell in plan.cells:
        states.append(STATES[refused[cell.key].status] if cell.key in refused else "done")
        cost = ("", "")
        if cell.key in expected:
            states[-1], needed = TO_RUN, expected[cell.key]
            total, cost = total + needed, (f"{needed.seconds:.0f} s", f"{needed.flops:.2g}")
        what = cell.task.name, *[cell.backbone.name] * several, str(cell.label), cell.effort, str(cell.seed)
        table.add_row(*what, states[-1], *cost)
    wide_screen().print(table)
    tell_missing(plan)
    tell_refused(plan.cells, refused)
    tell_total(states, total)
    if request.budget:
        remaining = Budget(parse_limits(request.budget), store.spent()).remaining()
        print(f"{remaining} of the budget are left: " + ("it fits" if total.fits(remaining) else "it does not fit"))
    return DONE if expected or "done" in states else UNUSABLE


def tell_refused(cells: Sequence[Cell], refused: Mapping[str, Refusal]) -> None:
    """Says which methods cannot run, and why: as they are set, or because they have no place in the backbone."""
    reasons = [(str(cell.label), refused[cell.key]) for cell in cells if cell.key in refused]
    for line in dict.fromkeys(f"{label} fails: {why.reason}" for label, why in reasons if why.status == "failed"):
        print(line)
    if line := left_out_line((label, why.reason) for label, why in reasons if why.status == "skipped"):
        print(line)


def tell_total(states: Sequence[str], total: Amount) -> None:
    """Counts the cells, and says what those that are left cost."""
    done = f"{states.count('done')} done"
    others = [f"{states.count(state)} {state}" for state in STATES.values() if state in states]
    print(
        f"{len(states)} cells: {', '.join([done, *others])}, {states.count(TO_RUN)} to run "
        f"in about {total.seconds:.0f} s and {total.flops:.3g} FLOP on this device, without heads where there are no "
        "records to go by"
    )
