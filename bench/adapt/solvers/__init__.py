"""Solvers of linear heads: closed forms, Adam as Head2Toe uses it, Newton's method, and the group lasso."""

from bench.adapt.solvers.adam import AdamRecipe, adam
from bench.adapt.solvers.closed_form import NEVER, class_means, discriminant, least_squares
from bench.adapt.solvers.examples import Examples, read_examples
from bench.adapt.solvers.head import Head, fresh, start, zero
from bench.adapt.solvers.l2_path import at_l2, choose_l2, chosen_l2, heads_along, linear_probe
from bench.adapt.solvers.lasso import Design, GroupLasso, Solution, unit_norm
from bench.adapt.solvers.logistic import Kernel, ridge, row_norms, standardise, standardised
from bench.adapt.solvers.softmax import product

__all__ = [
    "NEVER", "AdamRecipe", "Design", "Examples", "GroupLasso", "Head", "Kernel", "Solution", "adam", "at_l2",
    "choose_l2", "chosen_l2", "class_means", "discriminant", "fresh", "heads_along", "least_squares", "linear_probe",
    "product", "read_examples", "ridge", "row_norms", "standardise", "standardised", "start", "unit_norm", "zero",
]  # fmt: skip
