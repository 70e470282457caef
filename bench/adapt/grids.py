"""What recipes choose among on the validation images. Methods of a kind share a grid, so that chances are equal."""

from __future__ import annotations

from bench.spec import UserError

# l2 from strong to weak, so that each solution starts the next. The decades are those around the ones that CLIP's
# probes use (Radford et al. 2021, appendix A.3: a sweep over [1e-6, 1e6] of the inverse strength).
L2 = tuple(10.0 ** (exponent / 2) for exponent in range(2, -13, -1))

# Learning rates, the recipe's own first. For the network's own weights, down to 1e-5: transformers often want it, and
# grids that start at 1e-3 make fine-tuning look worse than it is. For inserted modules, a decade around the 1e-3 of
# NOAH's recipe (Zhang et al. 2022), which most published adapters share.
OWN_WEIGHTS = (1e-4, 1e-3, 3e-4, 1e-5)
INSERTED = (1e-3, 3e-4, 3e-3, 1e-2)

# Which linear layers of a network with attention an update is added to: those that give queries, keys and values, all
# of attention, or those of the MLPs too. Papers differ in it more than in the rank.
TARGETS = ("qkv", "attention", "all")


def check_targets(targets: str) -> None:
    """Raises UserError for layers that nothing is said of."""
    if targets not in TARGETS:
        raise UserError(f"targets are one of {', '.join(TARGETS)}, not {targets!r}")
