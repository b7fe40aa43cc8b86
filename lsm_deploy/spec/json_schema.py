"""The JSON Schema of a spec, made from its declarations as its reference is: an editor completes by it, and checks.

It can say what one section alone can: keys, types, bounds, choices, and which keys exclude or ask for each other. That
sections agree with each other is left to `load`. A key that may be left out is left out, never written as null.
"""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt, Le, Len, Lt
from pydantic import TypeAdapter

from lsm_deploy.core.neurons import KINDS
from lsm_deploy.spec.reference import TELLS, UNITS, about, declared_in, field_texts, key_of, sections, written_in
from lsm_deploy.spec.schema import (
    Data,
    ErdosRenyi,
    Explicit,
    Interval,
    Population,
    Readout,
    Regression,
    Samples,
    Spec,
)
from lsm_deploy.spec.series import CUT, SERIES

__all__ = ["DIALECT", "EXAMPLES", "facts_schema", "spec_schema"]

Schema: TypeAlias = "dict[str, Any]"

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def spec_schema() -> Schema:
    """The JSON Schema (draft 2020-12) of a spec: of every field its type, unit, bounds, default and an example."""
    made = {section.__name__: _section(section) for _, section in sections("", Spec, set())}
    whole = made.pop(Spec.__name__)
    return {"$schema": DIALECT, "title": "A spec of lsm-deploy", **whole, "$defs": made}


def facts_schema(title: str, facts: Any, failed: Any) -> Schema:
    """The JSON Schema of what a command prints: `ok`, and facts, or what it failed of; and nothing that is not here."""
    made = _nullable(TypeAdapter(facts | failed).json_schema(mode="serialization"))
    definitions = made["$defs"]
    for each in definitions.values():
        if "properties" in each:
            each["additionalProperties"] = False
    names = [option["$ref"].removeprefix("#/$defs/") for option in made["anyOf"]]
    options = [
        {
            **definitions[name],
            "properties": {"ok": {"const": False} if name == failed.__name__ else {"type": "boolean"}, **properties},
            "required": ["ok", *definitions[name].get("required", [])],
        }
        for name in names
        for properties in [definitions[name]["properties"]]
    ]
    says = "A number that need not be whole is null where it is infinite or undefined: JSON has none such."
    return {"$schema": DIALECT, "title": title, "description": says, "anyOf": options, "$defs": definitions}


def _nullable(made: Any) -> Any:
    if isinstance(made, list):
        return [_nullable(each) for each in made]
    if not isinstance(made, dict):
        return made
    return {
        key: ["number", "null"] if (key, value) == ("type", "number") else _nullable(value)
        for key, value in made.items()
    }


def _section(section: type[Any]) -> Schema:
    hints = get_type_hints(section, include_extras=True)
    texts = field_texts(written_in(section), docstrings=True)
    keys = {key_of(declared.name, hints[declared.name]): declared for declared in fields(section)}
    return {
        "type": "object",
        "description": about(section),
        "properties": {key: _field(section, key, f, hints[f.name], texts.get(f.name, "")) for key, f in keys.items()},
        "required": [key for key, f in keys.items() if f.default is MISSING and f.default_factory is MISSING],
        "additionalProperties": False,
        **_TOGETHER.get(section, {}),
    }


def _field(section: type[Any], key: str, declared: Field[Any], hint: Any, text: str) -> Schema:
    unit = UNITS.get(key.rpartition("_")[2])
    made = {**_value(hint), **_CHOICES.get((section, key), {})}
    if declared.name in TELLS:
        return made
    says = text or " ".join(about(section).partition("\n\n")[0].split())
    says = re.sub(r"^[a-z]+(?= )", lambda word: word[0].capitalize(), says)
    made["description"] = f"In {unit}. {says}" if unit else says
    if declared.default is not MISSING and declared.default is not None:
        made["default"] = _plain(declared.default)
    named = next((name for name in (f"{section.__name__}.{key}", key) if name in EXAMPLES), None)
    made["examples"] = [EXAMPLES[named] if named is not None else _easiest(hint, made)]
    return made


