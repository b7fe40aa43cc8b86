"""The manual: pages written by hand, which stand in `lsm_deploy/manual`, and pages made from the code when asked for.

Nobody has to keep the second kind up to date: a spec's reference is made from its declarations, that of files from the
texts at the heads of the modules that read and write them, that of Python from what `import lsm_deploy` gives.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import lsm_deploy
from lsm_deploy.core.errors import MisuseError, require_type
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.data.templates import examples_folder
from lsm_deploy.spec.reference import spec_reference

__all__ = ["TOPICS", "manual_page"]

TOPICS = {
    "To begin with": {
        "tutorial": "from nothing to a liquid that runs on five backends, and agrees",
        "examples": "the specs that come with this, and what each shows",
    },
    "How to": {
        "own-data": "use your own recordings: frames, sound, heart beats, events",
        "series": "predict values of a series, your own or one that comes with this",
        "own-network": "bring your own weights, in floats or in the chip's integers",
        "import": "bring a reservoir, a core of PyTorch, an ODE, a NIR graph, a network of lava-dl, or integers",
        "nir-out": "take a network elsewhere, as a NIR graph",
        "lava-dl": "take networks from lava-dl, and to it; its netx as a backend",
        "tuning": "make a liquid good: gains, searches, diagnosis",
        "sweep": "map values of a spec, and what faults of a chip cost",
        "readouts": "train what answers, on the host, on the chip, or online",
        "pictures": "what each picture shows, and the command that draws it",
        "notebook": "work in Python: specs from anything, results that show themselves, searches",
        "live": "answer while something is recorded: frames, beats, sound",
        "loops": "close a loop, run without an end, and use scikit-learn",
        "report": "one page of all that is known of a spec, a program, a model or a trace",
        "divergence": "find out where and why two runs part",
        "chip": "check a board's rules, cost and placement, and take a program to a board",
        "c": "run a liquid on a microcontroller: C99 with the same bits",
        "cluster": "work on several processes, or on a cluster",
        "ci": "keep specs and parity checked by a machine",
    },
    "To look up": {
        "spec": "every section and field of a spec, with bounds and defaults",
        "neurons": "the equations of each neuron kind, in floats and in integers",
        "files": "what is in every kind of file",
        "commands": "every command and option",
        "python": "what `import lsm_deploy` gives",
        "measures": "what diagnoses and reports measure, with papers",
        "backends": "where a program can run",
    },
    "To understand": {
        "integers": "what the chip computes, and what a weight does",
        "graded": "what neurons compute that send numbers: reservoirs, recurrent cores, ODEs",
        "quantisation": "what becomes of floats, and what that costs",
        "parity": "what is promised, and what stands behind it",
        "samples": "when registers are cleared between samples",
        "limits": "what this does not do",
    },
    "Results": {
        "evidence": "where a liquid earns its place, and what stands behind popular claims",
        "results": "the quick start, drift, placement and large liquids, measured",
        "results-speed": "steps per second, beside other simulators",
        "results-digits": "spoken digits",
        "results-nested": "spoken digits of speakers that nobody tuned on",
        "results-forecast": "forecasts of series, by reservoirs in integers",
        "results-climate": "El Niño and sunspots, forecast in the order of time",
        "results-tracking": "an object tracked from the events of a small sensor",
        "results-control": "robots in closed loop, by liquids that see no velocity",
        "results-af": "atrial fibrillation",
        "results-robust": "what faults of a chip cost, and what redundancy buys",
        "results-spotting": "digits in a stream of sound, spotted as they end",
        "changelog": "what changed",
    },
}
"""Topics in the order of reading, by group, with a line each. `commands` is made by the command line itself."""

_PAGES = Path(lsm_deploy.__file__).parent / "manual"
_FILES = {
    "Frames": "lsm_deploy.data.frame_files",
    "Sound": "lsm_deploy.data.audio_files",
    "Heart beats": "lsm_deploy.data.beat_files",
    "Stimuli and traces": "lsm_deploy.store.recordings",
    "Traces in parts": "lsm_deploy.store.parts",
    "Integer networks": "lsm_deploy.formats.integer_files",
    "Programs": "lsm_deploy.store.programs",
    "States": "lsm_deploy.store.states",
    "Containers": "lsm_deploy.store.container",
    "Recordings for `conformance`": "lsm_deploy.parity.conformance.recording",
    "Bundles of a divergence": "lsm_deploy.parity.reduction.folder",
    "Folders for Lava": "lsm_deploy.exchange.lava_folder",
}
"""The modules whose heads say what is in a file."""
_FILES_SAY = "No file holds pickles, or is left half-written. `lsm-deploy inspect FILE` says what one holds."
_MEASURES = {
    "Activity, judged": "lsm_deploy.measure.judgement",
    "States": "lsm_deploy.measure.diagnosis.state_space",
    "Separation": "lsm_deploy.measure.diagnosis.separation",
    "Ranks": "lsm_deploy.measure.diagnosis.ranks",
    "Memory capacity": "lsm_deploy.measure.diagnosis.capacity",
    "Fading memory": "lsm_deploy.measure.diagnosis.fading",
    "Growth of a perturbation": "lsm_deploy.measure.diagnosis.growth",
    "What it still knows": "lsm_deploy.measure.diagnosis.knowledge.knowledge",
    "What it still knows: who is asked": "lsm_deploy.measure.diagnosis.knowledge.sources",
    "What it still knows: labels": "lsm_deploy.measure.diagnosis.knowledge.labels",
    "What it still knows: frames": "lsm_deploy.measure.diagnosis.knowledge.reconstruction",
    "Distances of spike trains": "lsm_deploy.measure.fidelity.distances",
    "Float and deployed, side by side": "lsm_deploy.measure.fidelity.side_by_side",
    "Accuracy on the way to the chip": "lsm_deploy.measure.fidelity.transfer",
    "Overflow certificates": "lsm_deploy.compile.certify.bounds",
    "Events, energy and time": "lsm_deploy.measure.cost.resources",
}


def manual_page(topic: str) -> str:
    """The page of the manual on a topic, as Markdown. Raises LsmError, with near names, where there is none.

    `TOPICS` has all of them; `commands` is printed by `lsm-deploy manual commands` alone.
    """
    require_type(topic, str, "topic", "see `TOPICS`")
    made: dict[str, Callable[[], str]] = {
        "spec": lambda: f"# A spec\n\n{spec_reference()}",
        "neurons": _neurons,
        "files": lambda: _heads("Files", _FILES_SAY, _FILES),
        "measures": lambda: _heads("Measures", "", _MEASURES),
        "python": _python,
        "examples": _examples,
    }
    if topic in made:
        return made[topic]()
    if topic == "commands":
        raise MisuseError("the command line makes its own page", hint="run `lsm-deploy manual commands`")
    topics = [each for group in TOPICS.values() for each in group]
    page = _PAGES / f"{topic}.md"
    if topic not in topics or not page.exists():
        near = get_close_matches(topic, topics, 3, cutoff=0.4)
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"choose from {', '.join(topics)}"
        raise MisuseError(f"the manual has no topic {topic!r}", hint=hint)
    return page.read_text(encoding="utf-8")


def _examples() -> str:
    folder = examples_folder()
    return f"{(folder / 'README.md').read_text(encoding='utf-8')}\nHere they are in {folder}\n"


def _neurons() -> str:
    parts = [f"## {name}\n\n{inspect.getdoc(kind)}\n" for name, kind in KINDS.items()]
    return "# Neuron kinds\n\nWhat a user writes of each: `lsm-deploy manual spec`.\n\n" + "\n".join(parts)


def _heads(title: str, text: str, modules: Mapping[str, str]) -> str:
    """The texts at the heads of modules, one under the other."""
    parts = [f"## {part}\n\n{inspect.getdoc(importlib.import_module(name))}\n" for part, name in modules.items()]
    return "\n".join([f"# {title}\n", *([f"{text}\n"] if text else []), *parts])


def _python() -> str:
    names = [name for name in lsm_deploy.__all__ if not name.startswith("_")]
    head = f"# From Python\n\n{inspect.getdoc(lsm_deploy)}\n\n"
    return head + "\n".join(_entry(name, getattr(lsm_deploy, name)) for name in names)


def _entry(name: str, public: Any) -> str:
    lines = [f"## {name}", "", *_call(f"ld.{name}", public), "", inspect.getdoc(public) or "", ""]
    for member, value in vars(public).items() if inspect.isclass(public) else ():
        if isinstance(value, property) and not member.startswith("_"):
            lines += [f"    .{member}", "", inspect.getdoc(value) or "", ""]
        elif inspect.isfunction(value) and not member.startswith("_"):
            lines += [*_call(f".{member}", value), "", inspect.getdoc(value) or "", ""]
    return "\n".join(lines)


def _call(name: str, public: Any) -> list[str]:
    """How it is called, with one argument a line where they are many."""
    called = inspect.signature(public)
    arguments: list[str] = []
    for each in called.parameters.values():
        if each.kind is each.KEYWORD_ONLY and "*" not in arguments:
            arguments.append("*")
        if each.name != "self":
            text = re.sub(r"<function (\w+) at 0x\w+>", r"\1", str(each))  # the same in every run
            arguments.append(re.sub(r": '(.*?)'( =|$)", r": \1\2", text))
    answer = f" -> {called.return_annotation}" if inspect.isfunction(public) else ""
    line = f"    {name}({', '.join(arguments)}){answer}"
    return (
        [line] if len(line) <= 100 else [f"    {name}(", *(f"        {each}," for each in arguments), f"    ){answer}"]
    )
