"""The listing of a backbone's taps: where Head2Toe reads it, and how many features each gives."""

from __future__ import annotations

from rich.table import Table

from bench.backbone.network import unloaded
from bench.backbone.pooling import pooled_width
from bench.backbone.taps import find_taps
from bench.spec import BackboneSpec

TARGETS = (512, 8192)


def taps_table(spec: BackboneSpec) -> Table:
    """All taps of a backbone in the order in which it computes them; needs its shape alone, no pretrained weights.

    Raises UserError for a name that timm has not.
    """
    network, size = unloaded(spec)
    taps = find_taps(network, size)
    table = Table("tap", "layout", "shape", *(f"T = {target:,}" for target in TARGETS), box=None)
    table.title = f"{spec.name} at {size} px: {len(taps)} taps"
    for column in table.columns[2:]:
        column.justify = "right"
    for tap in taps:
        sizes = [f"{pooled_width(tap, target):,}" for target in TARGETS]
        table.add_row(tap.name, tap.layout, " × ".join(map(str, tap.shape)), *sizes)
    totals = [f"{sum(pooled_width(tap, target) for tap in taps):,}" for target in TARGETS]
    table.add_section()
    table.add_row("all", "", "", *totals)
    return table
