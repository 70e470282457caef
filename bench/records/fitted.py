"""Cells that were fitted and wait for their evaluation: a file each beside the records, so that a kill loses no fit."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import file_digest
from pathlib import Path

from bench.costs.budget import Amount
from bench.records.cells import CellResult
from bench.records.line import parse


@dataclass(frozen=True)
class Fitted:
    """A cell that was fitted: its record as it is without an evaluation, and the digest of its delta's file."""

    record: CellResult
    delta: str


class FittedCells:
    """The fitted cells of a results folder, by key. They are read once; one run at a time writes them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._found: dict[str, Fitted] | None = None

    @property
    def _cells(self) -> dict[str, Fitted]:
        if self._found is None:
            self._found = {one.record.key: one for one in map(read, sorted(self.folder.glob("*.json"))) if one}
        return self._found

    def __iter__(self) -> Iterator[Fitted]:
        return iter(list(self._cells.values()))

    def get(self, key: str) -> Fitted | None:
        """The fitted cell with this key, if there is one."""
        return self._cells.get(key)

    def put(self, one: Fitted) -> None:
        """Keeps a fitted cell. The file is written in one step; a full disk costs the file, never the work."""
        self._cells[one.record.key] = one
        path = self._path(one.record.key)
        beside = path.with_suffix(".tmp")
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            beside.write_text(json.dumps(asdict(one)), encoding="utf-8")
            beside.replace(path)

    def drop(self, key: str) -> None:
        """Forgets a cell whose record was written."""
        self._cells.pop(key, None)
        with suppress(OSError):
            self._path(key).unlink(missing_ok=True)
            self.folder.rmdir()  # stays where others wait

    def spent(self) -> Amount:
        """What fitting them was charged to the budget. No line says so yet."""
        costs = [one.record.cost for one in self]
        return Amount(math.fsum(cost.spent_seconds for cost in costs), sum(cost.spent_flops for cost in costs))

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.json"


def read(path: Path) -> Fitted | None:
    """The fitted cell in a file; None where the file is damaged, or is a copy under another name."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        record = parse(json.dumps(found["record"]))
        return Fitted(record, str(found["delta"])) if record is not None and record.key == path.stem else None
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def digest(path: Path) -> str | None:
    """BLAKE2 of a file; None where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file_digest(file, "blake2b").hexdigest()
    except OSError:
        return None
