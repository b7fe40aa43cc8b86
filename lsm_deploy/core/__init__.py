"""The integer contract: values, arithmetic, neuron kinds and the limits of chips. All that a backend may know."""
