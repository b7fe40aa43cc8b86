"""Control in closed loop at 20 ms, by liquids that are shown positions alone: `make control`."""
