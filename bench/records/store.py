"""The append-only store: one JSON line a record in `cells.jsonl`, from which everything else is derived."""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path

from bench.costs.budget import Amount
from bench.lock import Held, held
from bench.records.cells import CellResult
from bench.records.fitted import FittedCells
from bench.records.index import Index
from bench.records.line import parse, written
from bench.spec import UserError


class Store:
    """The records of all runs into one results folder.

    A line is written with one system call and synced before `append` returns. So a kill loses at most the work in
    progress: the fit of one cell, or one pass over a task's test images. A line torn by a kill or a full disk is passed
    over when the file is read, and is closed off before the next line is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "cells.jsonl"
        self.working = folder / "working.json"
        self.fitted = FittedCells(folder / "fitted")
        self._forget()

    def _forget(self) -> None:
        """Nothing of the file is known."""
        self._index = Index()
        self._read = 0  # bytes of the file that are in the index
        self._last = b""  # the line that ends there
        self._unreadable = 0  # lines among them that are torn or of another shape
        self._torn = False  # whether the file ends in part of a line
        self._state: tuple[int, ...] = ()  # of the file when it was read

    def delta(self, key: str) -> Path:
        """The file of what a cell stores, once it has been fitted."""
        return self.folder / "deltas" / f"{key}.safetensors"

    def append(self, result: CellResult) -> None:
        """Raises UserError when the line cannot be written; the record is then on stderr, so that it is not lost."""
        line = written(result)
        try:
            with self.path.open("ab+") as file:
                if file.seek(0, os.SEEK_END):
                    file.seek(-1, os.SEEK_END)
                    line = line if file.read(1) == b"\n" else "\n" + line
                file.write(line.encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            print(line.strip(), file=sys.stderr)
            raise UserError(
                f"could not write to {self.path} ({error.strerror}); free some space, append the line above to it, "
                "and run again"
            ) from error

    def index(self) -> Index:
        """All records. The file is read once; later calls read only the lines that were added since.

        Raises UserError when the file is there and cannot be read.
        """
        try:
            if not os.path.lexists(self.path):
                self._forget()
            elif (state := state_of(self.path.stat())) != self._state:
                self._take_in()
                self._state = state
        except OSError as error:
            raise UserError(
                f"cannot read {self.path} ({error.strerror}); name another folder with --results"
            ) from error
        return self._index

    def _take_in(self) -> None:
        """Reads the lines that are new; all of them where the file was replaced by another.

        The last line is left for later where it is not ended yet.
        """
        with self.path.open("rb") as file, uncollected():
            file.seek(self._read - len(self._last))
            if file.read(len(self._last)) != self._last:
                self._forget()
                file.seek(0)
            self._torn = False
            for line in file:
                result = parse(line.decode(errors="replace"))
                if result is None and not line.endswith(b"\n"):
                    self._torn = True
                    break
                self._read += len(line)
                self._last = line
                if result is not None:
                    self._index.add(result)
                elif line.strip():
                    self._unreadable += 1

    def unreadable(self) -> int:
        """How many lines are torn or of another shape. Raises UserError as `index` does."""
        self.index()
        return self._unreadable + self._torn

    def results(self) -> list[CellResult]:
        """All readable records as they are now, oldest first. Raises UserError as `index` does."""
        return list(self.index().results)

    def latest(self) -> dict[str, CellResult]:
        """The record that counts for each key now. Raises UserError as `index` does."""
        return dict(self.index().latest)

    def spent(self) -> Amount:
        """What all records charge to the budget, and what was fitted and is not evaluated yet."""
        return self.index().spent() + self.fitted.spent()

    def begin(self, working: CellResult, total: Amount) -> None:
        """Writes a note beside the records: what is in progress, and the total that is spent with it. A kill leaves it.

        The note is replaced in one step. A full disk costs the note, never the work.
        """
        note = {"seconds": total.seconds, "flops": total.flops, "record": asdict(working)}
        beside = self.working.with_suffix(".tmp")
        with suppress(OSError):
            beside.write_text(json.dumps(note), encoding="utf-8")
            beside.replace(self.working)

    def recover(self) -> CellResult | None:
        """Charges what a killed run had spent without a record, as a failed line, and returns that line.

        The note holds the total over all lines, the fitted cells and the lost work. So what was recorded after the note
        counts once.
        """
        for one in self.fitted:
            latest = self.index().latest.get(one.record.key)
            if latest is not None and (latest.status, latest.started) == ("done", one.record.started):
                self.fitted.drop(one.record.key)  # the kill came just after its line was written
        try:
            note = json.loads(self.working.read_text(encoding="utf-8"))
            lost = parse(json.dumps(note["record"]))
            spent = self.spent()
            seconds, flops = round(note["seconds"] - spent.seconds, 4), int(note["flops"] - spent.flops)
        except (OSError, ValueError, TypeError, KeyError):
            return None
        found = None
        if lost is not None and (seconds > 0 or flops > 0):
            cost = replace(lost.cost, spent_seconds=max(0.0, seconds), spent_flops=max(0, flops))
            found = replace(lost, cost=cost)
            self.append(found)
        self.settle()
        return found

    def settle(self) -> None:
        """Removes the note: everything that was spent is recorded."""
        with suppress(OSError):
            self.working.unlink(missing_ok=True)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Holds the folder for one run.

        Raises UserError when the folder cannot be written to or another run holds it.
        """
        with ExitStack() as stack:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                stack.enter_context(held(self.folder / "run.lock"))
            except OSError as error:
                raise UserError(
                    f"cannot write to the results folder {self.folder} ({error.strerror}); name another with --results"
                ) from error
            except Held as other:
                raise UserError(
                    f"process {other} is already running on {self.folder}; "
                    "wait for it, or name another folder with --results"
                ) from other
            yield


@contextmanager
def uncollected() -> Iterator[None]:
    """A context without garbage collection, which would look through a hundred thousand records again and again."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def state_of(found: os.stat_result) -> tuple[int, ...]:
    """What of a file changes when it is written to or replaced."""
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
