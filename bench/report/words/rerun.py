"""How to measure a grid again: the command to type, and the TOML file for `--config` that does the same."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from bench.records.cells import CellResult
from bench.records.request import AUTO, SAMPLERS, Request, written
from bench.registry import ORACLE, Label
from bench.report.numbers.grid import Grid, ordered

EMBEDDED = "demo"  # the backbone and the suite that come with the code
OWN = (EMBEDDED, "folder", "domains")  # suites that read nothing below --data
PLACES = {"checkpoint": "FILE", "budget": ("LIMIT",), "data": "DATA"}  # stand for values that the records do not hold
Flags = Mapping[str, object]  # value by field of a Request; a tuple where the flag takes several


def command(grid: Grid) -> str:
    """What to type, one line a run. The reader replaces the words in capitals: the records do not hold these values."""
    return "\n".join(f"python run_bench.py {' '.join(map(shlex.quote, typed(flags)))}" for flags in runs(grid))


def typed(flags: Flags) -> list[str]:
    """Flags as words of the command line; the backbone is always named."""
    words: list[str] = []
    for name, value in flags.items():
        if name == "backbone_arg" and isinstance(value, tuple):
            words += [word for one in value for word in (f"--{flag(name)}", one)]
        elif name == "backbone" or not usual(name, value):
            values = value if isinstance(value, tuple) else () if value is True else (value,)
            words += [f"--{flag(name)}", *map(str, values)]
    return words


def as_toml(grid: Grid) -> str:
    """The text of a file for `--config`: the flags that differ from their defaults.

    A second run that the grid needs follows as a comment.
    """
    first, *others = runs(grid)
    told = ["# These cells are measured again by: python run_bench.py --config run.toml"]
    told += [f"# The records do not hold the value of {name!r}; write yours." for name in PLACES if name in first]
    told += lines_of(first)
    for flags in others:
        told += ["# Then run it once more with:", *(f"# {line}" for line in lines_of(flags))]
    return "\n".join([*told, ""])


def lines_of(flags: Flags) -> list[str]:
    """`image-size = 224` for each flag that differs from its default."""
    return [f"{flag(name)} = {written(value)}" for name, value in flags.items() if not usual(name, value)]


def flag(name: str) -> str:
    """`image-size` for the field `image_size`."""
    return name.replace("_", "-")


def usual(name: str, value: object) -> bool:
    """Whether a flag has its default value."""
    return bool(value == getattr(Request(), name))


def runs(grid: Grid) -> list[Flags]:
    """The flags of the runs that make the grid's cells: one, and one more for methods tuned with `--oracle`."""
    found: list[Flags] = []
    for oracle in (False, True):
        methods = [method for method in grid.methods if Label.parse(method).oracle is oracle]
        if methods:
            found.append(flags_of(grid, methods) | ({"oracle": True} if oracle else {}))
    return found


def flags_of(grid: Grid, methods: Sequence[str]) -> dict[str, object]:
    """The flags of a run of these methods."""
    everything = [cell for cells in grid.cells.values() for cell in cells]
    flags: dict[str, object] = {"methods": ordered(method.removesuffix(ORACLE) for method in methods)}
    flags |= {"tasks": grid.tasks, "seeds": grid.seeds, "backbone": everything[0].backbone, **network(everything[0])}
    flags |= tuning([cell for cell in everything if cell.method in methods])
    return flags | ({} if grid.suite in OWN else {"data": PLACES["data"]})


def network(cell: CellResult) -> Flags:
    """The weights, the arguments and the preprocessing of a backbone; nothing for the embedded one."""
    if cell.backbone == EMBEDDED:
        return {}
    facts = cell.network
    found = {
        "checkpoint": PLACES["checkpoint"] if facts.weights == "checkpoint" else None,
        "backbone_arg": tuple(f"{key}={value}" for key, value in sorted(facts.args.items())),
        "image_size": facts.image_size,
        "mean": tuple(facts.mean or ()),
        "std": tuple(facts.std or ()),
    }
    return {name: value for name, value in found.items() if value}


def tuning(cells: Sequence[CellResult]) -> Flags:
    """How hyper-parameters were searched; nothing unless all cells say the same."""
    asked = {(cell.tuning.asked, cell.tuning.sampler) if cell.tuning else (None, None) for cell in cells}
    trials, sampler = asked.pop() if len(asked) == 1 else (None, None)
    if trials is None:
        return {}
    search: dict[str, object] = {"tune": trials, "sampler": sampler or SAMPLERS[0]}
    return search | ({"budget": PLACES["budget"]} if trials == AUTO else {})