def _easiest(hint: Any, made: Schema) -> Any:
    """The default, the least that there may be, or a section that has no more than it must."""
    for inner in declared_in(hint) if "default" not in made else ():
        keys = _section(inner)
        return {key: keys["properties"][key]["examples"][0] for key in keys["required"]}
    return made.get("default", made.get("minimum"))


def _plain(value: Any) -> Any:
    return TypeAdapter(type(value)).dump_python(value, mode="json", by_alias=True)


def _value(hint: Any) -> Schema:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        made = _value(arguments[0])
        for mark in arguments[1:]:
            made |= _bound(mark, "Properties" if made.get("type") == "object" else "Items")
        return made
    if origin is Literal:
        return {"const": arguments[0]} if len(arguments) == 1 else {"enum": list(arguments)}
    if origin in (Union, types.UnionType):
        options = [_value(part) for part in arguments if part is not type(None)]
        return options[0] if len(options) == 1 else {"anyOf": options}
    if origin is tuple:
        return {"type": "array", "items": _value(arguments[0])}
    if origin is Mapping:
        return {"type": "object", "additionalProperties": _value(arguments[1])}
    if isinstance(hint, type) and is_dataclass(hint):
        return {"$ref": f"#/$defs/{hint.__name__}"}
    return {} if hint is Any else {"type": _TYPES.get(hint, "string")}


_TYPES = {float: "number", int: "integer", bool: "boolean"}


def _bound(mark: Any, counted: str) -> Schema:
    match mark:
        case Ge(least):
            return {"minimum": least}
        case Gt(least):
            return {"exclusiveMinimum": least}
        case Le(most):
            return {"maximum": most}
        case Lt(limit):
            return {"exclusiveMaximum": limit}
        case Len(least, most):
            return {f"min{counted}": least, **({} if most is None else {f"max{counted}": most})}
    return {}


# --- what no annotation says -----------------------------------------------------------------------------------------


def _asks(key: str, rule: Schema, **values: Any) -> Schema:
    """What a key asks of its section, or the key with values like these."""
    return {"if": {"required": [key], **({"properties": {key: values}} if values else {})}, "then": rule}


def _one_of(*keys: str) -> Schema:
    return {"oneOf": [{"required": [key]} for key in keys]}


def _has(key: str, **values: Any) -> Schema:
    return {"required": [key], "properties": {key: values}}


_ABSENT: Schema = {"not": {"required": ["dataset"]}}
_OF_SERIES = {
    name: [series for series, own in SERIES.items() if name in own] for each in SERIES.values() for name in each
}
_TOGETHER: dict[type[Any], Schema] = {
    Population: _one_of("size", "grid"),
    ErdosRenyi: _one_of("probability", "in_degree"),
    Explicit: _asks("weight_exp", _has("exact", const=True), minimum=1),
    Interval: _asks("step", {"properties": {"log": {"const": False}}}),
    Samples: {**_asks("policy", {"required": ["steps"]}, const="interval"), "dependentSchemas": {
        "steps": _has("policy", const="interval"),
    }},
    Readout: _asks("forgetting", _has("classifier", const="online"), exclusiveMaximum=1),
    Regression: _asks("forgetting", _has("regressor", const="online"), exclusiveMaximum=1),
    Data: {**_asks("dataset", {"required": ["root"]}, pattern="^tonic:"), "dependentSchemas": {
        "train": {"required": ["test"], **_ABSENT},
        "test": {"required": ["train"], **_ABSENT},
        "root": _has("dataset", pattern="^tonic:"),
        **{key: _has("dataset", enum=list(SERIES)) for key in CUT},
        **{key: _has("dataset", enum=owners) for key, owners in _OF_SERIES.items()},
    }},
}  # fmt: skip
"""What the keys of a section ask of each other, as its `__post_init__` does."""

_CHOICES: dict[tuple[type[Any], str], Schema] = {
    (Data, "dataset"): {"anyOf": [{"enum": ["japanese_vowels", *SERIES]}, {"pattern": r"^tonic:\w+$"}]},
}
"""Of text that is not any text."""

