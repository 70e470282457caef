"""How to measure a grid again: the command to type, and the TOML file for `--config` that does the same."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from bench.records import request
from bench.records.cells import CellResult
from bench.records.request import AUTO, GRID, PRECISIONS, PREPROCESS, SAMPLERS, STORES, Request
from bench.registry import ORACLE, Label, fitted_as, stored_as
from bench.report.numbers.grid import Grid, ordered
from bench.report.numbers.units import numbered
from bench.spec import UserError

EMBEDDED = "demo"  # the backbone and the suite that come with the code
OWN = (EMBEDDED, "folder", "domains")  # suites that read nothing below --data
# Words that stand for values which the records do not hold.
PLACES: Mapping[str, Any] = {"checkpoint": ("FILE",), "budget": ("LIMIT",), "data": Path("DATA")}


def command(grid: Grid) -> str:
    """What to type, one line a run. The reader replaces the words in capitals: the records do not hold these values."""
    return "\n".join(f"python run_bench.py {' '.join(map(shlex.quote, typed(asked)))}" for asked in runs(grid))


def typed(asked: Request) -> list[str]:
    """The flags that differ from their defaults, as words of the command line; the backbone is always named."""
    words: list[str] = []
    for field in fields(asked):
        value, flag = getattr(asked, field.name), f"--{field.name.replace('_', '-')}"
        if field.name in ("backbone_arg", "checkpoint"):
            words += [word for one in value for word in (flag, one)]
        elif field.name == "backbone" or value != field.default:
            values = value if isinstance(value, tuple) else () if value is True else (value,)
            words += [flag, *map(str, values)]
    return words


def as_toml(grid: Grid) -> str:
    """The text of a file for `--config`. A second run that the grid needs follows as a comment."""
    first, *others = runs(grid)
    lacking = [name for name, place in PLACES.items() if getattr(first, name) == place]
    text = "# These cells are measured again by: python run_bench.py --config FILE.toml\n"
    text += "".join(f"# The records do not hold the value of {name!r}; write yours.\n" for name in lacking)
    text += request.as_toml(first)
    for other in others:
        text += "# Then run it once more with:\n"
        text += "".join(f"# {line}\n" for line in request.as_toml(other).splitlines())
    return text


def file_names(grids: int) -> list[str]:
    """The names of the files for so many grids: `run.toml`, or `run-1.toml`, `run-2.toml` and so on."""
    return [f"{name}.toml" for name in numbered(["run"] * grids)]


def runs(grid: Grid) -> list[Request]:
    """The runs that make the grid's cells: one for each format of deltas, and one more for an `--oracle`."""
    found = []
    for store in STORES:
        stored = [method for method in grid.methods if method == stored_as(fitted_as(method), store)]
        for oracle in (False, True):
            methods = [method for method in stored if Label.parse(method).oracle is oracle]
            if methods:
                found.append(run_of(grid, methods, oracle=oracle, store=store))
    return found


def run_of(grid: Grid, methods: Sequence[str], *, oracle: bool, store: str) -> Request:
    """A run of these methods. Of records that no run can have made, only the names are taken."""
    everything = [cell for cells in grid.cells.values() for cell in cells]
    names = ordered(fitted_as(method).removesuffix(ORACLE) for method in methods)
    search = tuning([cell for cell in everything if cell.method in methods])
    more: Mapping[str, Any] = {} if grid.suite in OWN else {"data": PLACES["data"]}
    backbone = (everything[0].backbone,)
    try:
        return Request(
            names, grid.tasks, grid.seeds, backbone, oracle=oracle, store=store, **search, **more,
            **network(everything[0]), **recipes(everything[0], grid.suite),
        )  # fmt: skip
    except UserError:
        return Request(names, grid.tasks, backbone=backbone)


def recipes(cell: CellResult, suite: str) -> Mapping[str, Any]:
    """The effort of the methods' recipes, where it is not that of the suite, and the augmentation."""
    usual = "quick" if suite == EMBEDDED else "paper"
    return {"effort": None if cell.effort == usual else cell.effort, "augment": cell.augment}


def network(cell: CellResult) -> Mapping[str, Any]:
    """How a backbone was built and in which number formats it ran; of the embedded one, the formats alone."""
    facts = cell.network
    computing = {"precision": facts.precision or PRECISIONS[0], "compile": facts.compile}
    if cell.backbone == EMBEDDED:
        return computing
    return {
        **computing,
        "checkpoint": PLACES["checkpoint"] if facts.weights == "checkpoint" else (),
        "backbone_arg": tuple(f"{key}={value}" for key, value in sorted(facts.args.items())),
        "image_size": facts.image_size,
        "preprocess": PREPROCESS[(facts.resize or "").startswith("timm")],
        "mean": tuple(facts.mean or ()),
        "std": tuple(facts.std or ()),
    }


def tuning(cells: Sequence[CellResult]) -> Mapping[str, Any]:
    """How hyper-parameters were searched; nothing unless all cells say the same."""
    asked = {(cell.tuning.asked, cell.tuning.sampler) if cell.tuning else (None, None) for cell in cells}
    trials, sampler = asked.pop() if len(asked) == 1 else (None, None)
    if trials is None or sampler == GRID:
        return {}
    limit: Mapping[str, Any] = {"budget": PLACES["budget"]} if trials == AUTO else {}
    return {"tune": trials, "sampler": sampler or SAMPLERS[0], **limit}
