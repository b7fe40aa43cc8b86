"""Front ends: recordings become frames, which encoders turn into spikes. `load` reads, `to_frames` converts."""

from lsm_deploy.data.front.beats import AF, NOT_AF
from lsm_deploy.data.front.convert import frames_for, load, load_data, recordings, to_frames, training_frames

__all__ = ["AF", "NOT_AF", "frames_for", "load", "load_data", "recordings", "to_frames", "training_frames"]
