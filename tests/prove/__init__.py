"""Primitives proved, not sampled: decay, wraps, saturation, threshold, bias, weights, as each backend does them.

`make prove` runs everything and prints a table; `tests/test_prove.py` runs the edges and a sample in the normal suite.
Three methods, and each row of the table says which:

    every     the real code, run on every input of the range
    ends      the real code, run on the first and the last input of every class of inputs with one answer. Between two
              ends the answer cannot differ, because it is monotone there: the code is a composition of monotone
              operations (abs on one side of 0, a right shift or a division by 4096 and a floor, a comparison)
    symbols   the real code's own bytecode, run on bit-vectors instead of arrays, and z3 finds no input that differs.
              Trusted are z3 and what `symbolic.py` says numpy's operations are

What is proved is LIF's step, on which the other spiking kinds are built; of ATRLIF and LIFSubtract what they have
besides (`adaptive.py`, `subtract.py`); and of graded and gated neurons their own steps (`graded.py`, `gated.py`).

A decay is truncate(u * keep), keep = 4096 - rate. Lemma: |u| <= 2**31 and keep <= 4096 give |u * keep| <= 2**43, exact
in int64 and (being below 2**53) in doubles. So a decay is proved by proving the truncation of every product, which the
code is given as u = product, keep = 1. Code that has no room for a product (`fast`, in int32) is run on every operand.
"""
