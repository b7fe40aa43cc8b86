"""What is seen of a run, a liquid, its answers: each picture is a function of values, drawn when it is asked for.

`style` is how all of them look, `images` makes files of them.
"""
