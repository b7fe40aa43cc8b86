"""Models that listen: frames, beats or sound come in without an end, and scores go out.

`values` says what a model is, from frame to scores, in numbers; `listening` runs it, `answering` reads it, `spotting`
names what it tells from nothing.
"""

from lsm_deploy.learn.live.listening import Live, LiveState
from lsm_deploy.learn.live.spotting import Spotted, Spotter
from lsm_deploy.learn.live.values import Answers, Forecasts, MostSpikes, Scores, SentForecasts, Streams

__all__ = [
    "Answers",
    "Forecasts",
    "Live",
    "LiveState",
    "MostSpikes",
    "Scores",
    "SentForecasts",
    "Spotted",
    "Spotter",
    "Streams",
]
