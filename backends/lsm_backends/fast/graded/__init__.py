"""Networks whose messages, or whose input, are more than 0, 1 and -1: they are dense, and all of them is in every step.

`layout` makes matrices of the synapses, `session` advances one run, `batch` runs samples side by side. Spiking kinds
may be among the neurons; a network of nothing else, with binary input, is not for this.
"""
