"""Front ends: recordings become frames, which encoders turn into spikes. `load` reads, `to_frames` converts."""

from lsm_deploy.front.convert import Role, load, load_data, to_frames

__all__ = ["Role", "load", "load_data", "to_frames"]
