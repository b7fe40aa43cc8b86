"""Linear readouts of spikes: features of each sample, a classifier trained on them, and its answers in integers.

    features -> fit -> Classifier (floats) -> quantise_readout -> IntegerReadout (what answers on the host)

`attach` puts one on the chip instead.
"""

from lsm_deploy.learn.readout.centre import centred
from lsm_deploy.learn.readout.classifier import (
    Classifier,
    decision_function,
    fit,
    predict,
    probabilities,
    standard,
    weights_at,
)
from lsm_deploy.learn.readout.features import (
    check_parts,
    extract_features,
    float_features,
    group_starts,
    mean_bins,
    parts_of,
    trace_registers,
    width,
)
from lsm_deploy.learn.readout.folds import Fold, folds_of
from lsm_deploy.learn.readout.integer import IntegerReadout, answers, choose_scale, quantise_readout, scores
from lsm_deploy.learn.readout.online import Recursive, start_after
from lsm_deploy.learn.readout.ridge import targets_of
from lsm_deploy.learn.readout.stored import from_arrays, integer_from_arrays, integer_to_arrays, names_in, to_arrays

__all__ = [
    "Classifier",
    "Fold",
    "IntegerReadout",
    "Recursive",
    "answers",
    "centred",
    "check_parts",
    "choose_scale",
    "decision_function",
    "extract_features",
    "fit",
    "float_features",
    "folds_of",
    "from_arrays",
    "group_starts",
    "integer_from_arrays",
    "integer_to_arrays",
    "mean_bins",
    "names_in",
    "parts_of",
    "predict",
    "probabilities",
    "quantise_readout",
    "scores",
    "standard",
    "start_after",
    "targets_of",
    "to_arrays",
    "trace_registers",
    "weights_at",
    "width",
]
