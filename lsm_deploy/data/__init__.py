"""Data and their labels: what was recorded (`raw`), how it is read, whether it fits, how it is split."""

from lsm_deploy.data.checks import (
    check_channels,
    check_labels,
    check_split,
    check_targets,
    class_order,
    constant_channels,
)
from lsm_deploy.data.frame_files import load_frames
from lsm_deploy.data.frames import make_frames
from lsm_deploy.data.load import load_data, load_dataset, load_raw, require_there
from lsm_deploy.data.raw import Audio, Beats, Events, Frames, Raw, Role, digests, lengths, rows_of, subset
from lsm_deploy.data.split import splits

__all__ = [
    "Audio",
    "Beats",
    "Events",
    "Frames",
    "Raw",
    "Role",
    "check_channels",
    "check_labels",
    "check_split",
    "check_targets",
    "class_order",
    "constant_channels",
    "digests",
    "lengths",
    "load_data",
    "load_dataset",
    "load_frames",
    "load_raw",
    "make_frames",
    "require_there",
    "rows_of",
    "splits",
    "subset",
]
