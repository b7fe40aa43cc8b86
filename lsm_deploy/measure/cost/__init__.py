"""What a run costs on a chip: events, counted exactly, and from them a range of energy and time."""
