"""Do data fit: the spec's input, their labels, and each other? All mistakes at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias

import numpy as np

from lsm_deploy.core.errors import LsmError, raise_all
from lsm_deploy.data.frames import REGRESSION, SIGNALS
from lsm_deploy.data.raw import Beats, Frames, Raw, digests, lengths
from lsm_deploy.spec.schema import Input

__all__ = [
    "check_channels",
    "check_labels",
    "check_split",
    "check_targets",
    "class_order",
    "constant_channels",
    "name_errors",
]

Target: TypeAlias = Literal["label", "signal", "targets"]
"""What is learnt: classes of samples, the input's own channels, or the targets of frames."""

MOST_CLASSES = 20
"""Numbers that may be names of classes although nearly every sample has its own."""
SHOWN = 5
"""Names that a message spells out."""


def name_errors(names: Sequence[str], data: Frames, source: str = "") -> list[LsmError]:
    """Where channels are called otherwise than in training, if both say: what stands elsewhere is another value."""
    other = [i for i, (one, two) in enumerate(zip(names, data.names, strict=False)) if one != two]
    if not other:
        return []
    one, two = names[other[0]], data.names[other[0]]
    what = f"channel {other[0]} is {two!r}, in the training data{source} {one!r}"
    return [LsmError(what, where=data.source, hint="write the same columns in the same order")]


def check_channels(data: Frames, input: Input) -> None:
    """The data have as many channels as the spec's input takes."""
    if data.channels != input.channels:
        raise LsmError(
            f"the frames have {data.channels} channels, the spec's input takes {input.channels}",
            where=data.source,
            hint=f"set `input: {{channels: {data.channels}}}`, or choose other data",
        )


def check_labels(train: Raw, test: Raw | None = None) -> None:
    """All parts are labelled; no class has a single training sample, or is in the test part alone; features vary."""
    raise_all(_label_errors(train, test))


def check_targets(train: Frames, test: Frames | None = None) -> None:
    """All parts have the same targets; targets and features vary."""
    raise_all(_target_errors(train, test))


def check_split(train: Raw, test: Raw, shared_groups: bool = False, target: Target = "label") -> None:
    """Labels or targets as `check_labels` and `check_targets` have them, and no leak: no sample of the training data is
    test data as well, no speaker or record is in both, unless `shared_groups` asks for that, and channels that have
    names have the same. target: what is learnt."""
    if type(train) is not type(test):
        what = (
            f"this is {type(test).__name__.lower()}, the training data ({train.source}) {type(train).__name__.lower()}"
        )
        raise LsmError(what, where=test.source, hint="give training and test data of one kind")
    errors: list[LsmError] = []
    if target == "label" and not isinstance(train, Beats):  # which are labelled window by window
        errors = _label_errors(train, test)
    elif target == "targets" and isinstance(train, Frames) and isinstance(test, Frames):
        errors = _target_errors(train, test)
    elif isinstance(train, Frames):
        errors = _constant_errors(train)
    if (shared := set(train.groups) & set(test.groups)) and not shared_groups:
        errors.append(
            LsmError(
                f"{_listed(class_order(shared))} of the test data is in the training data ({train.source}) too",
                where=test.source,
                hint="keep each speaker or record on one side, or ask for it: `data: {shared_groups: true}`",
            )
        )
    if isinstance(train, Frames) and isinstance(test, Frames):
        errors += name_errors(train.names, test, f" ({train.source})")
    twin = {digest: i for i, digest in reversed(list(enumerate(digests(train).tolist())))}
    full = lengths(test) > 0  # two recordings without an event are equal, and none of the other
    twice = [(i, twin[digest]) for i, digest in enumerate(digests(test).tolist()) if digest in twin and full[i]]
    if twice:
        (here, copy), many = twice[0], len(twice)
        count = f"sample {here} is" if many == 1 else f"{many} samples, such as {here}, are"
        errors.append(
            LsmError(
                f"{count} in the training data ({train.source}) too, {here} as its sample {copy}",
                where=test.source,
                hint="remove them from one side: who has seen the answer is not tested",
            )
        )
    raise_all(errors)


