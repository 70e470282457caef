"""The report: tables, sentences and plots derived from the store alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.records.store import Store
from bench.report.numbers.units import counted
from bench.spec import UserError

if TYPE_CHECKING:
    from bench.report.document import Report


def write_report(folder: Path, versus: Sequence[str] = ()) -> Report:
    """Writes `report/` in a results folder, over what was there: `report.html`, tables, and plots as PNG and SVG.

    `versus` names numbers of others to put beside ours: `published`. Returns what was written. Printed to a rich
    console, it takes at most a screen. Raises UserError when the folder holds no results or cannot be written to, and
    for a name that nothing has.
    """
    from bench.report.document import compose  # only here: pandas takes a third of a second to import

    store = Store(folder)
    everything = store.results()
    if not everything:
        raise UserError(f"there are no results in {folder}; run `python run_bench.py --results {folder}` first")
    try:
        finals = [result for result in store.latest().values() if result.stage == "final"]
        others = [result for result in everything if result.stage != "final"]  # two trials may have tried the same
        return compose([*finals, *others], folder / "report", versus, remarks(store))
    except OSError as error:
        raise UserError(
            f"cannot write the report in {folder} ({error.strerror}); "
            "free some space, or name another folder with --results"
        ) from error


def remarks(store: Store) -> list[str]:
    """How many lines of the records could not be read, if any."""
    torn = store.unreadable()
    return [f"not read: {counted(torn, 'line')} of {store.path.name}, torn or of another shape"] if torn else []
