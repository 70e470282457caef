"""Finding a finished cell by its key, or by its method and its task."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

from bench.records.cells import CellResult
from bench.records.left_out import is_left_out
from bench.records.store import Store
from bench.registry import matches
from bench.spec import UserError

SHOWN = 5  # cells named in a message


def describe(result: CellResult) -> str:
    """A cell in words: method, task and seed."""
    return f"{result.method} on {result.task}, seed {result.seed}"


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
        found = [one for one in done if matches(one.method, words[0]) and is_called(one.task, words[1])]
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
            why = f"was left out: {one.reason}" if is_left_out(one) else why
            return f"{asked} ({describe(one)}) {why}; `export` alone lists what can be exported"
    close = get_close_matches(asked, [one.key for one in done], n=2, cutoff=0.5)
    remedy = f"did you mean {' or '.join(close)}?" if close else "`export` alone lists what can be exported"
    return f"no finished cell in {store.folder} is called {asked!r}; {remedy}"


def is_called(task: str, pattern: str) -> bool:
    """Whether a name or a glob means a task. Here it may be the last part alone, `digits` for `demo/digits`."""
    return matches(task, pattern) or fnmatchcase(task.rpartition("/")[2], pattern)
