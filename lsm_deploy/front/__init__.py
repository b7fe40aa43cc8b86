"""Front ends: recordings become frames, which encoders turn into spikes. `load` reads, `to_frames` converts."""

from lsm_deploy.front.convert import Role, frames_for, load, load_data, to_frames

__all__ = ["Role", "frames_for", "load", "load_data", "to_frames"]
