"""A program, or a model, as C99 for a microcontroller: `folder` writes it, from tables and the files in `code`."""
