"""LP-FT: linear probing, then fine-tuning of every weight from the probe (Kumar et al., ICLR 2022)."""

from __future__ import annotations

from dataclasses import dataclass

from bench.registry import method
from methods.fine_tune import FineTune


@method("lp_ft", family="weights", extra=True)
@dataclass(frozen=True)
class LpFt(FineTune):
    """`fine_tune` with a head that starts as the converged linear probe, whose l2 validation images choose.

    A good head from the start leaves the features as they are where they serve, which helps on shifted images. Batch
    statistics move as in `fine_tune`.

    Source: Kumar et al. 2022, section 4 (AnanyaKumar/transfer_learning@13c3e2b, unlabeled_extrapolation). There SGD
    trains it, at one of a few rates that validation images choose.
    """

    head: str = "probe"
