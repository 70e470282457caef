"""The command `sync`: brings MLflow up to date with the records."""

from __future__ import annotations

from argparse import Namespace

from bench import report, tracking
from bench.commands.codes import DONE
from bench.records.store import Store


def main(asked: Namespace) -> int:
    """Logs what MLflow lacks and attaches the report."""
    store = Store(asked.results)
    made = report.write_report(asked.results, asked.versus)
    count = tracking.sync(asked.results, store.results(), made.paths)
    print(f"{count} cells logged; MLflow has all of {store.path}")
    return DONE
