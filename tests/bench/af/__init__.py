"""The application of `make af`: atrial fibrillation from the intervals between heart beats, measured."""
