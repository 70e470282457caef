"""Where a grid's figures come from: the command that makes them again, and the facts that its records hold."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bench.records.cells import CellResult
from bench.report.numbers.grid import Grid, ordered

EMBEDDED = "demo"  # the backbone whose weights and preprocessing come with the code


def cells_of(grid: Grid) -> list[CellResult]:
    return [cell for cells in grid.cells.values() for cell in cells]


def command(grid: Grid) -> str:
    """What to type; where a file or data must be named that the records do not know, a word in capitals."""
    cells = cells_of(grid)
    found = cells[0].provenance.get("backbone")
    facts: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    words = ["--methods", *grid.methods, "--tasks", *grid.tasks]
    words += ["--seeds", *map(str, grid.seeds)] if grid.seeds != (0,) else []
    words += ["--backbone", cells[0].backbone, *network(cells[0].backbone, facts)]
    words += tuning(cells)
    words += ["--data", "DATA"] if grid.suite not in (EMBEDDED, "folder", "domains") else []
    return "python run_bench.py " + " ".join(map(shlex.quote, words))


def network(name: str, facts: Mapping[str, Any]) -> list[str]:
    """The flags that say which weights, which preprocessing and which arguments a backbone had."""
    if name == EMBEDDED or not facts:
        return []
    words = ["--checkpoint", "FILE"] if facts.get("weights") == "checkpoint" else []
    for key, value in sorted((facts.get("args") or {}).items()):
        words += ["--backbone-arg", f"{key}={value}"]
    for flag in ("image_size", "mean", "std"):
        value = facts.get(flag)
        values = value if isinstance(value, list) else [value] if value else []
        words += [f"--{flag.replace('_', '-')}", *map(str, values)] if values else []
    return words


def tuning(cells: Sequence[CellResult]) -> list[str]:
    """The flags of the search, where all cells had the same."""
    found = [cell.provenance.get("tuning") for cell in cells]
    asked = {(facts.get("asked"), facts.get("sampler")) if isinstance(facts, Mapping) else None for facts in found}
    if len(asked) != 1 or None in asked:
        return []
    trials, sampler = next(iter(asked))  # type: ignore[misc]
    return ["--tune", str(trials), *(["--sampler", sampler] if sampler == "random" else [])]


def facts(grid: Grid) -> list[tuple[str, list[str]]]:
    """Name and values of everything else that decides or explains the figures; several values where cells differ."""
    cells = cells_of(grid)
    started = sorted(str(cell.provenance["started"]) for cell in cells if cell.provenance.get("started"))
    versions = ordered(
        ", ".join(f"{name} {version}" for name, version in found.items() if version)
        for cell in cells
        if isinstance(found := cell.provenance.get("versions"), Mapping)
    )
    backbones = ordered(described(cell) for cell in cells)
    numbers = "number" if len(grid.seeds) == 1 else "numbers"
    rows = [
        ("cells", [f"{len(cells)} finished"]),
        ("seeds", [f"{len(grid.seeds)} ({numbers} {', '.join(map(str, grid.seeds))})"]),
        ("protocol", told(cells, "protocol")),
        ("code", told(cells, "git")),
        ("versions", list(versions)),
        ("hardware", told(cells, "device")),
        ("backbone", [text for text in backbones if text]),
        ("weights", told(cells, "weights_digest")),
        ("measured", [f"{started[0]} to {started[-1]}" if len(started) > 1 else started[0]] if started else []),
        ("data pipeline", pipelines(grid)),
    ]
    return [(name, values) for name, values in rows if values]


def described(cell: CellResult) -> str:
    found = cell.provenance.get("backbone")
    return ", ".join(f"{name} {value}" for name, value in found.items() if value) if isinstance(found, Mapping) else ""


def told(cells: Iterable[CellResult], name: str) -> list[str]:
    return list(ordered(str(cell.provenance[name]) for cell in cells if cell.provenance.get(name)))


def pipelines(grid: Grid) -> list[str]:
    """How each task's files became pixels, tasks with one pipeline together, with the digests of the data."""
    of: dict[str, list[str]] = {}
    for task in grid.tasks:
        cells = [cell for cell in cells_of(grid) if cell.task == task]
        for pipeline in told(cells, "pipeline"):
            prints = ", ".join(told(cells, "data_fingerprint"))
            of.setdefault(pipeline, []).append(f"{grid.label(task)} [{prints}]")
    return [f"{pipeline}: {', '.join(tasks)}" for pipeline, tasks in of.items()]
