"""Searches: trials of other values of a spec, in a journal that any number of processes may go on with."""
