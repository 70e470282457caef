"""The numbers of a report: a grid of records, statistics of it, and pandas frames."""