_NEURON = {"kind": next(iter(KINDS))}
EXAMPLES: dict[str, Any] = {
    "dt_ms": 1.0,
    "seed": 1,
    "input": {"channels": 12, "encoder": {"kind": "rate", "frame_ms": 10.0}},
    "populations": {"liquid": {"size": 100, "neuron": _NEURON}},
    "projections": [
        {"source": "input", "target": "liquid", "topology": {"kind": "erdos_renyi", "in_degree": 4}, "weight": 0.2}
    ],
    "Spec.data": {"train": "train.npz", "test": "test.csv"},
    "front_end": {"kind": "mel", "rate_hz": 8000, "bands": 24},
    "Spec.readout": {"population": "liquid", "features": {"kind": "bins", "bins": 3}},
    "Spec.samples": {"policy": "fresh"},
    "quantise": {"weight_bits": 8},
    "Spec.target": {"board": "oheo_gulch"},
    "search": {"projections.0.gain": {"low": 0.1, "high": 10.0, "log": True}},
    "Input.channels": 12,
    "encoder": {"kind": "rate", "frame_ms": 10.0, "max_rate_hz": 200.0},
    "frame_ms": 10.0,
    "range": [0.0, 1.0],
    "neuron": _NEURON,
    "size": 100,
    "grid": [6, 6, 10],
    "inhibitory_fraction": 0.2,
    "from": "network.nir",
    "FromFile.source": "norse",
    "scheme": "euler",
    "reset": "zero",
    "if_input": "per-step",
    "max_synapses": 1_000_000,
    "source": "input",
    "target": "liquid",
    "topology": {"kind": "erdos_renyi", "in_degree": 4},
    "weight": 0.2,
    "spectral_radius": 0.9,
    "input_scaling": 0.5,
    "Projection.weight_bits": 8,
    "probability": 0.1,
    "in_degree": 4,
    "neighbours": 4,
    "rewire": 0.1,
    "lambda": 2.0,
    "C": {"EE": 0.3, "EI": 0.2, "IE": 0.4, "II": 0.1},
    "cutoff": 8.0,
    "file": "weights.npz",
    "EE": 0.3, "EI": 0.2, "IE": 0.4, "II": 0.1,
    "value": 1.0,
    "low": 0.5,
    "high": 2.0,
    "mean": 1.0,
    "std": 0.1,
    "per_unit_ms": 1.0,
    "Interval.step": 0.1,
    "Choices.choices": ["ridge", "logistic"],
    "dataset": "mackey_glass",
    "Data.root": "events",
    "train": "train.npz",
    "test": "test.csv",
    "pattern": r"(?P<label>\d)_(?P<group>\w+)_(?P<take>\d+)",
    "targets": ["y"],
    "length": 5000,
    "skip": 100,
    "train_size": 0.7,
    "test_size": 0.3,
    "warm_up": 100,
    "Data.seed": 0,
    "step": 1.0,
    "tau": 17.0,
    "past": 1.2,
    "rate_hz": 8000.0,
    "fmax_hz": 4000.0,
    "floor_db": 60.0,
    "loudest_db": 0.0,
    "trim_db": 40.0,
    "pre_emphasis": 0.97,
    "frames": 40,
    "augment": {"copies": 2, "warp": [0.9, 1.1]},
    "warp": [0.9, 1.1],
    "stretch": [0.9, 1.1],
    "noise_db": 20.0,
    "time_shift_ms": 50.0,
    "window_beats": 128,
    "stride_beats": 64,
    "bin_ms": 5.0,
    "population": "liquid",
    "features": {"kind": "bins", "bins": 3},
    "Regression.features": {"kind": "states", "frame": True},
    "Regression.target": "signal",
    "keep": 100,
    "Samples.steps": 1000,
    "compensate": True,
    "du": 1160,
    "dv": 200,
    "vth": 5100,
}  # fmt: skip
"""Of fields whose default is no example, by key, or by section and key where one key has several meanings."""
