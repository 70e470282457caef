"""Progress on stderr: a live bar on a terminal, and one finished line a cell anywhere."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from bench.records.cells import Cell, CellResult
from bench.records.left_out import is_left_out, left_out_line


class Progress:
    """An observer that tells how far a run of some cells is."""

    def __init__(self, todo: Sequence[Cell]) -> None:
        self.total, self.fits = len(todo), 0
        self.several = len({cell.backbone.name for cell in todo}) > 1  # backbones, which lines then name
        self.left_out: set[str] = set()  # lines that were shown
        self.seen: set[str] = set()  # keys: a cell that is fitted anew has two records
        console = Console(file=sys.stderr)
        columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
        self.bar = Bar(*columns, console=console, transient=True, disable=not console.is_terminal)
        self.item = self.bar.add_task("", total=self.total)

    def __enter__(self) -> Progress:
        self.bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.bar.stop()

    def __call__(self, result: CellResult) -> None:
        """Shows one finished record."""
        if result.stage == "replay":
            return
        head = f"      trial {result.trial.number if result.trial else ''}"
        if is_left_out(result):
            self._leave_out(result)
            return
        if result.stage == "final":
            self.seen.add(result.key)
            self.bar.update(self.item, completed=len(self.seen))
            head = f"[{len(self.seen)}/{self.total}]"
        self._tell(head, result, told(result))

    def _leave_out(self, result: CellResult) -> None:
        """Counts a cell that is left out no longer, and tells of its method once."""
        self.total -= 1
        self.bar.update(self.item, total=self.total)
        line = left_out_line([(result.method, result.reason or "")])
        if line not in self.left_out:
            self.left_out.add(line)
            self.bar.console.print(line, highlight=False, markup=False, soft_wrap=True)

    def fitted(self, record: CellResult) -> None:
        """Shows a cell that was fitted, and will be evaluated with the others of its task."""
        self.fits += 1
        self._tell(f"[{self.fits}/{self.total}]", record, f"fitted in {record.cost.spent_seconds:.1f} s")

    def working(self, at: Mapping[str, CellResult]) -> None:
        """Shows what each worker is at, where there is a bar."""
        said = (f"{worker}: {one.task} · {one.method}" for worker, one in sorted(at.items()))
        self.bar.update(self.item, description=escape("; ".join(said)))

    def _tell(self, head: str, of: CellResult, what: str) -> None:
        where = f"{of.task} · {of.backbone}" if self.several else of.task
        line = f"{head} {where} · {of.method} · {of.effort} · seed {of.seed}: {what}"
        self.bar.console.print(line, highlight=False, markup=False, soft_wrap=True)


def told(result: CellResult) -> str:
    """Accuracy and seconds, or why there is none."""
    if result.status != "done":
        return f"{result.status}: {result.reason}"
    seen = "test" if result.stage == "final" else "val"
    where = "" if result.stage == "final" else " on validation images"
    return f"{100 * result.accuracy[seen]:.1f} %{where} in {result.cost.spent_seconds:.1f} s"
