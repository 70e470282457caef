"""`report.html`: all that was found, on one page that needs no other file."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.report.numbers.chances import Chance
from bench.report.numbers.evidence import comparison
from bench.report.numbers.grid import Grid
from bench.report.numbers.together import Together
from bench.report.numbers.units import MISSING, counted, percent, prefixed
from bench.report.plots.style import SHAPES, Look
from bench.report.tables.published import Versus
from bench.report.tables.sheets import MOST, RISING, sheets
from bench.report.tables.table import Table
from bench.report.words.captions import Plot, absent
from bench.report.words.choices import recipes
from bench.report.words.fairness import fairness, lines, would_change
from bench.report.words.limits import advice, written
from bench.report.words.mixups import Mixups
from bench.report.words.origin import facts
from bench.report.words.reasons import reasons
from bench.report.words.rerun import as_toml, command, file_names

HERE = Path(__file__).parent
FIRST = ("accuracy_by_flops", "accuracy_by_bytes")  # plots of the first screen
SAID = 2  # sentences of the verdict there; what the third one says is in the table of storage limits


@dataclass(frozen=True)
class Part:
    """One suite with one backbone: the verdict, the tables beside the main one, the findings and the plots."""

    grid: Grid
    verdict: Sequence[str]
    tables: Sequence[Table]
    sentences: Sequence[str]
    plots: Sequence[Plot]
    chances: Sequence[Chance]
    mixups: Sequence[Mixups] = ()


@dataclass(frozen=True)
class Beside:
    """Several backbones side by side on one suite."""

    side: Together
    sentences: Sequence[str]  # the verdict over all of them
    tables: Sequence[Table]
    plots: Sequence[Plot]


def write_page(
    path: Path, parts: Sequence[Part], sides: Sequence[Beside], beside: Versus | None, lines: Sequence[str],
    looks: Mapping[str, Look],
) -> None:  # fmt: skip
    """Writes the page. All text from records is escaped.

    `sides` are backbones side by side, and `beside` holds numbers of others where they were asked for. `lines` say
    which cells have no figure, and why. Raises OSError when the file cannot be written.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # here, so that importing the report stays light

    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals.update(percent=percent, prefixed=prefixed, written=written, missing=MISSING, rising=RISING)
    environment.filters.update(embedded=embedded, pieces=pieces, whole=whole)
    shapes = {name: (SHAPES[look.marker], look.colour) for name, look in looks.items()}
    chapters = [chapter(part, config) for part, config in zip(parts, file_names(len(parts)), strict=True)]
    others = {"tables": cut(beside.tables), "sentences": beside.sentences} if beside else None
    page = environment.get_template("page.html").render(
        chapters=chapters, sides=list(map(backbones, sides)), others=others, lines=lines, shapes=shapes
    )
    path.write_text(page, encoding="utf-8")


def chapter(part: Part, config: str) -> dict[str, Any]:
    """What the template shows of one grid, by the template's names. `config` is the name of its TOML file."""
    grid = part.grid
    compared = comparison(grid)
    steps = advice(grid, compared)
    main, *others = sheets(grid, compared)
    return {
        "anchor": config.removesuffix(".toml"),
        "name": f"{grid.suite} suite, backbone {grid.backbone}",
        "scale": f"{counted(len(grid.methods), 'method')}, {counted(len(grid.tasks), 'task')}, "
        f"{counted(len(grid.seeds), 'seed')}, {recipes(grid)}",
        "verdict": part.verdict[:SAID],
        "first": [plot for plot in part.plots if plot.name in FIRST],
        "main": main.ordered_by(main.text.columns[0]),
        "steps": steps if len(grid.methods) > 1 else [],
        "reasons": [*reasons(grid, compared, steps), *part.sentences],
        "fair": fairness(grid, part.chances),
        "chosen": lines(part.chances),
        "change": would_change(part.chances),
        "sheets": others,
        "extra": cut(part.tables),
        "mixups": part.mixups,
        "plots": [plot for plot in part.plots if plot.name not in FIRST],
        "absent": list(absent(grid, part.plots)),
        "command": command(grid),
        "toml": as_toml(grid),
        "config": config,
        "facts": facts(grid),
    }


def backbones(part: Beside) -> dict[str, Any]:
    """What the template shows of backbones side by side."""
    grid = part.side.grid
    return {
        "name": f"{grid.suite} suite, {counted(len(part.side.parts), 'backbone')}",
        "about": f"{grid.about}, {counted(len(grid.common), 'task')}",
        "verdict": part.sentences,
        "tables": cut(part.tables),
        "plots": part.plots,
    }


def cut(tables: Sequence[Table]) -> list[tuple[Table, list[list[str]]]]:
    """Tables, each with the blocks of columns that fit side by side."""
    return [(table, list(table.blocks(MOST))) for table in tables]


def pieces(name: str) -> list[str]:
    """A name cut where a line may end."""
    return re.split(r"(?<=[_/:+-])", name)


def whole(text: str) -> str:
    """The text with a space before % that does not break."""
    return text.replace(" %", "\u00a0%")


def embedded(path: Path) -> str:
    """An SVG file as a data URL. Each stays a document of its own, so that ids in two of them do not clash."""
    return "data:image/svg+xml;base64," + base64.b64encode(path.read_bytes()).decode()
