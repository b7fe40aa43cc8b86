"""What the commands say: a value becomes a `Report`, which is blocks for people and facts for programs.

`report_*`, one for each kind of value, make them; `text`, `markdown` and `pictures` show them. Nothing is computed here
but shares and sums.
"""
