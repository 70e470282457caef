"""A report that is written, and the note beside it by which it is found again instead of being drawn again."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked

from bench.report.summary import Summary

NOTE = "drawn.json"
HERE = Path(__file__).parent
LIBRARIES = ("numpy", "scipy", "pandas", "matplotlib", "jinja2")  # other versions may draw otherwise
TEXTS = (".html", ".css", ".js", ".csv")  # what is read besides code


@dataclass(frozen=True)
class Report:
    """A report that is written."""

    summary: Summary  # what a terminal shows of it
    paths: tuple[Path, ...]  # report.html, table.md, table.csv, table.tex, run.toml, then the plots
    drawn: datetime
    kept: bool  # it was there already, drawn from the same


@checked(frozen=True)
class Origin:
    """All that decides what a report looks like. Equal ones give equal files."""

    records: str  # digest of the file
    code: str  # digest of our source, with the versions of Python and of the libraries
    versus: tuple[str, ...]
    metric: str


@checked(frozen=True)
class Note:
    """What is written beside a report when all of its files are."""

    origin: Origin
    drawn: datetime
    sizes: Mapping[str, int]  # of each file by its name, in the order of `Report.paths`; bytes
    summary: Summary


NOTES = TypeAdapter(Note)


def origin(records: Path, versus: Sequence[str], metric: str) -> Origin:
    """What a report would now be drawn from. Raises OSError where something cannot be read."""
    return Origin(hashlib.sha256(records.read_bytes()).hexdigest(), code(), tuple(sorted(set(versus))), metric)


def code() -> str:
    """A digest of all of our source, and of the versions that it runs with."""
    digest = hashlib.sha256(repr([sys.version, *map(version, LIBRARIES)]).encode())
    for path in sorted(sources()):
        digest.update(str(path.relative_to(HERE.parent)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def sources() -> Iterator[Path]:
    """The files that decide how a report is drawn: modules of any part, for the report uses many."""
    yield from HERE.parent.rglob("*.py")
    for folder in (HERE, HERE / "reference"):  # the second may be a link, which rglob passes over
        yield from (path for path in folder.iterdir() if path.suffix in TEXTS)


def found(folder: Path, now: Origin) -> Report | None:
    """The report in a folder, where it was drawn from the same and all of its files are there in their length."""
    try:
        note = NOTES.validate_json((folder / NOTE).read_bytes())
        whole = all((folder / name).stat().st_size == size for name, size in note.sizes.items())
    except (OSError, ValidationError):
        return None
    if note.origin != now or not whole:
        return None
    return Report(note.summary, tuple(folder / name for name in note.sizes), note.drawn, kept=True)


def forget(folder: Path) -> None:
    """Removes the note, before files change: a report that is drawn in part is never found. Raises OSError."""
    (folder / NOTE).unlink(missing_ok=True)


def keep(folder: Path, now: Origin, summary: Summary, paths: Sequence[Path]) -> Report:
    """Writes the note of a report whose files are written, in one step. Raises OSError."""
    drawn = datetime.now().astimezone().replace(microsecond=0)
    note = Note(now, drawn, {path.name: path.stat().st_size for path in paths}, summary)
    beside = (folder / NOTE).with_suffix(".tmp")
    beside.write_bytes(NOTES.dump_json(note))
    beside.replace(folder / NOTE)
    return Report(summary, tuple(paths), drawn, kept=False)
