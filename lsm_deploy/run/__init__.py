"""Program and stimulus -> trace: the table of backends, endless runs, and the float network as a reference."""
