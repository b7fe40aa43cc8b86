"""QNetwork -> Program: a core for each neuron, within the limits of a board."""
