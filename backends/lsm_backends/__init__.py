"""Where programs run: one module a backend, each with `run(program, stimulus, record=...) -> Trace` and `missing()`."""
