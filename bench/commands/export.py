"""The command `export`: names a finished cell and writes it into a folder."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from bench.commands.codes import DONE
from bench.commands.screen import wide_screen
from bench.export import export
from bench.records.cells import CellResult
from bench.records.lookup import choose, describe, finished
from bench.records.store import Store
from bench.spec import UserError


def main(asked: Namespace) -> int:
    """Exports the cell that the words name, or lists those that can be."""
    file = Path(asked.checkpoint[-1]) if asked.checkpoint else None
    return export_cell(asked.words, asked.results, asked.to, merge=asked.merge, checkpoint=file)


def export_cell(
    words: Sequence[str], results: Path, to: Path | None, *, merge: bool = False, checkpoint: Path | None = None
) -> int:
    """Writes the cell that the words name into a new folder; without words, lists the cells that can be exported.

    With `merge`, it is a checkpoint for timm; `checkpoint` is then the file of the backbone's weights, if it has moved.
    """
    store = Store(results)
    done = finished(store)
    if not words:
        show(done)
        return DONE
    result = choose(words, done, store)
    if to is None:
        raise UserError(f"where should {describe(result)} go? name a new folder with --to DIR")
    if merge:
        from bench.commands.merge import export_merged  # here, so that a plain export needs no torch

        written = export_merged(result, store, to, checkpoint)
    else:
        written = export(result, store, to)
    for path in written:
        print(f"{path}  {path.stat().st_size:,} bytes")
    if not merge:
        print(f"Use it:  python run_bench.py predict {to} IMAGES")
    return DONE


def show(done: Sequence[CellResult]) -> None:
    """The finished cells with their keys, the most accurate of each task first."""
    table = Table("key", "method", "task", "backbone", "seed", "test", "bytes", box=None)
    for one in sorted(done, key=lambda one: (one.task, -one.accuracy.get("test", 0.0))):
        test = f"{one.accuracy['test']:.1%}" if "test" in one.accuracy else "–"
        table.add_row(one.key, one.method, one.task, one.backbone, str(one.seed), test, f"{one.cost.stored_bytes:,}")
    wide_screen().print(table)
