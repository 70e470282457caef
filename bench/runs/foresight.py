"""What can be foreseen of cells: which of them cannot run on their backbone, and what the others should cost."""

from __future__ import annotations

from collections.abc import Sequence

from bench.backbone.network import load
from bench.costs.budget import Amount
from bench.costs.device import find_device
from bench.records.cells import Cell
from bench.records.store import Store
from bench.runs.estimate import Estimator
from bench.runs.plan import backbones
from bench.runs.refusals import Refusal, refusals, settled_refusals


def foresee(
    todo: Sequence[Cell], settled: Sequence[Cell], store: Store, device: str
) -> tuple[dict[str, Refusal], dict[str, Amount]]:
    """By key, the cells that cannot run, and the cost with tuning of those that are left to do.

    Each backbone is loaded once. Raises UserError for one that cannot be.
    """
    refused, expected = settled_refusals(settled, store.latest()), dict[str, Amount]()
    for spec in backbones(todo):
        backbone = load(spec, find_device(device))
        estimate, own = Estimator(backbone, store.results()), [cell for cell in todo if cell.backbone == spec]
        refused |= refusals(own, backbone.module)
        expected |= {cell.key: estimate.tuned(cell) for cell in own if cell.key not in refused}
    return refused, expected
