"""All that is known of one file, in sections that stand beside each other: what `lsm-deploy report` writes.

Where a section cannot be had, because data, an extra or memory are missing, it says why and the others are there; a
mistake in the file itself is an error, as it is everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lsm_deploy.core.errors import LsmError, MisuseError, require_path, require_type
from lsm_deploy.core.notes import notes
from lsm_deploy.core.progress import Stages, silent
from lsm_deploy.core.shown import Brief
from lsm_deploy.learn.deployable import Deployable, compile_any
from lsm_deploy.learn.files import inspect_file
from lsm_deploy.learn.model import Model
from lsm_deploy.learn.regression.model import RegressionModel
from lsm_deploy.parity.investigation import check_sides
from lsm_deploy.report.blocks import Line, Report, tabulate
from lsm_deploy.report.files import report_file
from lsm_deploy.report.numbers import count, text_of
from lsm_deploy.report.parts import PARTS, Answer, Figure, questions, report_of_trace
from lsm_deploy.report.programs import report_program
from lsm_deploy.report.sweeps import report_robustness, report_sweep
from lsm_deploy.run import backends
from lsm_deploy.store import TraceFile, kind_of
from lsm_deploy.tune.sweeps.results import is_sweep, load_sweep
from lsm_deploy.tune.sweeps.sweep import Sweep

__all__ = ["SAMPLES", "Page", "Section", "page_of", "report_page"]

SAMPLES = 10
"""That are run, of the data that a spec names."""


@dataclass(frozen=True)
class Section:
    """name: of its facts, and in addresses. missing: why there is nothing. notes: what was warned of on the way."""

    name: str
    title: str
    report: Report
    figures: tuple[Figure, ...] = ()
    missing: LsmError | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False)
class Page(Brief):
    """A page on the file of this name, which is of this kind, made by this version."""

    name: str
    kind: str
    version: str
    sections: tuple[Section, ...]

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Of all sections, in turn."""
        return tuple(figure for section in self.sections for figure in section.figures)

    @property
    def facts(self) -> dict[str, Any]:
        """What `--json` prints: the facts of each section under its name, or what is missing for it."""
        return {
            "file": self.name,
            "kind": self.kind,
            "version": self.version,
            "sections": {each.name: dict(each.report.facts) for each in self.sections if each.missing is None},
            "missing": {
                each.name: [one.to_json() for one in each.missing.each()]
                for each in self.sections
                if each.missing is not None
            },
            "notes": {each.name: list(each.notes) for each in self.sections if each.notes},
        }


def page_of(
    file: str | Path,
    *,
    without: Collection[str] = (),
    on: Sequence[str] = (),
    backend: str = backends.DEFAULT,
    input_file: str | Path | None = None,
    samples: int = SAMPLES,
    stages: Stages = silent,
) -> Page:
    """Compile or open a file, run it, evaluate it, compare backends, count its cost, and prove what can be proved; of a
    folder of a sweep's results, what they come to.

    without: `PARTS` to leave out. on: the backends to compare; all that are here and can. backend: of the run.
    input_file: as `stimulus_for` takes it. samples: of a stimulus, the first so many. A MisuseError for a part or a
    backend that there is not, and for one alone to compare, an LsmError for a mistake in the file.
    """
    file = require_path(file)
    require_type(backend, str, "backend", f"name one, such as {backends.DEFAULT!r}")
    if unknown := sorted(set(without) - set(PARTS)):
        raise MisuseError(f"a page has no part {', '.join(unknown)}", hint=f"choose from {', '.join(PARTS)}")
    for name in (*on, *(() if backend == backends.DEFAULT else (backend,))):
        backends.load_backend(name)
    if on and "parity" not in without:
        check_sides(on)
    if is_sweep(file):
        return _page_of_results(file)
    with _noting() as notes, stages("reading and compiling"):
        opened = inspect_file(file)
    report, asked = report_file(opened), dict[str, Callable[[], Answer]]()
    if isinstance(opened, Deployable | Model | RegressionModel):
        made = compile_any(opened)
        if made.model is not None:
            report = Report((*report.blocks, *report_program(made.program).blocks), report.facts)
        asked.update(questions(made, on, backend, input_file, samples, stages))
    elif isinstance(opened, TraceFile):
        asked["run"] = lambda: (report_of_trace(opened.trace, None), ())
    sections = [Section("file", "What it is", report, _size(report.facts), notes=tuple(notes))]
    sections += [_section(name, PARTS[name], asked[name]) for name in asked if name not in without]
    kind = kind_of(file)
    if kind == "spec":
        text = file.read_text(encoding="utf-8")
        sections.append(Section("spec", "The spec", Report((Line(text),), {"text": text})))
    return Page(file.resolve().name, kind, version("lsm-deploy"), tuple(sections))


def _page_of_results(folder: Path) -> Page:
    """On a folder of a sweep's results, which has one section."""
    results = load_sweep(folder)
    if isinstance(results, Sweep):
        report, kind = report_sweep(results), "sweep"
        best = f"{len(results.non_dominated)} beaten by none"
        figures = (Figure("Points", text_of(len(results.points)), best),)
    else:
        report, kind = report_robustness(results), "robustness"
        faults = {curve.fault for curve in results.curves}
        figures = (Figure("Faults", text_of(len(faults)), f"on {count(len(results.healthy), 'point')}"),)
    section = Section("file", "What it came to", report, figures)
    return Page(folder.resolve().name, kind, version("lsm-deploy"), (section,))


def report_page(page: Page) -> Report:
    """What the page says first, and what is missing in it; the facts are the page's."""
    figures = tabulate(
        page.figures, {"": lambda f: f.label, page.name: lambda f: f.value, "beside it": lambda f: f.note or None}
    )
    missing = [Line(f"no {each.title.lower()}: {each.missing}") for each in page.sections if each.missing is not None]
    return Report((figures, *missing), page.facts)


def _size(facts: Mapping[str, Any]) -> tuple[Figure, ...]:
    if "synapses" not in facts:
        return ()
    on = f" on {count(facts['cores'], 'core')}" if facts["cores"] else ""
    return (Figure("Neurons", text_of(facts["neurons"]), f"{count(facts['synapses'], 'synapse')}{on}"),)


def _section(name: str, title: str, ask: Callable[[], Answer]) -> Section:
    missing = None
    with _noting() as notes:
        try:
            report, figures = ask()
        except LsmError as error:
            report, figures, missing = Report((), {}), (), error
    return Section(name, title, report, figures, missing, tuple(notes))


@contextmanager
def _noting() -> Iterator[list[str]]:
    """What is warned of meanwhile is there afterwards; it goes where warnings go, too."""
    words: list[str] = []
    with notes() as warned:
        yield words
    words += dict.fromkeys(map(str, warned))
