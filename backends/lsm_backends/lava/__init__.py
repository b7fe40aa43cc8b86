"""Intel's Lava: `sim` runs a program on its CPU models, `hardware` on a Loihi 2 board; both through a child process.

    Program --job.write--> job.json, arrays.npz --graph.py, in a child process--> result.npz --job.read--> Trace

Lava is imported by `graph.py` and `netx_graph.py`, and by what these take from here, alone; both are never imported but
started: importing Lava sets the start method of multiprocessing, an exception inside a process model makes it wait
forever, and running after a stop crashes the interpreter. A process that can be killed holds all of that, and may
belong to another Python than the caller's.
"""
