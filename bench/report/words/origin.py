"""Where a grid's figures come from: the command that makes them again, and the facts that its records hold."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace

from bench.records.cells import CellResult
from bench.report.numbers.grid import Grid, ordered

EMBEDDED = "demo"  # the backbone whose weights and preprocessing come with the code


def cells_of(grid: Grid) -> list[CellResult]:
    return [cell for cells in grid.cells.values() for cell in cells]


def command(grid: Grid) -> str:
    """What to type; where a file or data must be named that the records do not know, a word in capitals."""
    cells = cells_of(grid)
    words = ["--methods", *grid.methods, "--tasks", *grid.tasks]
    words += ["--seeds", *map(str, grid.seeds)] if grid.seeds != (0,) else []
    words += ["--backbone", cells[0].backbone, *network(cells[0])]
    words += tuning(cells)
    words += ["--data", "DATA"] if grid.suite not in (EMBEDDED, "folder", "domains") else []
    return "python run_bench.py " + " ".join(map(shlex.quote, words))


def network(cell: CellResult) -> list[str]:
    """The flags that say which weights, which preprocessing and which arguments a backbone had."""
    if cell.backbone == EMBEDDED:
        return []
    words = ["--checkpoint", "FILE"] if cell.network.weights == "checkpoint" else []
    for key, value in sorted(cell.network.args.items()):
        words += ["--backbone-arg", f"{key}={value}"]
    for flag in ("image_size", "mean", "std"):
        value = getattr(cell.network, flag)
        values = value if isinstance(value, list) else [value] if value else []
        words += [f"--{flag.replace('_', '-')}", *map(str, values)] if values else []
    return words


def tuning(cells: Sequence[CellResult]) -> list[str]:
    """The flags of the search, where all cells had the same."""
    found = [cell.tuning for cell in cells]
    if any(facts is None for facts in found):
        return []
    asked = {(facts.asked, facts.sampler) for facts in found if facts}
    if len(asked) != 1:
        return []
    ((trials, sampler),) = asked
    return ["--tune", str(trials), *(["--sampler", sampler] if sampler == "random" else [])]


def facts(grid: Grid) -> list[tuple[str, list[str]]]:
    """Name and values of everything else that decides or explains the figures; several values where cells differ."""
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
        ("backbone", [text for text in backbones if text]),
        ("weights", told(cell.network.digest for cell in cells)),
        ("measured", [f"{started[0]} to {started[-1]}" if len(started) > 1 else started[0]] if started else []),
        ("data pipeline", pipelines(grid)),
    ]
    return [(name, values) for name, values in rows if values]


def described(cell: CellResult) -> str:
    facts = asdict(replace(cell.network, digest=None, checkpoint=None))
    return ", ".join(f"{name} {value}" for name, value in facts.items() if value)


def told(values: Iterable[str | None]) -> list[str]:
    """Each value that is known, once."""
    return list(ordered(value for value in values if value))


def pipelines(grid: Grid) -> list[str]:
    """How each task's files became pixels, tasks with one pipeline together, with the digests of the data."""
    of: dict[str, list[str]] = {}
    for task in grid.tasks:
        cells = [cell for cell in cells_of(grid) if cell.task == task]
        for pipeline in told(cell.data.pipeline for cell in cells):
            prints = ", ".join(told(cell.data.fingerprint for cell in cells))
            of.setdefault(pipeline, []).append(f"{grid.label(task)} [{prints}]")
    return [f"{pipeline}: {', '.join(tasks)}" for pipeline, tasks in of.items()]
