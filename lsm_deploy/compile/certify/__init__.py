"""What no input can do to a network: bounds on its sums and registers, and scales at which all of it is proved."""
