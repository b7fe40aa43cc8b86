"""What every command prints with `--json`, declared: `lsm-deploy schema COMMAND` makes a JSON Schema of it.

Facts are put together where reports are made; here stands which of them a user may build on. A test holds what commands
print to it, and nothing may be printed that is not declared.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from typing_extensions import NotRequired, TypedDict

from lsm_deploy.exchange.c_files.sizes import Sizes
from lsm_deploy.formats.account import Line
from lsm_deploy.report.published import answers, evaluations, programs, runs, sweeps
from lsm_deploy.run.installation import Finding

__all__ = ["COMMANDS", "Failed"]


class Mistake(TypedDict):
    """What is wrong, where, and what to do."""

    what: str
    where: str
    hint: str


class Failed(TypedDict):
    """Any command, where it ends with status 1 or 2 for somebody's mistakes: all of them."""

    errors: list[Mistake]


class Templates(TypedDict):
    """`init` without a name: what there is, with a line each."""

    templates: Mapping[str, str]
    examples: Mapping[str, str]


class Backend(TypedDict):
    """missing: what keeps it from running here."""

    name: str
    installed: bool
    missing: str | None


class Backends(TypedDict):
    backends: list[Backend]


class Examined(TypedDict):
    """`doctor`. broken: names of findings."""

    broken: list[str]
    findings: list[Finding]


class Folder(TypedDict):
    """A folder for Lava or SANA-FE."""

    program: str
    stimulus: str
    folder: str


class EventsOfC(TypedDict):
    mean: float
    most: int
    steps: int
    stimulus: str | None


class Device(TypedDict):
    """A folder of C. sizes: bytes and operations of a step."""

    program: str
    folder: str
    sizes: Sizes
    events: EventsOfC
    takes: str
    floats: list[str]
    left_out: list[str]


class Graph(TypedDict):
    """A NIR graph, with an account of its nodes."""

    file: str
    nodes: list[Line]


class Net(TypedDict):
    program: str
    file: str


class Text(TypedDict):
    """A file, word for word."""

    text: str


class Sections(TypedDict):
    """The facts of a page, by section; what is missing is not among them."""

    file: (
        programs.AnyFile
        | runs.TraceOfFile
        | answers.ModelOfClasses
        | answers.ModelOfSignals
        | sweeps.SweepFacts
        | sweeps.RobustnessFacts
    )
    spec: NotRequired[Text]
    run: NotRequired[runs.Run | runs.TraceOfFile]
    evaluation: NotRequired[evaluations.Evaluated | evaluations.RegressionFacts]
    parity: NotRequired[runs.Parity]
    cost: NotRequired[programs.Cost]
    certificates: NotRequired[programs.Certified]


class Page(TypedDict):
    """`report`. missing, notes: by section."""

    file: str
    kind: str
    version: str
    sections: Sections
    missing: Mapping[str, list[Mistake]]
    notes: Mapping[str, list[str]]
    written: str


INSPECTED = (
    programs.AnyFile | runs.TraceOfFile | runs.StimulusFile | runs.State | runs.Data | answers.ModelOfClasses
    | answers.ModelOfSignals
)  # fmt: skip
COMMANDS: dict[str, Any] = {
    "init": Templates | programs.Written,
    "check": programs.AnyFile | programs.Rules,
    "compile": programs.Compiled,
    "import": programs.Imported | programs.ImportedRates,
    "inspect": INSPECTED,
    "run": runs.Run,
    "parity": runs.Parity,
    "eval": evaluations.Evaluated | evaluations.AcrossFacts | evaluations.NestedFacts | evaluations.RegressionFacts,
    "train": answers.ModelOfClasses | answers.ModelOfSignals,
    "predict": answers.Classes | answers.Forecasts,
    "tune": answers.Tuned,
    "search": answers.Searched,
    "sweep": sweeps.SweepFacts,
    "robustness": sweeps.RobustnessFacts,
    "diagnose": answers.Diagnosed,
    "quantise-report": answers.Fidelity,
    "certify": programs.Certified,
    "resources": programs.Cost,
    "conformance": runs.Conformance,
    "import-recording": runs.RecordingFacts,
    "ci": runs.Suites,
    "report": Page,
    "export": Folder | Device | Graph | Net,
    "doctor": Examined,
    "backends": Backends,
}
"""By command, beside `ok`; a command that is not here has no `--json`."""
