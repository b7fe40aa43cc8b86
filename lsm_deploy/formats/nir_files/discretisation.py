"""What a NIR file does not hold: how its source made steps of time of the equations. It is asked for, never guessed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lsm_deploy.core.errors import LsmError, MisuseError, raise_all
from lsm_deploy.core.neurons import membrane
from lsm_deploy.core.neurons.kind import Floats

__all__ = ["IF_INPUTS", "RESETS", "SCHEMES", "SOURCES", "Discretisation", "discretisation_of"]

SCHEMES = ("euler", "exponential", "exponential-decay")
"""What a step keeps and takes in: 1 - dt/tau and dt/tau; exp(-dt/tau) and 1 - exp(-dt/tau); exp(-dt/tau) and dt/tau."""
RESETS = ("zero", "zero-delayed", "subtract", "subtract-delayed")
"""A spike takes v to v_reset, or the threshold from it; at once, or in the next step."""
IF_INPUTS = ("per-step", "per-second")
"""An IF takes in r times its input in a step, or that times dt in seconds."""
_SECOND = 1e3


@dataclass(frozen=True)
class Discretisation:
    """ "" : not said, and of no use."""

    dt_ms: float
    scheme: str = ""
    reset: str = ""
    if_input: str = ""

    def of(self, tau: Floats) -> tuple[Floats, Floats]:
        """What a step leaves of what decays with time constants in seconds, and what it takes in."""
        share = self.dt_ms / (_SECOND * tau)
        if self.scheme == "euler":
            return 1 - share, share
        left: Floats = np.exp(-share)
        return left, (share if self.scheme == "exponential-decay" else -np.expm1(-share))

    def tau_ms(self, left: Floats) -> Floats:
        """The time constant with which a step leaves so much, as `exp(-dt / tau)`."""
        with np.errstate(divide="ignore"):
            tau: Floats = self.dt_ms / np.abs(np.log(left))
        return tau.clip(self.dt_ms * _AT_ONCE, self.dt_ms * _NEVER)


_AT_ONCE, _NEVER = 1e-3, 10 * membrane.NEVER_DECAYS
"""Time constants, in steps, of which a step leaves nothing, or all."""

SOURCES: dict[str, dict[str, Any]] = {
    "snntorch": {"dt_ms": 0.1, "scheme": "euler", "reset": "zero-delayed"},
    "norse": {"dt_ms": 1.0, "scheme": "euler", "reset": "zero", "if_input": "per-step"},
    "spikingjelly": {"dt_ms": 0.1, "scheme": "euler", "reset": "zero", "if_input": "per-second"},
    "sinabs": {"dt_ms": 1e3, "scheme": "exponential", "reset": "subtract", "if_input": "per-step"},
    "rockpool": {"scheme": "exponential-decay", "reset": "subtract"},
}
"""What the exporters of these write, and their neurons do, as a rule. sinabs counts time in steps; rockpool's dt is the
user's. snnTorch's nets that were published as NIR reset to zero, and its own default does not."""
OTHERWISE = {
    "snntorch": {"reset": "subtract-delayed where it was made with snnTorch's default, a reset that subtracts"}
}
"""Where a source has two ways, and no file says which, the one that is not assumed."""
_ROCKPOOL = (
    "Rockpool's own gains are not those of the equations, and its spikes are others (`lsm-deploy manual nir-out`)"
)
UNLIKE = {
    "norse": {"CubaLIF": "Norse's own takes its input a step later, and not times dt/tau_syn: its spikes are others"},
    "rockpool": {"LIF": _ROCKPOOL, "CubaLIF": _ROCKPOOL},
}
"""By source and type, what its own neurons do unlike the equations that it writes, as tried in `make simulators`."""
_NEEDED_BY = {
    "scheme": {"LIF", "CubaLIF", "LI", "CubaLI"},
    "reset": {"LIF", "CubaLIF", "IF"},
    "if_input": {"IF"},
}
_CHOICES = {"scheme": SCHEMES, "reset": RESETS, "if_input": IF_INPUTS}


def discretisation_of(source: str | None, given: Mapping[str, Any], kinds: Iterable[str], where: str) -> Discretisation:
    """What is given, and else what the source does; MisuseErrors for all that neurons of these types need and nobody
    said, and for what there is not."""
    errors: list[LsmError] = []
    if source is not None and source not in SOURCES:
        hint = f"choose from {', '.join(SOURCES)}, or say dt, scheme and reset"
        errors.append(MisuseError(f"nothing is known of files by {source!r}", where="source", hint=hint))
    said = {**SOURCES.get(source or "", {}), **{name: value for name, value in given.items() if value is not None}}
    otherwise = ", or --from SOURCE" if source is None else f": files by {source} do not settle it"
    for name, allowed in _CHOICES.items():
        choices = f"--{name.replace('_', '-')} {'|'.join(allowed)}"
        if name in said and said[name] not in allowed:
            errors.append(MisuseError(f"{name} is {said[name]!r}", where=where, hint=f"give {choices}"))
        elif name not in said and _NEEDED_BY[name] & {*kinds}:
            hint = f"give {choices}{otherwise}"
            errors.append(MisuseError(f"no NIR file says its {name}", where=where, hint=hint))
    dt_ms = said.get("dt_ms")
    if dt_ms is None:
        hint = f"give --dt-ms, the step of its source{otherwise}"
        errors.append(MisuseError("no NIR file says its dt_ms", where=where, hint=hint))
    elif not (isinstance(dt_ms, int | float) and 1e-30 <= dt_ms <= 1e30):
        errors.append(MisuseError(f"dt_ms is {dt_ms}", where=where, hint="give a positive number of milliseconds"))
    raise_all(errors)
    unused = dict.fromkeys((name for name, types in _NEEDED_BY.items() if not types & {*kinds}), "")
    return Discretisation(**{**said, **unused})
