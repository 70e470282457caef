"""The numbers of a report, computed from records."""
