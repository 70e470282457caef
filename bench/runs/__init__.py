"""Doing the work: plan, estimate, tuning, training, evaluation."""
