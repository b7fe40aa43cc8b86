"""Networks of spiking neurons in files, ours and other people's, a file or a folder each: see `networks.py`."""
