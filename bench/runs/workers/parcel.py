"""What goes to a worker out of the results folder, and what comes back into it. No disk is shared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from optuna.storages.journal import JournalFileBackend

from bench.records.cells import Cell, CellResult
from bench.records.fitted import Fitted
from bench.records.line import written
from bench.records.request import STORES
from bench.records.store import Store
from bench.registry import fitted_as
from bench.runs.estimate import RECENT
from bench.runs.plan import digest_of, keyed, study_name
from bench.runs.storage import journal


@dataclass(frozen=True)
class Parcel:
    """Lines of the store, and whole files by their path in the results folder."""

    lines: Sequence[str]  # oldest first
    files: Mapping[str, bytes]

    def unpack(self, folder: Path) -> None:
        """Writes all of it into an empty folder, which then looks like the results folder to the unit."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cells.jsonl").write_text("".join(self.lines), encoding="utf-8")
        for name, content in self.files.items():
            put(folder, name, content)


@dataclass(frozen=True)
class Wrote:
    """What belongs into the results folder: one of a record, a cell that was fitted or waits no more, new lines of a
    study's journal. With it come the files that it speaks of, by their path in the folder.
    """

    record: CellResult | None = None
    fitted: Fitted | None = None
    dropped: str | None = None  # key of a cell that waits for its evaluation no longer
    study: str | None = None
    lines: Sequence[Mapping[str, Any]] = ()  # of the study's journal
    files: Mapping[str, bytes] = field(default_factory=dict)


def parcel(cells: Sequence[Cell], store: Store) -> Parcel:
    """What the worker of some cells of one task needs of a results folder."""
    index = store.index()
    studies = {study_name(replace(cell, seed=cell.tuning.seed)) for cell in cells if cell.tuning is not None}
    trials = {record.key for study in studies for record in index.trials(study).values()}
    replays = {digest_of({"replay": key}) for key in trials}
    finals = {key for cell in cells for key in (cell.key, keyed(replace(cell, store=STORES[0])).key)}
    lines = list(needed(index.results, finals | trials | replays, cells))
    names = [
        *(store.delta(key) for key in finals),
        *(store.folder / "fitted" / f"{key}.json" for key in finals),
        *(path for key in trials for path in trial_deltas(store.folder, key)),
        *(journal(store.folder, study) for study in studies),
    ]
    return Parcel([written(one) for one in lines], dict(read(store.folder, filter(Path.is_file, names))))


def take_in(wrote: Wrote, store: Store) -> None:
    """Writes into the results folder what a worker has finished, but for its record, which comes last."""
    for name, content in wrote.files.items():
        put(store.folder, name, content)
    if wrote.study is not None:
        path = journal(store.folder, wrote.study)
        path.parent.mkdir(parents=True, exist_ok=True)
        JournalFileBackend(str(path)).append_logs([dict(line) for line in wrote.lines])
    if wrote.dropped is not None:
        store.fitted.drop(wrote.dropped)


def forget_trial(record: CellResult, store: Store) -> None:
    """Removes the deltas of a trial whose test accuracy is read."""
    if record.stage == "replay" and record.status == "done" and record.trial is not None:
        trial = store.index().trials(record.trial.study).get(record.trial.number)
        for path in trial_deltas(store.folder, trial.key) if trial else ():
            path.unlink(missing_ok=True)


def trial_deltas(folder: Path, key: str) -> Iterator[Path]:
    """The deltas of a trial that may have to be evaluated, one a fold."""
    return (folder / "deltas" / "trials").glob(f"{key}-*.safetensors")


def needed(results: Sequence[CellResult], keys: set[str], cells: Sequence[Cell]) -> Iterator[CellResult]:
    """The records with these keys, and of each method and stage the latest ones, which estimates go by."""
    labels, backbones = {cell.label.text for cell in cells}, {cell.backbone.name for cell in cells}
    seen: Counter[tuple[str, str]] = Counter()
    found = []
    for one in reversed(results):
        kind = fitted_as(one.method), one.stage
        recent = kind[0] in labels and one.backbone in backbones and seen[kind] < RECENT
        if one.key in keys or recent:
            seen[kind] += 1
            found.append(one)
    return reversed(found)


def read(folder: Path, paths: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    """Each file's path in a folder, and its bytes."""
    return ((path.relative_to(folder).as_posix(), path.read_bytes()) for path in paths)


def put(folder: Path, name: str, content: bytes) -> None:
    """Writes a file of a results folder in one step. Raises ValueError for a name that leads out of it."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"{name!r} leads out of the results folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".tmp")
    beside.write_bytes(content)
    beside.replace(path)
