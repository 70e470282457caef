"""What a results folder holds, as frames, tables, reports and advice."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from pandas import DataFrame, concat
from rich.console import Console, ConsoleOptions, RenderableType
from rich.jupyter import JupyterMixin

from bench.costs.budget import parse_bytes, parse_limits
from bench.export import export
from bench.records.lookup import choose, finished
from bench.records.request import METRICS
from bench.records.store import Store
from bench.registry import matches
from bench.report import write_report
from bench.report.numbers.evidence import comparison
from bench.report.numbers.frames import cell_frame, trial_frame
from bench.report.numbers.grid import Grid, grids
from bench.report.tables.overview import whole_table
from bench.report.words.advise import Advised, advise
from bench.spec import UserError

if TYPE_CHECKING:
    from bench.runs.comparison import Outcome


@dataclass(frozen=True)
class Advice(JupyterMixin):
    """Advice for each suite and backbone. A notebook and a rich console show it in words and as a table."""

    parts: tuple[Advised, ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        yield from self.parts

    def __str__(self) -> str:
        return "\n".join(sentence for part in self.parts for sentence in part.sentences)


class Results:
    """What a results folder holds. A notebook shows it as a table.

    `outcome` counts what became of the cells that `compare` was asked for; it is None for opened results.
    """

    def __init__(self, folder: str | PathLike[str], outcome: Outcome | None = None) -> None:
        self.folder = Path(folder)
        self.outcome = outcome
        self.store = Store(self.folder)

    def frame(self) -> DataFrame:
        """One row for each final cell and test set: accuracy, other metrics, costs, and each hyper-parameter as
        `params.<name>`. Metrics beside accuracy are NaN where a cell kept no predictions.
        """
        return cell_frame(self.store.results(), self.folder)

    def trials(self) -> DataFrame:
        """One row for each trial of each search, with columns as `frame` has them."""
        return trial_frame(self.store.results())

    def table(self) -> DataFrame:
        """A row for each method, the best of a suite first: mean accuracies as fractions, average rank, mean costs."""
        parts = {(grid.suite, grid.backbone): whole_table(grid, comparison(grid)).values for grid in self._grids()}
        whole = concat(parts, names=["suite", "backbone", "method"]) if parts else DataFrame()
        return whole.rename_axis(columns=None)

    def report(self, versus: str | Sequence[str] = (), metric: str = METRICS[0]) -> Path:
        """Writes `report/` into the folder, with tables and plots beside `report.html`; returns the path of that.

        `versus="published"` puts published VTAB-1k numbers beside ours. `metric="balanced_accuracy"`, or another of
        bench.records.request.METRICS, adds a table of it. Raises UserError when nothing can be written, and for a
        metric that there is not.
        """
        if metric not in METRICS:
            raise UserError(f"there is no metric {metric!r}; there are {', '.join(METRICS)}")
        return write_report(self.folder, [versus] if isinstance(versus, str) else versus, metric=metric).paths[0]

    def advise(self, *, storage: str | None = None, budget: str | None = None, tasks: str = "all") -> Advice:
        """Which method to use for a task like these, within limits for one task: `storage="1MB", budget="10m"`.

        Raises UserError when the records do not support any advice.
        """
        limit = parse_limits([budget] if budget else [])
        room = parse_bytes(storage, "a storage limit") if storage else math.inf
        results = self.store.results()
        names = sorted({one.task for one in results if any(matches(one.task, part) for part in tasks.split(","))})
        return Advice(tuple(advise(results, names, limit, room)))

    def export(self, method: str, task: str | None = None, *, to: str | PathLike[str], seed: int | None = None) -> Path:
        """Writes a finished cell into the new folder `to`, for `load_winner`; returns it.

        The cell is named by method and task, or by its key alone. Raises UserError unless that is exactly one cell.
        """
        done = [one for one in finished(self.store) if seed in (None, one.seed)]
        export(choose([method] if task is None else [method, task], done, self.store), self.store, Path(to))
        return Path(to)

    def _grids(self) -> list[Grid]:
        """The comparable results, by suite and backbone."""
        return grids(self.store.latest().values())

    def __repr__(self) -> str:
        done = sum(result.status == "done" for result in self.store.latest().values() if result.stage == "final")
        return f"<Results of {self.folder}: {done} finished cells>"

    def _repr_html_(self) -> str:
        """The tables as a notebook shows them."""
        return "".join(whole_table(grid, comparison(grid))._repr_html_() for grid in self._grids()) or repr(self)
