"""Filter banks as matrices `[band, bin]` on the power spectrum, and the same with the frequency axis scaled.

mel        triangles, evenly spaced on Slaney's mel scale, of equal area                          librosa.filters.mel
gammatone  |H|**2 of gammatone filters (Slaney, Apple TR 35, 1993; scipy.signal.gammatone), 1 at the centre, evenly
           spaced in ERB numbers, 21.4 log10(1 + 0.00437 f)             Glasberg & Moore, Hearing Research 47 (1990)
"""

from __future__ import annotations

import warnings

import numpy as np

from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.spec.schema import AudioFrontEnd, GammatoneFrontEnd

__all__ = ["filter_bank", "warped"]

BOUNDARY = 0.6
"""Up to this share of half the rate the axis is scaled evenly: 4800 Hz at 16 kHz, as Jaitly & Hinton have it."""


def filter_bank(front_end: AudioFrontEnd, n_fft: int) -> Floats:
    """The weight of every bin of an `n_fft`-point spectrum in every band."""
    if isinstance(front_end, GammatoneFrontEnd):
        return _gammatone(front_end, n_fft)
    from librosa.filters import mel

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of empty bands, which are an error below
        bank: Floats = mel(
            sr=front_end.rate_hz,
            n_fft=n_fft,
            n_mels=front_end.bands,
            fmin=front_end.fmin_hz,
            fmax=front_end.highest_hz,
            dtype=np.float64,
        )
    if empty := int((~bank.any(axis=1)).sum()):
        raise LsmError(
            f"{empty} of {front_end.bands} bands are narrower than the spectrum's {front_end.rate_hz / n_fft:.3g} Hz",
            where="front_end",
            hint="take fewer bands, or a longer window_ms",
        )
    return bank


def _gammatone(front_end: AudioFrontEnd, n_fft: int) -> Floats:
    from scipy import signal

    low, high = (21.4 * np.log10(1 + 0.00437 * f) for f in (front_end.fmin_hz, front_end.highest_hz))
    # Half a step from either end: scipy has no filter at half the rate.
    steps = (np.arange(front_end.bands) + 0.5) / front_end.bands
    centres = (10 ** ((low + steps * (high - low)) / 21.4) - 1) / 0.00437
    bins = np.arange(n_fft // 2 + 1) * (front_end.rate_hz / n_fft)
    rows = []
    for centre in centres.tolist():
        b, a = signal.gammatone(centre, "iir", fs=front_end.rate_hz)
        _, response = signal.freqz(b, a, np.append(bins, centre), fs=front_end.rate_hz)
        power = np.abs(response) ** 2
        rows.append(power[:-1] / power[-1])
    return np.array(rows)


def warped(bank: Floats, factor: float) -> Floats:
    """The bank that hears a spectrum as if its frequencies were `factor` times what they are.

    G(f) = factor f up to the boundary B min(factor, 1) / factor, and from there a straight line to half the rate.
    Vocal tract length perturbation: Jaitly & Hinton, ICML workshop on deep learning for audio (2013).
    """
    last = bank.shape[1] - 1
    bins = np.arange(last + 1.0)
    reached = BOUNDARY * last * min(factor, 1.0)
    source = np.interp(bins, [0.0, reached / factor, last], [0.0, reached, last])
    below = np.minimum(source.astype(np.int64), last - 1)
    part = source - below
    scaled: Floats = bank[:, below] * (1 - part) + bank[:, below + 1] * part
    return scaled
