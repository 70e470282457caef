"""The command `plan`: what would run, and what it is expected to cost."""

from __future__ import annotations

from argparse import Namespace

from rich.table import Table

from bench.commands.codes import DONE, UNUSABLE
from bench.commands.parser import request
from bench.commands.run import tell_missing
from bench.commands.screen import wide_screen
from bench.costs.budget import Amount, Budget, parse_limits
from bench.records.request import Request
from bench.records.store import Store
from bench.runs.comparison import Comparison
from bench.runs.plan import split_done


def main(asked: Namespace) -> int:
    """Shows the plan of what the flags ask for."""
    return show(request(asked))


def show(request: Request) -> int:
    """Shows what would run, what is done, and what the rest is expected to cost."""
    plan = Comparison.of(request).plan()
    # Here, so that wrong usage is told before torch is imported, which takes seconds.
    from bench.backbone.network import load
    from bench.costs.device import find_device
    from bench.runs.estimate import Estimator

    store = Store(request.results)
    todo, done = split_done(plan.cells, store.latest(), request.force)
    estimate = Estimator(load(request.spec, find_device(request.device)), store.results())
    table = Table("task", "method", "effort", "seed", "state", "expected", "FLOPs", box=None)
    total = Amount()
    for cell in plan.cells:
        state, cost = "done", ("", "")
        if cell in todo:
            state, needed = "to run", estimate.tuned(cell)
            total, cost = total + needed, (f"{needed.seconds:.0f} s", f"{needed.flops:.2g}")
        table.add_row(cell.task.name, str(cell.label), cell.effort, str(cell.seed), state, *cost)
    wide_screen().print(table)
    tell_missing(plan)
    print(
        f"{len(plan.cells)} cells: {len(done)} done, {len(todo)} to run in about {total.seconds:.0f} s and "
        f"{total.flops:.3g} FLOP on this device, without heads where there are no records to go by"
    )
    if request.budget:
        left = Budget(parse_limits(request.budget), store.spent()).remaining()
        print(f"{left} of the budget are left: " + ("it fits" if total.fits(left) else "it does not fit"))
    return DONE if plan.cells else UNUSABLE
