"""An object that moves and is hidden at times, tracked from the events of a small sensor: `make tracking`."""
