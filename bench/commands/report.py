"""The command `report`: draws the report anew from the records alone."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from bench import report, tracking
from bench.commands.codes import DONE
from bench.commands.screen import Screen
from bench.records.store import Store
from bench.report.drawn import Report


def main(asked: Namespace) -> int:
    """Draws the report, also where nothing has changed, and shows it."""
    show(report.write_report(asked.results, asked.versus, anew=True, metric=asked.metric), asked.results)
    return DONE


def show_report(results: Path, versus: Sequence[str] = (), tracker: tracking.Tracker | None = None) -> datetime:
    """Writes the report of a results folder, attaches it in MLflow, and prints it with three addresses.

    A report of the same records is not drawn again. Returns when it was drawn.
    """
    made = report.write_report(results, versus)
    if tracker is not None:
        tracker.attach(made.paths)
    show(made, results)
    return made.drawn


def show(made: Report, results: Path) -> None:
    """Prints a report with three addresses."""
    Screen().print(made.summary)
    print(f"Records: {Store(results).path}")
    print(f"MLflow:  {tracking.ui_command(results)}")
    print(f"Report:  {made.paths[0]}, tables and plots beside it")
