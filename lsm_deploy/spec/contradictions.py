"""What no single field of a spec can see: sections that contradict each other."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any, TypeVar, cast

import numpy as np

from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import INPUT
from lsm_deploy.core.neurons import KINDS, membrane
from lsm_deploy.spec import schema
from lsm_deploy.spec.mistakes import check, suggest
from lsm_deploy.spec.schema import (
    Data,
    Explicit,
    Input,
    Population,
    Projection,
    Rates,
    Readout,
    Regression,
    Samples,
    Traces,
)
from lsm_deploy.spec.series import SERIES, mistakes_of_series
from lsm_deploy.spec.source import Path_, Source
from lsm_deploy.spec.values import Constant, Positive

__all__ = ["contradictions"]

_Section = TypeVar("_Section")

SOUND_GROUPS = ("label", "group", "take")
"""What the name of a WAV file may say."""

MOST_STEPS = 1_000_000
"""Of a frame."""
LEAST_TAU = 0.12
"""Of a trace, in steps: it decays by 4095 of 4096 a step."""


def contradictions(source: Source) -> list[LsmError]:
    """Every contradiction between sections that are valid by themselves; the others are reported as such elsewhere."""
    return _Contradictions(source).find()


class _Contradictions:
    """A file on its way through the checks, and what they found so far."""

    def __init__(self, source: Source) -> None:
        self.source, self.data = source, source.data
        self.errors: list[LsmError] = []
        raw = self.data.get("populations")
        self.names = list(raw) if isinstance(raw, dict) else []
        self.read = [name for name in self.names if isinstance(raw[name], dict) and "from" in raw[name]]
        drawn = [name for name in self.names if name not in self.read]
        self.populations = {
            name: population for name in drawn if (population := self._section(Population, "populations", name))
        }

    def find(self) -> list[LsmError]:
        self._populations()
        projections = self.data.get("projections")
        for i in range(len(projections) if isinstance(projections, list) else 0):
            self._projection(i)
        self._gates()
        self._readout()
        self._data()
        self._front_end()
        self._timing()
        return self.errors

    def _section(self, section: type[_Section], *path: str | int) -> _Section | None:
        data = self.data
        try:
            for step in path:
                data = data[step]
        except (KeyError, TypeError, IndexError):
            return None
        return cast("_Section | None", check(section, data, self.source, path)[0])

    def _report(self, what: str, path: Path_, hint: str, *, key: bool = False) -> None:
        self.errors.append(LsmError(what, where=self.source.where(path, key=key), hint=hint))

    def _populations(self) -> None:
        for name in self.names:
            if name == INPUT:
                self._report("no population may be named 'input'", ("populations", name), "rename it", key=True)
            raw = self.data["populations"][name]
            neuron = raw.get("neuron") if isinstance(raw, dict) else None
            exact = self.populations[name].neuron.registers if name in self.populations else None
            if (phase := getattr(exact, "phase", 0)) >= (period := getattr(exact, "period", 1)):
                what = f"phase {phase} is not below period {period}: a neuron's turn never comes, and it stays silent"
                path: Path_ = ("populations", name, "neuron", "registers")
                self._report(what, (*path, "phase"), "count phase from 0 to period - 1")
            if isinstance(neuron, dict) and neuron.get("registers") is not None and str(neuron.get("kind")) in KINDS:
                for parameter in fields(KINDS[str(neuron["kind"])].Parameters):
                    if parameter.name in neuron:
                        self._report(
                            f"{parameter.name} contradicts registers, which are exact",
                            ("populations", name, "neuron", parameter.name),
                            "give either registers or float parameters",
                            key=True,
                        )

    def _population(self, name: Any, path: Path_, *, also: tuple[str, ...] = ()) -> None:
        if isinstance(name, str) and name.partition("/")[0] in self.read and not also:
            return  # of a network in a file
        if isinstance(name, str) and name not in self.names and name not in also:
            self._report(f"there is no population {name!r}", path, suggest(name, [*self.names, *also]))

    def _projection(self, i: int) -> None:
        path: Path_ = ("projections", i)
        raw = self.data["projections"][i]
        if not isinstance(raw, dict):
            return
        for end in ("source", "target"):
            if raw.get(end) in self.read:
                what = f"{raw[end]!r} is read from a file, which has all its synapses"
                self._report(what, (*path, end), "remove this projection, or add it to the file")
                return
        self._population(raw.get("source"), (*path, "source"), also=(INPUT,))
        self._population(raw.get("target"), (*path, "target"))
        projection = self._section(Projection, "projections", i)
        if projection is None:
            return
        self._weights(projection, path)
        self._wiring(projection, path)
        target = self.populations.get(projection.target)
        if projection.port == "gate" and target is not None and KINDS[target.neuron.kind].PORTS == 1:
            gated = ", ".join(name for name, kind in KINDS.items() if kind.PORTS > 1)
            what = f"neurons of kind {target.neuron.kind!r} have no gate"
            self._report(what, (*path, "port"), f"make those of {projection.target!r} {gated}, or remove port")

    def _gates(self) -> None:
        raw = self.data.get("projections")
        onto = [each for each in raw if isinstance(each, dict)] if isinstance(raw, list) else []
        reached = {str(each.get("target")) for each in onto if each.get("port") == "gate"}
        for name, population in self.populations.items():
            if KINDS[population.neuron.kind].PORTS > 1 and name not in reached:
                what = f"nothing reaches the gate of {name!r}, which would never move"
                hint = f"add a projection onto {name!r} with `port: gate`, or make its neurons GradedLI"
                self._report(what, ("populations", name), hint, key=True)

    def _weights(self, p: Projection, path: Path_) -> None:
        explicit = isinstance(p.topology, Explicit)
        if explicit and p.weight is not None:
            self._report("an explicit topology brings its weights with it", (*path, "weight"), "remove weight")
        if isinstance(p.topology, Explicit) and p.topology.exact and p.delay_ms != 0.0:
            self._report("an exact matrix brings its delays with it, in steps", (*path, "delay_ms"), "remove delay_ms")
        if not explicit and p.weight is None and p.input_scaling is None:
            self._report("the key 'weight' is missing", path, "add 'weight'")
        source, target = self.populations.get(p.source), self.populations.get(p.target)
        typed = [end for end in (source, target) if end is not None and end.inhibitory_fraction is not None]
        wrong = {p.source, p.target} & {*self.names} - {*self.populations}  # of what ends here nothing is known
        if explicit and source is not None and source.inhibitory_fraction is not None:
            self._report(
                f"an explicit matrix has signs of its own, but {p.source!r} follows Dale's law",
                (*path, "topology"),
                f"remove the inhibitory_fraction of {p.source!r}",
            )
        if isinstance(p.weight, schema.PerType) and len(typed) < 2 and not wrong:
            self._report(
                "weights per type (EE, EI, IE, II) need both populations split into excitatory and inhibitory",
                (*path, "weight"),
                "give both an inhibitory_fraction, or one weight",
            )
        if source is not None and source.inhibitory_fraction is not None and not explicit:
            values = p.weight if isinstance(p.weight, schema.PerType) else None
            each = [values.EE, values.EI, values.IE, values.II] if values else [p.weight]
            for value in each:
                number = value.value if isinstance(value, Constant) else value
                if isinstance(number, float) and number < 0:
                    self._report(
                        f"weight is {number}, but {p.source!r} follows Dale's law: its weights are magnitudes",
                        (*path, "weight"),
                        "write it without the sign; inhibitory neurons supply it",
                    )
        if isinstance(p.gain, schema.PerTypeGain) and (explicit or len(typed) < 2) and not wrong:
            self._report(
                "gains per type (EE, EI, IE, II) need both populations split into excitatory and inhibitory",
                (*path, "gain"),
                "give both an inhibitory_fraction, or one gain",
            )
        if isinstance(p.topology, Explicit) and p.topology.exact and p.gain != 1.0:
            self._report("exact weights cannot be multiplied by a gain", (*path, "gain"), "remove it, or drop exact")
        if (
            isinstance(p.topology, Explicit)
            and p.topology.exact
            and target is not None
            and target.neuron.registers is None
        ):
            self._report(
                f"exact weights onto {p.target!r}, whose neurons are to be quantised, have no scale",
                (*path, "topology"),
                f"give population {p.target!r} exact registers, or drop exact",
            )
        if p.spectral_radius is not None and (
            p.source != p.target or (isinstance(p.topology, Explicit) and p.topology.exact)
        ):
            self._report(
                "a spectral radius belongs to a recurrent projection whose weights may be scaled",
                (*path, "spectral_radius"),
                "remove it",
            )

        if p.input_scaling is not None and (
            p.source != INPUT or (isinstance(p.topology, Explicit) and p.topology.exact)
        ):
            self._report(
                "an input scaling belongs to a projection from the input whose weights may be scaled",
                (*path, "input_scaling"),
                "remove it; `gain` multiplies the weights of others",
            )

    def _wiring(self, p: Projection, path: Path_) -> None:
        here = (*path, "topology")
        source, target = self.populations.get(p.source), self.populations.get(p.target)
        recurrent = p.source == p.target
        t = p.topology
        if isinstance(t, (schema.Maass, schema.WattsStrogatz, schema.Ring)) and not recurrent:
            self._report(
                f"{t.kind} wires a population to itself, not {p.source!r} to {p.target!r}",
                here,
                "use erdos_renyi, one_to_one or all_to_all",
            )
        if isinstance(t, schema.Maass) and target is not None:
            if target.grid is None:
                self._report(f"maass needs positions, but {p.target!r} has none", here, f"give {p.target!r} a grid")
            if target.inhibitory_fraction is None:
                self._report(
                    f"maass wires types, but {p.target!r} has none", here, f"give {p.target!r} an inhibitory_fraction"
                )
        if (
            isinstance(p.delay_ms, schema.DelayByDistance)
            and not (source and target and source.grid is not None and target.grid is not None)
            and (p.source == INPUT or (source and target))
        ):
            self._report(
                "a delay by distance needs a grid at both ends",
                (*path, "delay_ms"),
                "give both populations a grid, or write a distribution",
            )
        size = target.neurons if target else None
        sources = self._sources(p.source)
        if recurrent and size is not None:
            if isinstance(t, schema.WattsStrogatz) and t.neighbours >= size:
                self._report(
                    f"{t.neighbours} neighbours in a ring of {size} neurons",
                    (*here, "neighbours"),
                    f"take fewer than {size}",
                )
            reach = t.neighbours * (2 if t.direction == "both" else 1) if isinstance(t, schema.Ring) else 0
            if reach >= size:
                self._report(
                    f"a ring of {size} neurons has no {reach} neighbours for each",
                    (*here, "neighbours"),
                    f"take fewer than {size}",
                )
        if isinstance(t, schema.ErdosRenyi) and t.in_degree is not None and sources is not None:
            available = sources - (recurrent and not t.self_connections)
            if t.in_degree > available:
                self._report(
                    f"an in-degree of {t.in_degree} from {available} sources",
                    (*here, "in_degree"),
                    f"take at most {available}",
                )
        if isinstance(t, schema.OneToOne) and None not in (size, sources) and size != sources:
            self._report(f"one_to_one joins {sources} sources to {size} neurons", here, "make them equally many")

    def _sources(self, name: str) -> int | None:
        if name == INPUT:
            section = self._section(Input, "input")
            return section.spike_channels if section else None
        population = self.populations.get(name)
        return population.neurons if population else None

    def _readout(self) -> None:
        raw = self.data.get("readout")
        if isinstance(raw, dict):
            named = raw.get("population")
            for i, name in enumerate(named if isinstance(named, list) else [named]):
                self._population(name, ("readout", "population", *((i,) if isinstance(named, list) else ())))
        readout = self._section(Readout, "readout")
        if readout and all(name in self.populations for name in readout.populations):
            self._features(readout, [self.populations[name].neurons for name in readout.populations])
        regression = self._section(Regression, "readout")
        if regression:
            self._regression(regression)
        section = self._section(Input, "input")
        if (readout or regression) and section and section.encoder is None:
            self._report(
                "a readout is trained on encoded data, but input has no encoder",
                ("readout",),
                "add an encoder to input, or remove readout",
                key=True,
            )
        if self._section(Data, "data") and section and section.encoder is None:
            self._report("data needs an encoder, but input has none", ("data",), "add an encoder to input", key=True)

    def _features(self, readout: Readout, sizes: list[int]) -> None:
        features = readout.features
        if isinstance(features, Rates) and features.groups > min(sizes):
            what, path = f"{features.groups} groups of {min(sizes)} neurons", ("readout", "features", "groups")
            self._report(what, path, f"take at most {min(sizes)}")
        dt = self._dt()
        if isinstance(features, Traces) and dt is not None:
            self._decay(features.tau_ms, dt)
        parts = features.samples if isinstance(features, Traces) else features.bins
        available = parts * (features.groups * len(sizes) if isinstance(features, Rates) else sum(sizes))
        if readout.keep is not None and readout.keep > available:
            what = f"{readout.keep} features are to be kept of {available}"
            self._report(what, ("readout", "keep"), f"take at most {available}, or leave it out")

    def _regression(self, readout: Regression) -> None:
        there = [self.populations[name] for name in readout.populations if name in self.populations]
        spiking = [p for p in there if not KINDS[p.neuron.kind].MESSAGE.graded]
        dt = self._dt()
        if spiking and dt is not None:
            self._decay(readout.features.tau_ms, dt)
        samples = self._section(Samples, "samples")
        if samples and samples.policy == "interval":
            self._report(
                "a readout of signals runs each sample by itself, not one after the other as `interval` does",
                ("samples", "policy"),
                "remove the section samples",
            )

    def _decay(self, tau_ms: float, dt: float) -> None:
        decay = np.maximum(membrane.decay_of(np.array(tau_ms), dt), 1)
        realised = float(membrane.tau_of(decay, dt))
        if abs(realised - tau_ms) > 0.1 * tau_ms:
            what = f"traces of {tau_ms:g} ms would decay with {realised:.4g} ms in steps of {dt:g} ms"
            self._report(what, ("readout", "features", "tau_ms"), f"write {realised or LEAST_TAU * dt:.4g}")

    def _data(self) -> None:
        data = self._section(Data, "data")
        if data is None:
            return
        name = data.dataset
        if name is not None and not re.fullmatch(r"japanese_vowels|tonic:\w+", name) and name not in SERIES:
            known = ["japanese_vowels", *SERIES, "tonic:NAME"]
            self._report(f"there is no data set {name!r}", ("data", "dataset"), suggest(name, known))
        for field, what, hint in mistakes_of_series(data):
            self._report(what, ("data", field), hint, key=True)
        if data.pattern is not None:
            try:
                groups = re.compile(data.pattern).groupindex.keys()
            except re.error as error:
                self._report(f"pattern is no regular expression: {error}", ("data", "pattern"), "mend pattern")
            else:
                if not groups or groups - set(SOUND_GROUPS):
                    self._report(
                        f"pattern names the groups {', '.join(groups) or '(none)'}",
                        ("data", "pattern"),
                        "write (?P<label>...), and (?P<group>...) and (?P<take>...) if names say so, and no others",
                    )
        for field in ("mono", "resample"):
            front = self._front() if self.data.get("front_end") is not None else None
            if getattr(data, field) and not isinstance(front, schema.AudioFrontEnd):
                what = f"{field} is for sound, of which a front end makes frames, and there is none"
                self._report(what, ("data", field), "add `front_end: {kind: mel, rate_hz: ...}`", key=True)

    def _front_end(self) -> None:
        if self.data.get("front_end") is None:
            return
        front, data, section = self._front(), self._section(Data, "data"), self._section(Input, "input")
        dataset = data.dataset if data else None
        if dataset == "japanese_vowels" or dataset in SERIES:
            self._report(f"{dataset} is frames, which need no front end", ("front_end",), "remove it", key=True)
        if front is None:
            return
        if (dataset or "").startswith("tonic:") and front.kind != "events":
            what = f"{front.kind} does not go with {dataset}, whose data are events"
            self._report(what, ("front_end", "kind"), "write `kind: events`")
        if section is not None and section.encoder is None:
            self._report(
                "a front end makes frames, but input has no encoder",
                ("front_end",),
                "add an encoder to input",
                key=True,
            )
        if section is not None and front.frame_channels not in (None, section.channels):
            self._report(
                f"the front end makes {front.frame_channels} channels, input takes {section.channels}",
                ("input", "channels"),
                f"write {front.frame_channels}",
            )

    def _front(self) -> Any:
        # A union, which `_section` has no type for.
        return check(schema.FrontEnd, self.data["front_end"], self.source, ("front_end",))[0]

    def _dt(self) -> float | None:
        return cast("float | None", check(Positive, self.data.get("dt_ms"), self.source)[0])

    def _timing(self) -> None:
        dt = self._dt()
        section = self._section(Input, "input")
        if dt is None or section is None or section.encoder is None:
            return
        encoder = section.encoder
        steps = encoder.frame_ms / dt
        if steps > MOST_STEPS:
            self._report(
                f"a frame of {encoder.frame_ms} ms has {steps:.3g} steps of {dt} ms, not at most {MOST_STEPS}",
                ("dt_ms",),
                "write it in ms",
            )
            return
        if abs(steps - round(steps)) > 1e-9 or round(steps) < 1:
            self._report(
                f"a frame of {encoder.frame_ms} ms is no whole number of steps of {dt} ms",
                ("input", "encoder", "frame_ms"),
                "make frame_ms a multiple of dt_ms",
            )
        rate = getattr(encoder, "max_rate_hz", 0.0)
        if rate * dt > 1000:
            self._report(
                f"a rate of {rate} Hz is more than one spike a step of {dt} ms",
                ("input", "encoder", "max_rate_hz"),
                f"take at most {1000 / dt:g}",
            )
        samples = self._section(Samples, "samples")
        if samples and samples.steps is not None and samples.steps < round(steps):
            self._report(
                f"an interval of {samples.steps} steps is shorter than one frame",
                ("samples", "steps"),
                "lengthen it to the longest sample",
            )
