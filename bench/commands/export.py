"""The command `export`: names a finished cell and writes it into a folder."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from rich.table import Table

from bench.commands.codes import DONE
from bench.commands.screen import wide_screen
from bench.export import describe, export
from bench.records.cells import CellResult
from bench.records.store import Store
from bench.registry import matches
from bench.spec import UserError

SHOWN = 5  # cells named in a message


def main(asked: Namespace) -> int:
    """Exports the cell that the words name, or lists those that can be."""
    return export_cell(asked.words, asked.results, asked.to)


def export_cell(words: Sequence[str], results: Path, to: Path | None) -> int:
    """Writes the cell that the words name into a new folder; without words, lists the cells that can be exported."""
    store = Store(results)
    done = finished(store)
    if not words:
        show(done)
        return DONE
    result = choose(words, done, store)
    if to is None:
        raise UserError(f"where should {describe(result)} go? name a new folder with --to DIR")
    for path in export(result, store, to):
        print(f"{path}  {path.stat().st_size:,} bytes")
    print(f"Use it:  python run_bench.py predict {to} IMAGES")
    return DONE


def finished(store: Store) -> list[CellResult]:
    """The newest record of each finished cell. Raises UserError when there is none."""
    done = {one.key: one for one in store.results() if (one.stage, one.status) == ("final", "done")}
    if not done:
        raise UserError(f"no cell is finished in {store.folder}; run some, or name another folder with --results")
    return list(done.values())


def choose(words: Sequence[str], done: Sequence[CellResult], store: Store) -> CellResult:
    """The one cell that KEY, the beginning of one, or METHOD TASK names; raises UserError unless it is one."""
    asked = " ".join(words)
    if len(words) > 2:
        raise UserError(f"{asked!r} names no cell; write `export KEY --to DIR` or `export METHOD TASK --to DIR`")
    if len(words) == 1:
        found = [one for one in done if one.key.startswith(asked)]
    else:
        found = [one for one in done if matches(one.method, words[0]) and matches(one.task, words[1])]
    if not found:
        raise UserError(unknown(asked, done, store))
    if len(found) > 1:
        some = "; ".join(f"{one.key} {describe(one)}" for one in found[:SHOWN])
        more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise UserError(f"{asked!r} names {len(found)} cells: {some}{more}; give the key of one")
    return found[0]


def unknown(asked: str, done: Sequence[CellResult], store: Store) -> str:
    """Why nothing can be exported under this name, and what can."""
    for one in store.results():
        if one.key == asked:
            why = f"failed: {one.reason}" if one.status == "failed" else f"is a {one.stage} that kept nothing"
            return f"{asked} ({describe(one)}) {why}; `export` alone lists what can be exported"
    close = get_close_matches(asked, [one.key for one in done], n=2, cutoff=0.5)
    remedy = f"did you mean {' or '.join(close)}?" if close else "`export` alone lists what can be exported"
    return f"no finished cell in {store.folder} is called {asked!r}; {remedy}"


def show(done: Sequence[CellResult]) -> None:
    """The finished cells with their keys, the most accurate of each task first."""
    table = Table("key", "method", "task", "backbone", "seed", "test", "bytes", box=None)
    for one in sorted(done, key=lambda one: (one.task, -one.accuracy.get("test", 0.0))):
        test = f"{one.accuracy['test']:.1%}" if "test" in one.accuracy else "–"
        table.add_row(one.key, one.method, one.task, one.backbone, str(one.seed), test, f"{one.cost.stored_bytes:,}")
    wide_screen().print(table)
