"""Traces -> answers: features of spikes, readouts trained on them, on the host or on the chip, and model files."""
