"""The report: tables, sentences and plots derived from the store alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.records.request import METRICS
from bench.records.store import Store
from bench.report import drawn
from bench.report.numbers.units import counted
from bench.spec import UserError


def write_report(
    folder: Path, versus: Sequence[str] = (), *, anew: bool = False, metric: str = METRICS[0]
) -> drawn.Report:
    """Writes `report/` in a results folder, over what was there: `report.html`, tables, and plots as PNG and SVG.

    A report that was drawn from the same records with the same options and code stays as it is, unless `anew` is set.
    `versus` names numbers of others to put beside ours: `published`. `metric`, one of bench.records.request.METRICS,
    adds a table of that metric. Raises UserError when the folder holds no results
    or cannot be written to, and for a name that nothing has.
    """
    store, place = Store(folder), folder / "report"
    try:
        now = drawn.origin(
            store.path, versus, metric
        )  # before they are read: what is added meanwhile is drawn the next time
    except OSError:
        now = None  # the store says it below
    if now and not anew and (kept := drawn.found(place, now)):
        return kept
    everything = store.results()
    if not everything or now is None:
        raise UserError(f"there are no results in {folder}; run `python run_bench.py --results {folder}` first")
    from bench.report.document import compose  # only here: what draws takes seconds to import

    finals = [result for result in store.latest().values() if result.stage == "final"]
    others = [result for result in everything if result.stage != "final"]  # two trials may have tried the same
    try:
        drawn.forget(place)
        summary, paths = compose([*finals, *others], place, versus, remarks(store), (folder, metric))
        return drawn.keep(place, now, summary, paths)
    except OSError as error:
        raise UserError(
            f"cannot write the report in {folder} ({error.strerror}); "
            "free some space, or name another folder with --results"
        ) from error


def remarks(store: Store) -> list[str]:
    """How many lines of the records could not be read, if any."""
    torn = store.unreadable()
    return [f"not read: {counted(torn, 'line')} of {store.path.name}, torn or of another shape"] if torn else []
