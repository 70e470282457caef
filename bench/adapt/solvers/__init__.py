"""Solvers of linear heads: Adam as Head2Toe uses it, Newton's method for logistic regression, and the group lasso."""

from bench.adapt.solvers.adam import AdamRecipe, adam
from bench.adapt.solvers.examples import Examples, read_examples
from bench.adapt.solvers.head import Head, fresh, start, zero
from bench.adapt.solvers.l2_path import choose_l2, heads_along, linear_probe
from bench.adapt.solvers.lasso import Design, GroupLasso, Solution, unit_norm
from bench.adapt.solvers.logistic import Kernel, ridge, row_norms, standardise, standardised

__all__ = [
    "AdamRecipe", "Design", "Examples", "GroupLasso", "Head", "Kernel", "Solution", "adam", "choose_l2", "fresh",
    "heads_along", "linear_probe", "read_examples", "ridge", "row_norms", "standardise", "standardised", "start",
    "unit_norm", "zero",
]  # fmt: skip
