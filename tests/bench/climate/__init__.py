"""Hindcasts of sea surface temperature and sunspots in the order of time, beside what climatologists compare with."""
