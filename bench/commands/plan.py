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
    from bench.backbone.network import load
    from bench.costs.device import find_device
    from bench.runs.estimate import Estimator
    from bench.runs.refusals import refusals, settled_refusals

    store = Store(request.results)
    latest = store.latest()
    todo, settled = split_done(plan.cells, latest, request.force)
    backbone = load(request.spec, find_device(request.device))
    estimate = Estimator(backbone, store.results())
    refused = settled_refusals(settled, latest) | refusals(todo, backbone.module)
    left = {cell.key for cell in todo} - set(refused)
    table = Table("task", "method", "effort", "seed", "state", "expected", "FLOPs", box=None)
    total, states = Amount(), list[str]()
    for cell in plan.cells:
        states.append(STATES[refused[cell.key].status] if cell.key in refused else "done")
        cost = ("", "")
        if cell.key in left:
            states[-1], needed = TO_RUN, estimate.tuned(cell)
            total, cost = total + needed, (f"{needed.seconds:.0f} s", f"{needed.flops:.2g}")
        table.add_row(cell.task.name, str(cell.label), cell.effort, str(cell.seed), states[-1], *cost)
    wide_screen().print(table)
    tell_missing(plan)
    tell_refused(plan.cells, refused)
    tell_total(states, total)
    if request.budget:
        remaining = Budget(parse_limits(request.budget), store.spent()).remaining()
        print(f"{remaining} of the budget are left: " + ("it fits" if total.fits(remaining) else "it does not fit"))
    return DONE if left or "done" in states else UNUSABLE


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
