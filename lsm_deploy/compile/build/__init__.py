"""Spec -> Network: neurons, wiring, delays and weights drawn from the seed, or brought by the user as arrays."""
