"""The report: tables, sentences and plots derived from the store alone."""

from __future__ import annotations

from pathlib import Path

from bench.report.document import Report, compose
from bench.spec import UserError
from bench.store import Store

__all__ = ["Report", "write_report"]


def write_report(folder: Path) -> Report:
    """Writes `report/` in a results folder, over what was there: `report.html`, tables, and plots as PNG and SVG.

    Returns what was written; printed to a rich console, it shows the tables and sentences. Raises UserError when the
    folder holds no results, or cannot be written to.
    """
    results = list(Store(folder).latest().values())
    if not results:
        raise UserError(f"there are no results in {folder}; run `python run_bench.py --results {folder}` first")
    try:
        return compose(results, folder / "report")
    except OSError as error:
        raise UserError(
            f"cannot write the report in {folder} ({error.strerror}); "
            "free some space, or name another folder with --results"
        ) from error
