"""Cells that are left out by rule: their method has no place in the backbone. They are settled, and are no failure."""

from __future__ import annotations

from collections.abc import Iterable

from bench.records.cells import CellResult
from bench.registry import Label

SEVERAL = (("needs ", "need "), ("has ", "have "), ("is ", "are "))  # a verb after one name, and after several


def is_left_out(result: CellResult) -> bool:
    """Whether a record says that a method has no place in the backbone. A trial that is skipped was pruned."""
    return (result.stage, result.status) == ("final", "skipped")


def left_out_line(reasons: Iterable[tuple[str, str]]) -> str:
    """One line for all pairs of a method's label and its reason; empty where there are none.

    `left out: vpt_deep, convpass (need a ViT's tokens, and MobileNetV3 has none)`. Reasons that differ in the name of
    the method alone are told once.
    """
    alike: dict[str, dict[str, None]] = {}
    for label, reason in reasons:
        clause = reason.removeprefix(label).removeprefix(Label.parse(label).name).strip()
        alike.setdefault(clause, {})[label] = None
    parts = [f"{', '.join(labels)} ({said(clause, len(labels))})" for clause, labels in alike.items()]
    return f"left out: {'; '.join(parts)}" if parts else ""


def said(clause: str, count: int) -> str:
    """The clause of so many methods: `need tokens` for `needs tokens`, where there are several."""
    for one, several in SEVERAL:
        if count > 1 and clause.startswith(one):
            return several + clause.removeprefix(one)
    return clause
