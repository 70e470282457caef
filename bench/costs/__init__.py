"""What work costs: the budget, the meter of FLOPs and seconds, the clock, and the device that computes."""
