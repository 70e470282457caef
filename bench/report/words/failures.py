"""Cells without a figure, and why. Cells with the same reason share a line."""

from __future__ import annotations

from collections.abc import Iterable

from bench.records.cells import CellResult
from bench.records.left_out import is_left_out, left_out_line
from bench.report.numbers.grid import current, ordered
from bench.report.numbers.units import counted


def failures(results: Iterable[CellResult]) -> list[str]:
    """`failed: lora on demo/digits (2 cells): out of memory`, one line for each status, reason and set of methods.

    One line more names all methods that have no place in a backbone. Records that hold only trials give one line that
    says so.
    """
    results = list(results)
    if results and all(result.stage != "final" for result in results):
        return [f"no cell is finished yet; the records hold only {counted(len(results), 'trial')}"]
    told: dict[tuple[str, str, str], list[CellResult]] = {}
    left_out: list[tuple[str, str]] = []
    for result in current(results):
        if is_left_out(result):
            left_out.append((result.method, result.reason or "no reason was recorded"))
        elif result.status != "done":
            reason = result.reason or "no reason was recorded"
            told.setdefault((result.status, reason, result.task), []).append(result)
    alike: dict[tuple[str, str, tuple[str, ...]], list[CellResult]] = {}
    for (status, reason, _), found in told.items():
        alike.setdefault((status, reason, ordered(result.method for result in found)), []).extend(found)
    return [*(describe(*key, found) for key, found in alike.items()), *filter(None, [left_out_line(left_out)])]


def describe(status: str, reason: str, methods: tuple[str, ...], results: list[CellResult]) -> str:
    """One line about cells with the same status, reason and methods."""
    tasks = ", ".join(ordered(result.task for result in results))
    count = f" ({counted(len(results), 'cell')})" if len(results) > 1 else ""
    return f"{status}: {', '.join(methods)} on {tasks}{count}: {reason}"
