"""lava-dl's networks (`.net`): `net` first, then a layer's fields, then the notes that make a program of ours of it."""
