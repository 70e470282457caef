"""Group lasso for multinomial logistic regression, solved to a certified duality gap: few examples, many features.

Minimised is the mean cross-entropy of softmax(XW + b) plus λ Σᵢ ||Wᵢ||₂, one group a feature: its row over the classes;
the intercept b is free. This is the first stage of Head2Toe (Evci et al. 2022, section 3) without Adam's approximation.
"""

from bench.adapt.solvers.lasso.design import Block, Design, unit_norm
from bench.adapt.solvers.lasso.path import GroupLasso, Solution

__all__ = ["Block", "Design", "GroupLasso", "Solution", "unit_norm"]
