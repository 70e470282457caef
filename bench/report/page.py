"""`report.html`: everything that was found, on one page that needs nothing else."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.report.numbers.evidence import comparison
from bench.report.numbers.grid import Grid
from bench.report.numbers.units import MISSING, counted, percent, prefixed
from bench.report.plots.style import SHAPES, Look
from bench.report.tables.published import Versus
from bench.report.tables.sheets import MOST, RISING, sheets
from bench.report.tables.table import Table
from bench.report.words.captions import Plot, absent
from bench.report.words.limits import advice, written
from bench.report.words.origin import command, facts
from bench.report.words.verdict import verdict, within

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Part:
    """One suite with one backbone: its tables beside the main one, its sentences and its plots."""

    grid: Grid
    tables: Sequence[Table]
    sentences: Sequence[str]
    plots: Sequence[Plot]


def write_page(
    path: Path, parts: Sequence[Part], beside: Versus | None, lines: Sequence[str], looks: Mapping[str, Look]
) -> None:
    """Writes the page; `lines` tell what has no figure and why. All text out of records is escaped. Raises OSError.

    `beside` are numbers of others, where they were asked for.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # here, so that importing the report stays light

    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals.update(percent=percent, prefixed=prefixed, within=within, written=written, missing=MISSING)
    environment.globals.update(rising=RISING)
    environment.filters.update(embedded=embedded, pieces=pieces, whole=whole)
    shapes = {name: (SHAPES[look.marker], look.colour) for name, look in looks.items()}
    chapters = [chapter(number, part) for number, part in enumerate(parts, start=1)]
    others = {"tables": cut(beside.tables), "sentences": beside.sentences} if beside else None
    page = environment.get_template("page.html").render(chapters=chapters, others=others, lines=lines, shapes=shapes)
    path.write_text(page, encoding="utf-8")


def chapter(number: int, part: Part) -> dict[str, Any]:
    """What the template tells of one grid."""
    grid = part.grid
    compared = comparison(grid)
    steps = advice(grid, compared)
    return {
        "anchor": f"part{number}",
        "name": f"{grid.suite} suite, backbone {grid.backbone}",
        "scale": f"{counted(len(grid.methods), 'method')}, {counted(len(grid.tasks), 'task')}, "
        f"{counted(len(grid.seeds), 'seed')}",
        "verdict": verdict(grid, compared, steps),
        "sheets": list(sheets(grid, compared)),
        "steps": steps,
        "extra": cut(part.tables),
        "sentences": part.sentences,
        "plots": part.plots,
        "absent": list(absent(grid, part.plots)),
        "command": command(grid),
        "facts": facts(grid),
        "methods": grid.methods,
    }


def cut(tables: Sequence[Table]) -> list[tuple[Table, list[list[str]]]]:
    """Tables with the names of the columns that fit beside each other."""
    return [(table, list(table.blocks(MOST))) for table in tables]


def pieces(name: str) -> list[str]:
    """The parts of a name between which a line may end."""
    return re.split(r"(?<=[_/:+-])", name)


def whole(text: str) -> str:
    """Text of which no line ends before a %."""
    return text.replace(" %", "\u00a0%")


def embedded(path: Path) -> str:
    """A file as a data URL: an SVG of its own, so that the ids in several of them never meet."""
    return "data:image/svg+xml;base64," + base64.b64encode(path.read_bytes()).decode()
