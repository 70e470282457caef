"""What methods are made of: probes, the training loop, trained networks, rankings and solvers."""
