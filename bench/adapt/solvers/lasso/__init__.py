"""The group lasso for multinomial logistic regression, solved to a certified duality gap: few examples, many features.

It minimises the mean cross-entropy of softmax(XW + b) plus λ Σᵢ ||Wᵢ||₂. A group is a feature's row over the classes,
and the intercept b has no penalty. This is the first stage of Head2Toe (Evci et al. 2022, section 3), which Adam
approximates there.
"""

from bench.adapt.solvers.lasso.design import Block, Design, unit_norm
from bench.adapt.solvers.lasso.path import GroupLasso, Solution

__all__ = ["Block", "Design", "GroupLasso", "Solution", "unit_norm"]