def _label_errors(train: Raw, test: Raw | None) -> list[LsmError]:
    bare = {part.source: part for part in (train, test) if part is not None and not part.labels}
    errors = [
        LsmError("the frames have targets and no labels", where=source, hint="write `readout: {target: targets}`")
        if isinstance(part, Frames) and part.outputs
        else LsmError("the samples have no labels", where=source, hint=LABELS)
        for source, part in bare.items()
    ]
    values = [label for label in set(train.labels) if _is_value(label)]
    if len(values) > max(MOST_CLASSES, len(train.labels) / 2):
        what = f"{len(values)} of {len(train.labels)} labels are different numbers, such as {values[0]}, {REGRESSION}"
        return [LsmError(what, where=train.source, hint=SIGNALS)]
    if test is not None and not errors and (unknown := set(test.labels) - set(train.labels)):
        what = f"class {_listed(class_order(unknown))} of the test data is not in the training data ({train.source})"
        errors.append(LsmError(what, where=test.source, hint="train on every class, or remove it from the test data"))
    # Altered copies of a sample are no others.
    originals = (
        [train.labels[i] for i in np.unique(train.origin)]
        if isinstance(train, Frames) and train.labels
        else train.labels
    )
    if single := [label for label, many in Counter(originals).items() if many == 1]:
        what = f"class {_listed(class_order(single))} has a single sample"
        errors.append(LsmError(what, where=train.source, hint="add samples of it, or remove it"))
    if len(set(train.labels)) == 1:
        what = f"all samples are of class {train.labels[0]!r}"
        errors.append(LsmError(what, where=train.source, hint="give at least two classes to tell apart"))
    return errors + (_constant_errors(train) if isinstance(train, Frames) else [])


def _target_errors(train: Frames, test: Frames | None) -> list[LsmError]:
    parts = {part.source: part for part in (train, test) if part is not None}
    errors = [
        LsmError(
            "the samples have labels and no targets" if part.labels else "the frames have no targets",
            where=source,
            hint=TARGETS,
        )
        for source, part in parts.items()
        if not part.outputs
    ]
    if not errors and test is not None and (_outputs_of(train) != _outputs_of(test)):
        what = f"the targets are {_outputs_of(test)}, in the training data ({train.source}) {_outputs_of(train)}"
        errors.append(LsmError(what, where=test.source, hint="give both parts the same targets in the same order"))
    if train.outputs and (train.targets == train.targets[0]).all():
        what = "every target is constant: there is nothing to predict"
        errors.append(LsmError(what, where=train.source, hint="give targets that vary"))
    return errors + _constant_errors(train)


LABELS = "add labels (`predict` does without), or forecast the input itself: `readout: {target: signal}`"
TARGETS = (
    "give an array `targets` [frame, output], or columns of a CSV that `data: {targets: [...]}` names;"
    " `readout: {target: signal}` predicts the input itself"
)


def _outputs_of(data: Frames) -> str:
    return ", ".join(data.target_names) or f"{data.outputs} without names"


def _constant_errors(train: Frames) -> list[LsmError]:
    if len(constant := constant_channels(train)) < train.channels:
        return []
    what = f"every channel is constant ({_listed(constant)}): there is nothing to learn from"
    return [LsmError(what, where=train.source, hint="give data that vary")]


def _is_value(label: str) -> bool:
    try:
        return bool(np.isfinite(float(label)))
    except ValueError:
        return False


def constant_channels(data: Frames) -> tuple[int, ...]:
    """Channels that have one value in all frames of all samples; they tell nothing."""
    return tuple(np.flatnonzero((data.frames == data.frames[0]).all(axis=0)).tolist())


def _listed(items: Iterable[object]) -> str:
    every = [repr(item) for item in items]
    more = f" and {len(every) - SHOWN} more" if len(every) > SHOWN else ""
    return ", ".join(every[:SHOWN]) + more


def class_order(labels: set[str] | Sequence[str]) -> tuple[str, ...]:
    """The classes, in numerical order if all are whole numbers, else alphabetically."""
    classes = sorted(set(labels))
    return tuple(sorted(classes, key=int)) if all(c.isdecimal() for c in classes) else tuple(classes)
