"""Training for a model that listens: on what it reads in an endless run, and not in samples that begin at rest.

A window that is cut out of a stream begins at rest, and its first spikes are others than those of a liquid that went
on; a readout of such windows may be of little use in a stream (`lsm-deploy manual results-spotting` has how little).
Here features are those of `Live`, after each frame that has a label.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lsm_deploy.core import memory
from lsm_deploy.core.errors import LsmError, MisuseError, raise_all, require_type
from lsm_deploy.core.fixed import Ints
from lsm_deploy.data import Frames, subset
from lsm_deploy.learn import readout as readouts
from lsm_deploy.learn.listener import Listener, listen
from lsm_deploy.learn.live import Live, Scores, Streams
from lsm_deploy.learn.model import Model, OnHost, readout_of
from lsm_deploy.learn.readout import IntegerReadout
from lsm_deploy.learn.runs import refuse_silence, sizes_of
from lsm_deploy.run import backends
from lsm_deploy.spec.schema import Readout, Spec, Traces

__all__ = ["train_on_streams"]


def train_on_streams(
    spec: Spec, streams: Frames, labels: Sequence[str], window: int | None = None, backend: str = backends.DEFAULT
) -> Model[OnHost]:
    """Compile a spec, listen to each stream, and fit the readout to what is read after each frame that has a label.

    streams: a sample is a stream, its group who is heard in it; cross-validation holds out groups, or streams with
    their altered copies where there is one group or none. labels `[frame]`: of all frames, end to end, "" for those
    that teach nothing. window: frames that are read, the last ones; traces that are read once have none. LsmError: all
    that does not fit, at once; or the liquid is silent.
    """
    require_type(streams, Frames, "streams", "read them with `load_frames`, or make them with `to_frames`")
    section, labels = readout_of(spec), _flat(labels)
    raise_all(_mistakes(section, streams, labels, window))
    listener = replace(listen(spec, streams), longest=int(window or 0))
    rows = np.array([i for i, label in enumerate(labels) if label], np.int64)
    width = readouts.width(section, sizes_of(listener.program, section))
    hint = "label fewer frames, or read fewer neurons or bins"
    memory.require(
        4 * 8.0 * len(rows) * width, f"{len(rows)} frames of {width} features take", where="labels", hint=hint
    )
    features = _features(listener, section, streams, rows, width, backend)
    if not features.any():
        beginning = listener.encode(subset(streams, [0]), "train")
        refuse_silence(listener.program, beginning, section.populations, backend, "the streams")
    of = np.searchsorted(streams.starts, rows, "right") - 1
    # As of samples: one speaker alone has nobody to be held out against, and copies are in their original's fold.
    groups = [streams.groups[i] for i in of.tolist()] if len(set(streams.groups)) > 1 else ()
    origin = streams.origin[of].tolist()
    classifier = readouts.fit(features, [labels[i] for i in rows.tolist()], section, spec.seed, groups, origin)
    integers = readouts.quantise_readout(classifier, section.weight_bits)
    return Model(listener, OnHost(section, classifier, integers))


def _features(listener: Listener, section: Readout, streams: Frames, rows: Ints, width: int, backend: str) -> Ints:
    """What is read after these frames `[row, feature]`."""
    nothing = np.zeros((1, width), np.int64)
    unread = IntegerReadout(("",), width, np.arange(width), nothing, np.zeros(1, np.int64), 1.0)
    answers = Scores.of(listener.program, section, unread)
    live = Live(Streams.of(replace(listener, front_end=None), answers), backend=backend, role="train")
    features, wanted = np.zeros((len(rows), width), np.int64), np.zeros(len(streams.frames), bool)
    wanted[rows] = True
    begins, row = set(streams.starts.tolist()), 0
    for i, frame in enumerate(streams.frames):
        if i in begins:
            live.reset()
        live.take(frame)
        if wanted[i]:
            features[row] = live.features
            row += 1
    return features


_ONE_A_FRAME = 'write one a frame, of all streams end to end, and "" where a frame teaches nothing'


def _flat(labels: object) -> list[str]:
    each = labels.tolist() if isinstance(labels, np.ndarray) and labels.ndim == 1 else labels
    if not isinstance(each, list | tuple) or not all(isinstance(label, str) for label in each):
        hint = 'give one flat list of text over all streams, end to end, and "" where a frame teaches nothing'
        raise MisuseError("labels are no text for each frame", where="labels", hint=hint)
    return list(each)


def _mistakes(section: Readout, streams: Frames, labels: Sequence[str], window: object) -> list[LsmError]:
    errors: list[LsmError] = []
    if section.centre != "none":
        what = "features are less the mean of their group, which takes other samples of it"
        errors.append(LsmError(what, where="readout", hint="set `readout: {centre: none}`"))
    if len(labels) != len(streams.frames):
        what = f"there are {len(labels)} labels for {len(streams.frames)} frames"
        errors.append(LsmError(what, where="labels", hint=_ONE_A_FRAME))
    elif not any(labels):
        errors.append(LsmError("no frame has a label", where="labels", hint="label those that are to be learnt from"))
    endless = isinstance(section.features, Traces) and section.features.samples == 1
    if window is None and not endless:
        what = "the readout reads a window, and nobody says how long it is"
        errors.append(MisuseError(what, where="window", hint="give `window`: so many frames, the last ones"))
    elif window is not None and (
        isinstance(window, bool) or not isinstance(window, int | np.integer) or not 1 <= window < 1 << 31
    ):
        hint = "give a whole number of them, 1 or more"
        errors.append(MisuseError(f"a window of {window!r} frames", where="window", hint=hint))
    elif window is not None and window > (longest := int(streams.lengths.max())):
        what = f"a window of {window} frames, and the longest stream has {longest}"
        errors.append(MisuseError(what, where="window", hint="read fewer"))
    return errors
