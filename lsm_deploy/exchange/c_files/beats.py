"""The front end of heart beats in C: the host's quotients and medians, in doubles, one beat at a time."""

from __future__ import annotations

from lsm_deploy.data.front.beats import LONGEST_S, SHORTEST_S
from lsm_deploy.exchange.c_files.liquid import Part
from lsm_deploy.exchange.c_files.tables import Field, literal
from lsm_deploy.spec.schema import BeatsFrontEnd

__all__ = ["beats_of"]

_CHANNELS = {
    "rr": "rr",
    "drr": "drr",
    "drr_relative": "relative",
    "abs_drr_relative": "relative < 0 ? -relative : relative",
    "ddrr_relative": "changed",
    "rr_relative": "rr / median - 1",
}


def beats_of(front_end: BeatsFrontEnd) -> Part:
    """The C of this front end."""
    median = "rr_relative" in front_end.channels
    frame = " ".join(f"frame[{i}] = {_CHANNELS[name]};" for i, name in enumerate(front_end.channels))
    fields = [Field("double", "rr", words="the last interval, 0 before there is one"), Field("double", "relative")]
    if median:
        fields += [
            Field("double", "sorted", "[LSM_WINDOW]", front_end.window_beats, "intervals of the window"),
            Field("uint32_t", "beats", words="of the window"),
        ]
    macros = {
        "LSM_WINDOW": f"{front_end.window_beats}u",
        "LSM_STRIDE": f"{front_end.stride}u",
        "LSM_MEDIAN": str(int(median)),
        "LSM_SHORTEST": literal(SHORTEST_S),
        "LSM_LONGEST": literal(LONGEST_S),
        "LSM_BEAT_CHANNELS": f"do {{ {frame} }} while (0)",
    }
    return Part(macros=macros, fields=tuple(fields), after=("beats.c",))
