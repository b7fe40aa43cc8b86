"""In the place of lava-loihi's profiler: that this can be found is what `lava.utils.loihi.is_installed()` asks."""
