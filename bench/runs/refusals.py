"""Methods that cannot run on a backbone are told before anything runs: those without a place in it are left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import nn

from bench.records.cells import Cell, CellResult, Status
from bench.records.left_out import is_left_out
from bench.runs.failure import Failure, attempt
from bench.runs.session import Session


@dataclass(frozen=True)
class Refusal:
    """Why a cell does not run: `skipped` for a method without a place in the network, `failed` for an error."""

    status: Status
    reason: str


def refusals(cells: Sequence[Cell], network: nn.Module) -> dict[str, Refusal]:
    """By key, the cells that cannot run on a network of timm's. Each method is asked once."""
    asked: dict[str, Refusal | None] = {}
    for cell in cells:
        if (method := asked_as(cell)) not in asked:
            asked[method] = refusal(cell, network)
    return {cell.key: refused for cell in cells if (refused := asked[asked_as(cell)]) is not None}


def asked_as(cell: Cell) -> str:
    """What tells a method with its hyper-parameters from all others."""
    return f"{cell.label} {cell.method!r}"


def refusal(cell: Cell, network: nn.Module) -> Refusal | None:
    """Why the method of a cell cannot run; None where it can, and where it does not say."""
    ask = getattr(cell.method, "refusal", None)  # a class of a notebook need not derive from Method
    if ask is None:
        return None
    answer = attempt(lambda: ask(network))
    if isinstance(answer, Failure):
        return Refusal("failed", answer.reason)
    return Refusal("skipped", answer) if answer else None


def settled_refusals(cells: Sequence[Cell], latest: Mapping[str, CellResult]) -> dict[str, Refusal]:
    """By key, the cells that were left out before, as the records that count say."""
    known = {cell.key: latest[cell.key] for cell in cells}
    return {key: Refusal(one.status, one.reason or "") for key, one in known.items() if is_left_out(one)}


def turn_away(cells: Sequence[Cell], session: Session) -> list[Cell]:
    """Records the cells that cannot run, which cost nothing, and returns the others."""
    found = refusals(cells, session.backbone.module)
    for cell in cells:
        if refused := found.get(cell.key):
            session.turn_away(cell, refused.status, refused.reason)
    return [cell for cell in cells if cell.key not in found]
