"""What the commands say: a value becomes a `Report`, which is blocks for people and facts for programs.

`report_*`, one for each kind of value, make them, in a file for each part of the system; `blocks` says what they are
made of; `text`, `markdown` and `pictures` show them. Nothing is computed here but shares and sums. A command imports
what it shows, and nothing else is loaded.
"""
