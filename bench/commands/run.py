"""The command `run`: does what is left to do under the budget, and reports on all of it."""

from __future__ import annotations

import sys
from argparse import Namespace

from bench.commands.codes import DONE, INCOMPLETE, OVER_BUDGET, UNUSABLE
from bench.commands.parser import request
from bench.runs.comparison import Comparison, Outcome, Run, opened
from bench.runs.plan import Plan
from bench.runs.progress import Progress
from bench.spec import UserError
from bench.tracking import Tracker


def main(asked: Namespace) -> int:
    """Runs what is not done yet and reports on all of it."""
    comparison = Comparison.of(request(asked))
    plan = comparison.plan()
    tell_missing(plan)
    if not plan.cells:
        raise UserError("nothing can run, for the reasons above; `list` shows what is here")
    with Tracker(asked.results) as tracker:
        with opened(comparison.request, plan) as run:
            work(run, tracker)
            outcome = run.outcome()
        tell(outcome)
        if run.store.results():
            from bench.commands.report import show_report  # here, so that wrong usage is told before pandas is imported

            drawn = show_report(asked.results, asked.versus, tracker)
            if not run.todo:
                note(f"nothing to run; report as of {drawn.astimezone():%Y-%m-%d %H:%M}")
    return code(outcome)


def work(run: Run, tracker: Tracker) -> None:
    """Does what is left, with progress on stderr and MLflow kept up to date."""
    total, left = len(run.plan.cells), len(run.todo)
    if (lost := run.lost) is not None:
        note(f"a run was killed at {lost.task} · {lost.method}; its {lost.cost.spent_seconds:.1f} s are charged")
    note(f"{total} cells: {total - left} done already, {left} to run into {run.store.folder}")
    if not left or run.budget.is_spent():
        return
    tracker.start(len(run.store.results()) - (lost is not None))  # the line of what was lost is new, and the last
    with Progress(run.todo) as progress:
        run.work([progress, tracker])


def tell(outcome: Outcome) -> None:
    """Says what did not fit into the budget, and whether the device failed."""
    if outcome.stopped is not None:
        note(outcome.stopped)
    for label, needed in outcome.postponed.items():
        note(f"{label} is expected to take {needed}, more than was left, and was not begun")
    if outcome.over_budget:
        cut = f" and {outcome.cut} were tuned with fewer trials than asked" if outcome.cut else ""
        note(
            f"the budget of {outcome.limit} does not do for all: {outcome.spent.seconds:.0f} s and "
            f"{outcome.spent.flops:.3g} FLOP are spent in this folder, {outcome.left} cells are left{cut}; "
            "raise --budget and run again"
        )


def tell_missing(plan: Plan) -> None:
    """Names the tasks and methods that cannot run, with the reason."""
    for name, reason in plan.missing.items():
        note(f"skipped {name}: {reason}")


def code(outcome: Outcome) -> int:
    """The exit code."""
    if outcome.left_out and not outcome.asked:
        return UNUSABLE
    if outcome.over_budget:
        return OVER_BUDGET
    return DONE if outcome.complete else INCOMPLETE


def note(text: str) -> None:
    """A line of progress, on stderr."""
    print(text, file=sys.stderr)
