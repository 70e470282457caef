"""One frozen network and what is read of it: weights, taps, pooling, the forward pass, features and their cache."""
