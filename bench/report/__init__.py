"""The report: tables, sentences and plots derived from the store alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.report.document import Report, compose
from bench.spec import UserError
from bench.store import Store

__all__ = ["Report", "write_report"]


def write_report(folder: Path, versus: Sequence[str] = ()) -> Report:
    """Writes `report/` in a results folder, over what was there: `table.md`, `.csv` and `.tex`, plots as PNG and SVG.

    `versus` names numbers of others to put beside ours: `published`. Returns what was written; printed to a rich
    console, it shows the tables and sentences. Raises UserError when the folder holds no results or cannot be written
    to, and for a name that nothing has.
    """
    results = list(Store(folder).latest().values())
    if not results:
        raise UserError(f"there are no results in {folder}; run `python run_bench.py --results {folder}` first")
    try:
        return compose(results, folder / "report", versus)
    except OSError as error:
        raise UserError(
            f"cannot write the report in {folder} ({error.strerror}); "
            "free some space, or name another folder with --results"
        ) from error
