"""Methods by family, the order in which every table and plot shows them."""

from __future__ import annotations

from collections.abc import Iterable

from bench.registry import FAMILIES, METHODS, Label


def family(method: str) -> str:
    """The family of a method as it is labelled; "others" where nothing is registered under its name any more."""
    return METHODS.family(Label.parse(method).name)


def by_family(methods: Iterable[str]) -> tuple[str, ...]:
    """Each method once, those of a family together, the families in their order; within one as they come."""
    places = {name: place for place, name in enumerate(FAMILIES)}
    return tuple(sorted(dict.fromkeys(methods), key=lambda method: places[family(method)]))
