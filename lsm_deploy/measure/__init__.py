"""What is known of a liquid: its accuracy, what quantisation did to it, its dynamics, its cost on a chip."""
