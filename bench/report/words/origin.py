"""Where a grid's figures come from: code, libraries, hardware, weights and data, as the records hold them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, replace

from bench.records.cells import CellResult
from bench.report.numbers.grid import Grid, ordered
from bench.report.numbers.settings import computed


def cells_of(grid: Grid) -> list[CellResult]:
    """All finished cells of a grid."""
    return [cell for cells in grid.cells.values() for cell in cells]


def facts(grid: Grid) -> list[tuple[str, list[str]]]:
    """What decides or explains the figures, besides the command: names, each with several values where cells differ."""
    cells = cells_of(grid)
    started = sorted(cell.started for cell in cells if cell.started)
    versions = ordered(
        ", ".join(f"{name} {version}" for name, version in cell.environment.versions.items() if version)
        for cell in cells
        if cell.environment.versions
    )
    backbones = ordered(described(cell) for cell in cells)
    numbers = "number" if len(grid.seeds) == 1 else "numbers"
    rows = [
        ("cells", [f"{len(cells)} finished"]),
        ("seeds", [f"{len(grid.seeds)} ({numbers} {', '.join(map(str, grid.seeds))})"]),
        ("protocol", told(cell.environment.protocol for cell in cells)),
        ("code", told(cell.environment.git for cell in cells)),
        ("versions", list(versions)),
        ("hardware", told(cell.environment.device for cell in cells)),
        ("precision", told(computed(cell)[1] for cell in cells)),
        ("backbone", [text for text in backbones if text]),
        ("weights", told(cell.network.digest for cell in cells)),
        ("measured", [f"{started[0]} to {started[-1]}" if len(started) > 1 else started[0]] if started else []),
        ("data pipeline", pipelines(grid)),
    ]
    return [(name, values) for name, values in rows if values]


def described(cell: CellResult) -> str:
    """The network of a cell in one line, without its digest, the path of its checkpoint and the precision asked for."""
    facts = asdict(replace(cell.network, digest=None, checkpoint=None, precision=None))
    return ", ".join(f"{name} {value}" for name, value in facts.items() if value)


def told(values: Iterable[str | None]) -> list[str]:
    """The known values, each once."""
    return list(ordered(value for value in values if value))


def pipelines(grid: Grid) -> list[str]:
    """How files became pixels, one line a pipeline, with its tasks and the fingerprints of their data."""
    of: dict[str, list[str]] = {}
    for task in grid.tasks:
        cells = [cell for cell in cells_of(grid) if cell.task == task]
        for pipeline in told(cell.data.pipeline for cell in cells):
            prints = ", ".join(told(cell.data.fingerprint for cell in cells))
            of.setdefault(pipeline, []).append(f"{grid.label(task)} [{prints}]")
    return [f"{pipeline}: {', '.join(tasks)}" for pipeline, tasks in of.items()]
