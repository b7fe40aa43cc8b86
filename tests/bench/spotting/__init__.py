"""Digits in a row, spotted as they end: `make spotting`."""
