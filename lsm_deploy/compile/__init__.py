"""Spec -> program. `pipeline` is read first: build, quantise, certify, place, each a folder of passes."""
