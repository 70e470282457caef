"""Exit codes, the same for every command."""

DONE = 0  # all that was asked
INCOMPLETE = 1  # some of it failed, or had no data
UNUSABLE = 2  # wrong usage, or nothing could be done
OVER_BUDGET = 3  # the budget is spent, and cells are left
