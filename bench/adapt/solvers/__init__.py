"""Solvers of linear heads: Adam as Head2Toe uses it, Newton's method for logistic regression, and the group lasso."""
