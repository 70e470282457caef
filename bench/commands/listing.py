"""Methods as `list` shows them: one line each by family, or some with their hyper-parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from bench.registry import FAMILIES, METHODS, Label
from bench.runs.plan import params
from bench.spec import Method


def families() -> Iterator[RenderableType]:
    """A line for each method, those of `core` first, under the title of its family."""
    every = dict(METHODS.items())
    width = max(map(len, every))
    for family, names in METHODS.by_family().items():
        yield Text(f"{family}: {FAMILIES[family]}", style="bold")
        for name in names:
            yield line(name, every[name], width)


def details(chosen: Mapping[str, Any]) -> Iterator[RenderableType]:
    """The methods by family with their hyper-parameters. What those of a family share is told once."""
    width = max(map(len, chosen))
    ordered = sorted(chosen, key=lambda label: not METHODS.is_core(Label.parse(label).name))
    for family in FAMILIES:
        made = {label: chosen[label]() for label in ordered if METHODS.family(Label.parse(label).name) == family}
        if not made:
            continue
        shared = common(list(made.values()))
        yield Text(f"{family}: {FAMILIES[family]}", style="bold")
        if shared:
            yield Text(f"unless said otherwise {written(shared)}", style="dim")
        for label, method in made.items():
            yield line(label, type(method), width)
            own = {name: value for name, value in params(method).items() if shared.get(name, ...) != value}
            if own:
                yield Padding(Text(written(own), style="dim"), (0, 0, 0, 4), expand=False)


def common(methods: Sequence[Method]) -> dict[str, Any]:
    """The most frequent value, the first of equals, of each hyper-parameter that all of several methods have."""
    known = [params(method) for method in methods]
    if len(known) < 2:
        return {}
    columns = {name: [one.get(name, ...) for one in known] for name in known[0]}
    return {name: max(values, key=values.count) for name, values in columns.items() if ... not in values}


def line(label: str, method: type[Method], width: int) -> Text:
    """A method's name, whether it is of `core`, and the first line of its own words, cut where the screen ends."""
    kind = "core" if METHODS.is_core(Label.parse(label).name) else "extra"
    summary = (method.__doc__ or "").strip().splitlines()[0]
    return Text(f"{label:<{width}}  {kind:<5}  {summary}", no_wrap=True, overflow="ellipsis")


def written(values: Mapping[str, Any]) -> str:
    """`lr=0.001, epochs=100`."""
    return ", ".join(f"{name}={value}" for name, value in values.items())
