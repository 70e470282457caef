"""Tables that list images with their labels: CSV, TSV, JSON lines, and lists such as `train.txt`."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.spec import UserError
from tasks.readers.layout import part_of

COLUMNS = {
    "image": (
        "image", "path", "file", "filename", "filepath", "imagepath", "imagefile", "imagename", "img", "imgpath",
        "imageid", "id", "name",
    ),
    "label": ("label", "labels", "class", "classname", "labelname", "category", "target", "species", "y", "cls"),
    "split": ("split", "part", "partition", "subset", "set"),
}  # names by which columns are found, in this order, letters and digits alone  # fmt: skip
TABLES = tuple(f"{stem}.{ending}" for stem in ("labels", "metadata") for ending in ("csv", "tsv", "jsonl"))
JSON = (".jsonl", ".ndjson")
FIELD = 1 << 24  # characters of a cell at most


@dataclass(frozen=True)
class Row:
    """One image as a table lists it."""

    image: str  # its path, relative to the table's folder or absolute
    label: str
    part: str  # train, val or test; train where the table does not say


def rows(path: Path, named: Mapping[str, str]) -> list[Row]:
    """The rows of a table. `named` states columns (image, label, split) that are not to be found by their names.

    Raises UserError for a table that cannot be read, has no such columns, or has an empty cell in one of them.
    """
    cells = list(table(path))
    if not cells:
        raise UserError(f"{path} lists no images; put a line for each image into it, below the columns' names")
    columns = {role: column(path, list(cells[0]), role, named.get(role)) for role in COLUMNS}
    image, label, split = (columns[role] for role in ("image", "label", "split"))
    found = []
    for number, row in enumerate(cells, 2):
        name, what, part = (cell(row, each) for each in (image, label, split))
        if not name or not what:
            raise UserError(
                f"line {number} of {path} has no {label if name else image}; fill it in, or remove the line"
            )
        found.append(Row(name, what, stated(part, f"line {number} of {path}") if split else "train"))
    return found


def cell(row: Mapping[str, object], name: str | None) -> str:
    """A cell as text without blanks around it; empty where there is none."""
    value = row.get(name) if name is not None else None
    return "" if value is None else str(value).strip()


def stated(text: str, where: str) -> str:
    """The part that a cell states. Raises UserError for another word."""
    part = part_of(text)
    if part is None:
        raise UserError(f"{where} has the split {text!r}, which is none of train, val and test; call it one of these")
    return part


def table(path: Path) -> Iterator[Mapping[str, object]]:
    """The lines of a table as cells by column. Raises UserError if it is not one."""
    csv.field_size_limit(FIELD)
    try:
        text = path.read_text(encoding="utf-8-sig")  # a spreadsheet begins its CSV with a byte order mark
        lines = text.splitlines()
        if path.suffix.lower() in JSON:
            parsed = [json.loads(line) for line in lines if line.strip()]
            if not all(isinstance(each, dict) for each in parsed):
                raise ValueError("a line is no object")
            yield from parsed
        else:
            yield from csv.DictReader(lines, delimiter=delimiter(path, lines), strict=True)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); name a CSV, TSV or JSON lines file") from error
    except (ValueError, csv.Error, RecursionError) as error:
        raise UserError(f"{path} is not a table in UTF-8 ({error}); name a CSV, TSV or JSON lines file") from error


def delimiter(path: Path, lines: Sequence[str]) -> str:
    """What separates the columns of a table: of `,`, `;` and a tab that which its first line has most often."""
    head = lines[0] if lines else ""
    return "\t" if path.suffix.lower() == ".tsv" else max(",;\t", key=head.count)


def column(path: Path, there: Sequence[str], role: str, named: str | None, scheme: str = "csv") -> str | None:
    """The column of a role: as stated, or by its name. None for a split that there is not. Raises UserError."""
    if named is not None:
        if named not in there:
            raise UserError(f"{path} has no column {named!r}; its columns are {', '.join(map(repr, there))}")
        return named
    plain = {re.sub(r"[\W_]", "", str(each)).lower(): each for each in reversed(there)}
    found = next((plain[name] for name in COLUMNS[role] if name in plain), None)
    if found is None and role != "split":
        raise UserError(
            f"{path} has no column for the {role} by its name; its columns are {', '.join(map(repr, there))}: "
            f"write {scheme}:{path}:{role}=COLUMN"
        )
    return found


def lists(folder: Path) -> list[Row]:
    """The rows of lists such as `train800.txt`, `val.txt` and `test.txt` in a folder; empty without one to train on.

    A list of training and validation images together is read only where there is none of training images alone.
    """
    found: dict[str, list[Row]] = {}
    for path in sorted(folder.glob("*.txt")):
        stem = re.sub(r"\d+", "", path.stem)
        part = part_of(stem) or ("both" if stem in ("trainval", "traindev") else None)
        if part:
            found[part] = found.get(part, []) + listed(path, "train" if part == "both" else part)
    both = found.pop("both", [])
    found.setdefault("train", both)
    return [row for part in ("train", "val", "test") for row in found.get(part, [])] if found["train"] else []


def listed(path: Path, part: str) -> list[Row]:
    """The lines `image label` of a list. Raises UserError for another line."""
    try:
        text = path.read_text(encoding="utf-8")
        cells = [line.strip().rsplit(None, 1) for line in text.splitlines() if line.strip()]
        return [Row(image, label, part) for image, label in cells]
    except (OSError, ValueError) as error:
        raise UserError(f"{path} has a line that is not `image label`, or cannot be read; mend it") from error


def beside(folder: Path) -> tuple[Path, list[Row]] | None:
    """What lists the images of a folder, with its rows: a `labels.csv` or its like, or lists of parts. None without."""
    for name in TABLES:
        if (folder / name).is_file():
            return folder / name, rows(folder / name, {})
    found = lists(folder)
    return (folder, found) if found else None
