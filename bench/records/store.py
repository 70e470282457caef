"""The append-only store: one JSON line a result in `cells.jsonl`, from which everything else is derived."""

from __future__ import annotations

import dataclasses
import fcntl
import json
import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.costs.budget import Amount
from bench.records.cells import CellResult, Cost
from bench.spec import UserError


class Store:
    """Results of all runs of one results folder.

    A line is written with one system call and synced before `append` returns, so a kill loses at most what is at work:
    one cell, or the probes of one task, which are judged together.
    A line torn by a kill or a full disk is passed over when reading and closed off before the next is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "cells.jsonl"
        self.working = folder / "working.json"

    def delta(self, key: str) -> Path:
        """Where what a cell kept lies, once it has been fitted."""
        return self.folder / "deltas" / f"{key}.safetensors"

    def append(self, result: CellResult) -> None:
        """Raises UserError when the line cannot be written; the record is then on stderr, so that it is not lost."""
        line = json.dumps(dataclasses.asdict(result), allow_nan=False, separators=(",", ":")) + "\n"
        try:
            with self.path.open("ab+") as file:
                size = file.seek(0, os.SEEK_END)
                if size and os.pread(file.fileno(), 1, size - 1) != b"\n":
                    line = "\n" + line
                file.write(line.encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            print(line.strip(), file=sys.stderr)
            raise UserError(
                f"could not write to {self.path} ({error.strerror}); free some space, append the line above to it, "
                "and run again"
            ) from error

    def results(self) -> list[CellResult]:
        """All readable lines, oldest first; lines that are torn or of another shape are passed over.

        Raises UserError when the file is there and cannot be read.
        """
        if not os.path.lexists(self.path):
            return []
        try:
            with self.path.open(encoding="utf-8", errors="replace") as file:
                return [result for line in file if (result := parse(line)) is not None]
        except OSError as error:
            raise UserError(
                f"cannot read {self.path} ({error.strerror}); name another folder with --results"
            ) from error

    def latest(self) -> dict[str, CellResult]:
        """The line that counts for each key: the newest, but a done one is never displaced by one that is not."""
        chosen: dict[str, CellResult] = {}
        for result in self.results():
            if result.status == "done" or result.key not in chosen or chosen[result.key].status != "done":
                chosen[result.key] = result
        return chosen

    def spent(self) -> Amount:
        """What every line ever written charges to the budget, failed and repeated ones included."""
        costs = [result.cost for result in self.results()]
        return Amount(math.fsum(cost.spent_seconds for cost in costs), sum(cost.spent_flops for cost in costs))

    def begin(self, working: CellResult, total: Amount) -> None:
        """Notes beside the records what is at work and what will have been spent with it, in case of a kill.

        The note is replaced in one step. A disk that is full costs the note, never the work.
        """
        note = {"seconds": total.seconds, "flops": total.flops, "record": dataclasses.asdict(working)}
        beside = self.working.with_suffix(".tmp")
        with suppress(OSError):
            beside.write_text(json.dumps(note), encoding="utf-8")
            beside.replace(self.working)

    def recover(self) -> CellResult | None:
        """Charges what a killed run had spent and not recorded, as a failed line, which is returned.

        The note tells the sum over all lines and the lost work, so that what was recorded after it counts once.
        """
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
        """Takes the note away: all that was spent is recorded."""
        with suppress(OSError):
            self.working.unlink(missing_ok=True)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Holds the folder for one run; the system lets go of it even after a kill.

        Raises UserError when the folder cannot be written to or another run holds it.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            file = (self.folder / "run.lock").open("a+")
        except OSError as error:
            raise UserError(
                f"cannot write to the results folder {self.folder} ({error.strerror}); name another with --results"
            ) from error
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                file.seek(0)
                raise UserError(
                    f"process {file.read().strip() or 'unknown'} is already running on {self.folder}; "
                    "wait for it, or name another folder with --results"
                ) from error
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield


def parse(line: str) -> CellResult | None:
    """The result that a line holds, or None."""
    try:
        fields: dict[str, Any] = json.loads(line)
        result = CellResult(**{**fields, "cost": Cost(**fields["cost"])})
        sound = isinstance(result.accuracy, dict) and isinstance(result.provenance, dict)
        return result if sound and isinstance(result.cost.spent_seconds, (int, float)) else None
    except (ValueError, TypeError, KeyError):
        return None
