"""One search by several processes, in a file and in PostgreSQL, some of them killed: `make search-postgres`.

Each line is the same search from its beginning, of the quick start's liquid. It has to write what one process writes
that nothing disturbs, byte for byte, and its journal has to have each trial once. Seconds are of the whole command,
imports included, on processors that may have other work. Exit status 1 if a line differs.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import postgres

from lsm_deploy.report.blocks import Heading, Line, table
from lsm_deploy.report.text import to_text
from lsm_deploy.tune.searches.journal import STUDY
from lsm_deploy.tune.searches.study import opened_study

SPEC = Path(__file__).parents[2] / "configs" / "japanese_vowels.yaml"
SPACE = """\
projections.0.gain: {low: 0.3, high: 3, log: true}
projections.1.gain: {low: 0.3, high: 3, log: true}
populations.liquid.neuron.tau_mem_ms: [10, 50]
"""
AT_ONCE = 4
ENDED = ("COMPLETE", "PRUNED")


class Search:
    """Processes of one search, and what it has done."""

    def __init__(self, folder: Path, name: str, where: Path | str, trials: int, study: str = STUDY) -> None:
        self.folder, self.name, self.where, self.trials, self.study = folder, name, where, trials, study
        self.processes: list[subprocess.Popen[bytes]] = []
        self.begun = time.monotonic()

    def start(self) -> subprocess.Popen[bytes]:
        target = self.folder / f"{self.name}-{len(self.processes)}.yaml"
        place = ["--journal", self.where] if isinstance(self.where, Path) else ["--storage", self.where]
        study = ["--study", self.study] if isinstance(self.where, str) else []
        options = ["--space", self.folder / "space.yaml", "--trials", self.trials, "--at-once", AT_ONCE]
        command = [sys.executable, "-m", "lsm_deploy", "search", SPEC, "-o", target, *options, *place, *study]
        self.processes.append(subprocess.Popen([*map(str, command), "--quiet"]))
        return self.processes[-1]

    def told(self) -> list[str]:
        """The process that told of each trial, by turn."""
        with opened_study(self.where, self.study, False) as study:
            ended = [made for made in study.storage.get_all_trials(study.number) if made.state.name in ENDED]
        turns = {made.user_attrs["turn"]: made.user_attrs["claimed_by"].split()[1] for made in ended}
        assert len(turns) == len(ended), "a trial counts twice"
        return list(turns.values())

    def wait_for(self, trials: int) -> None:
        """Until so many have ended."""
        while len(self.told()) < trials:
            assert any(process.poll() is None for process in self.processes), "no process is left"
            time.sleep(0.2)

    def row(self, what: str, expected: str | None) -> list[object]:
        """What came of it, when all have ended that were not killed."""
        codes = [process.wait() for process in self.processes]
        seconds = time.monotonic() - self.begun
        written = [self.folder / f"{self.name}-{i}.yaml" for i, code in enumerate(codes) if code == 0]
        same = expected is None or (bool(written) and all(file.read_text() == expected for file in written))
        shares = Counter(self.told())
        by = " + ".join(str(shares[str(process.pid)]) for process in self.processes)
        return [what, len(codes), codes.count(-signal.SIGKILL), by, sum(shares.values()), seconds, same]


def main(quick: bool) -> int:
    trials = 8 if quick else 16
    os.environ["PGPASSWORD"] = postgres.PASSWORD
    with TemporaryDirectory() as name, postgres.server() as server:
        folder = Path(name)
        (folder / "space.yaml").write_text(SPACE)
        alone = Search(folder, "alone", folder / "alone.journal", trials)
        alone.start()
        rows = [alone.row("one process, a file", None)]
        best = (folder / "alone-0.yaml").read_text()

        def line(what: str, where: Path | str, disturb: Callable[[Search], object]) -> None:
            search = Search(folder, f"line{len(rows)}", where, trials, STUDY if isinstance(where, Path) else what)
            search.start()
            search.start()
            disturb(search)
            rows.append(search.row(what, best))

        def kill(search: Search) -> None:
            search.wait_for(trials // 3)
            search.processes[0].kill()

        def kill_both(search: Search) -> None:
            kill(search)
            search.wait_for(2 * trials // 3)
            search.processes[1].kill()
            search.start()

        def stop(search: Search) -> None:
            search.wait_for(trials // 3)
            server.stop()
            time.sleep(5)
            server.start()

        line("two processes, a file", folder / "two.journal", lambda search: None)
        line("two, a file, one killed", folder / "killed.journal", kill)
        line("two, PostgreSQL", server.url(), lambda search: None)
        line("two, PostgreSQL, one killed", server.url(), kill)
        line("two, PostgreSQL, both killed, a third", server.url(), kill_both)
        line("two, PostgreSQL, stopped for 5 s", server.url(), stop)
    columns = ["search", "processes", "killed", "trials by each", "trials", "seconds", "same file"]
    shown = [[*row[:5], f"{row[5]:.1f}", "yes" if row[6] else "NO"] for row in rows]
    heading = f"{trials} trials, {AT_ONCE} at once, on {os.cpu_count()} processors; PostgreSQL {postgres.version()}"
    print(to_text([Heading(heading), table(columns, shown), Line("best spec of one process:"), Line(changed(best))]))
    return 0 if all(row[6] for row in rows) and all(row[4] == trials for row in rows) else 1


def changed(best: str) -> str:
    """The lines of the best spec that the given one does not have."""
    given = SPEC.read_text().splitlines()
    return "; ".join(line.strip() for line in best.splitlines() if line not in given)


if __name__ == "__main__":
    if why := postgres.missing():
        sys.exit(why)
    sys.exit(main("--quick" in sys.argv))
