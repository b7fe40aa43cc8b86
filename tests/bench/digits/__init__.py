"""Spoken digits, measured: `make digits`."""
