"""Searches by several processes, in files and databases: whoever works, dies or waits, the result is that of one."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import Executor, Future

import numpy as np
import postgres
import pytest
from calls import call
from test_search import SPEC, waves

from lsm_deploy.core.errors import LsmError, LsmWarning
from lsm_deploy.spec import Parameter
from lsm_deploy.tune.searches import claims, database, journal, trials
from lsm_deploy.tune.searches import study as storage
from lsm_deploy.tune.searches.journal import Trial, opened_journal
from lsm_deploy.tune.searches.trials import search

pytest.importorskip("optuna", reason="a search needs optuna")
needs_postgres = pytest.mark.skipif(postgres.missing() != "", reason=postgres.missing())

SPACE = """\
search:
  projections.0.gain: {low: 0.5, high: 4, log: true}
  readout.features.bins: [1, 3]
"""
TRIALS, AT_ONCE = 7, 3
"""The last batch is not whole."""


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    folder = tmp_path_factory.mktemp("together")
    for name, seed in (("train", 1), ("test", 2)):
        frames, labels = waves(seed=seed)
        np.savez(folder / f"{name}.npz", frames=frames, labels=labels)
    (folder / "spec.yaml").write_text(SPEC + SPACE)
    return folder / "spec.yaml"


JUDGED = trials._judged


def judged_quickly(frames, piece):
    """In place of a readout's score: what matters here is who asks for it."""
    gain = piece.spec.projections[0].gain
    return ((), "it is too much") if gain > 1.7 else ((1 / (1 + abs(gain - 1)),), "")


@pytest.fixture(autouse=True, scope="module")
def _quickly():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trials, "_judged", judged_quickly)
        yield


@pytest.fixture(scope="module")
def alone(spec):
    """What one process finds that nothing disturbs."""
    whole = search(spec, TRIALS, spec.parent / "alone.journal", at_once=AT_ONCE)
    assert {trial.score is None for trial in whole.trials} == {True, False}
    return whole


@pytest.fixture(scope="module")
def server():
    with postgres.server() as made:
        yield made


def ended(**where):
    """Of each trial that ended, who worked on it."""
    with storage.opened_study(next(iter(where.values())), journal.STUDY, False) as study:
        done = study.storage.get_all_trials(study.number)
    done = [made.user_attrs for made in done if made.state.name in ("COMPLETE", "PRUNED")]
    assert len(done) == len({attributes["turn"] for attributes in done}), "none twice"
    return {attributes["turn"]: attributes["claimed_by"].split()[1] for attributes in done}


def scores(file):
    with storage.opened_study(file, journal.STUDY, False) as study:
        return {t.user_attrs["turn"]: t.user_attrs["accuracies"] for t in study.storage.get_all_trials(study.number)}


# --- trials side by side ---------------------------------------------------------------------------------------------


class Backwards(Executor):
    """What is asked for together is done in the opposite order."""

    def __init__(self):
        self.asked, self.most = [], 0

    def submit(self, work, /, *given, **named):
        self.asked.append((future := Future(), work, given))
        if len(self.asked) == 1:
            threading.Timer(0.1, self.do).start()
        return future

    def do(self):
        asked, self.asked = self.asked, []
        self.most = max(self.most, len(asked))
        for future, work, given in reversed(asked):
            future.set_result(work(*given))


def test_who_judges_makes_no_difference(spec, alone, tmp_path):
    executor = Backwards()
    beside = search(spec, TRIALS, tmp_path / "j", at_once=AT_ONCE, executor=executor)
    assert executor.most == AT_ONCE
    assert beside.trials == alone.trials
    assert beside.text == alone.text
    assert beside.importance == alone.importance


def test_proposals_of_a_batch_know_the_trials_before_it(spec, alone, tmp_path):
    """A batch that was not whole goes on as if it had been asked for at once."""
    for count in (2, 4, TRIALS):
        assert search(spec, count, tmp_path / "j", at_once=AT_ONCE).trials == alone.trials[:count]
    with pytest.raises(LsmError, match="its trials are of another number of proposals at once"):
        search(spec, TRIALS, tmp_path / "j")


# --- several processes -----------------------------------------------------------------------------------------------

PROCESS = """
import time
from lsm_deploy.cli import main
from lsm_deploy.tune.searches import trials
from test_search_together import judged_quickly

def judged(frames, piece):
    if {stuck} and piece.turn > 0:
        print("stuck", flush=True)
        time.sleep(600)
    return judged_quickly(frames, piece)

trials._judged = judged
main({arguments!r})
"""


def started(spec, target, stuck, *where):
    arguments = ["search", str(spec), "-o", str(target), "--trials", str(TRIALS), "--at-once", str(AT_ONCE)]
    code = PROCESS.format(stuck=stuck, arguments=[*arguments, *where])
    environment = {**os.environ, "PYTHONPATH": ":".join(sys.path), "PGPASSWORD": postgres.PASSWORD}
    return subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture(params=["file", pytest.param("postgres", marks=needs_postgres)])
def place(request, tmp_path, monkeypatch):
    if request.param == "file":
        return {"journal": tmp_path / "j"}
    monkeypatch.setenv("PGPASSWORD", postgres.PASSWORD)
    return {"storage": request.getfixturevalue("server").url()}


@pytest.mark.once
def test_two_processes_of_which_one_is_killed_find_what_one_finds(spec, alone, place):
    where = [f"--{name}" for name in place] + [str(value) for value in place.values()]
    with started(spec, spec.parent / "killed.yaml", True, *where) as killed:
        assert killed.stdout.readline() == "stuck\n", killed.stderr.read()
        with started(spec, spec.parent / "other.yaml", False, *where) as other:
            while 2 not in ended(**place):  # the rest of the first batch: it waits for the one that is stuck
                assert other.poll() is None, other.stderr.read()
                time.sleep(0.1)
            killed.send_signal(signal.SIGKILL)
            assert killed.wait() == -signal.SIGKILL
            said, errors = other.communicate(timeout=120)
    assert other.returncode == 0, errors
    assert postgres.PASSWORD not in said + errors
    assert (spec.parent / "other.yaml").read_text() == alone.text
    workers = ended(**place)
    assert sorted(workers) == list(range(TRIALS))
    assert workers == {turn: str(other.pid if turn else killed.pid) for turn in range(TRIALS)}
    again = search(spec, TRIALS, at_once=AT_ONCE, **place)
    assert again.trials == alone.trials
    assert again.text == alone.text


SPACE_OF_ONE = (Parameter("a", low=0.0, high=1.0),)


def opened(file, host="here", at_once=2, monkeypatch=None):
    if monkeypatch is not None:
        monkeypatch.setattr(claims.socket, "gethostname", lambda: host)
    return opened_journal(file, {"seed": "1"}, SPACE_OF_ONE, 1, at_once)


def test_processes_divide_a_batch_and_wait_for_one_another(tmp_path):
    with opened(tmp_path / "j") as first, opened(tmp_path / "j") as second:
        (one,), (other,) = first.claim(9, 1), second.claim(9, 1)
        assert (one, other) == (0, 1)
        assert first.claim(9, 1) == second.claim(9, 1) == {}
        first.tell(Trial(one, {}, (0.5,)))
        assert first.claim(9, 1) == {}, "the next batch knows all of this one"
        second.tell(Trial(other, {}, (0.25,)))
        assert list(first.claim(9, 2)) == [2, 3]


def test_what_a_process_let_drop_is_taken_over_at_once(tmp_path):
    with opened(tmp_path / "j") as first:
        claimed = first.claim(9, 2)
    with opened(tmp_path / "j") as second:
        assert second.claim(9, 2) == claimed


def test_a_claim_of_another_machine_holds_while_it_is_renewed(tmp_path, monkeypatch):
    monkeypatch.setattr(claims, "GRACE_S", 0.5)
    monkeypatch.setattr(journal, "BEAT_S", 0.05)
    monkeypatch.setattr(claims, "POLL_S", 0.6)
    monkeypatch.setattr(claims, "WORTH_SAYING_S", 0.3)
    with opened(tmp_path / "j", "far", 1, monkeypatch) as far, opened(tmp_path / "j", "here", 1, monkeypatch) as here:
        claimed = far.claim(9, 1)
        assert here.claim(9, 1) == {}
        with pytest.warns(LsmWarning, match=r"waiting for trial 0, on which process \d+ on far works"):
            assert here.claim(9, 1) == {}
        monkeypatch.setattr(far, "_mine", {})  # it stops to say so
        with pytest.warns(LsmWarning, match="waiting for trial 0"):
            assert here.claim(9, 1) == {}
        assert here.claim(9, 1) == claimed
        far._mine = dict(here._mine)
        here.tell(Trial(0, {}, (0.5,)))
        far.tell(Trial(0, {}, (0.75,)))
        assert here.trials()[0].scores == far.trials()[0].scores == (0.5,), "the first counts"


def test_two_that_make_a_turn_in_the_same_moment_agree_on_the_first(tmp_path, monkeypatch):
    with opened(tmp_path / "j") as first, opened(tmp_path / "j") as second:
        turns = second._turns
        claimed = first.claim(9, 1)
        looks = iter([{}, {}])  # as if it had looked before the first wrote
        monkeypatch.setattr(second, "_turns", lambda: made if (made := next(looks, None)) is not None else turns())
        assert second.claim(9, 2).keys() | claimed.keys() == {0, 1}
        states = [made.state.name for made in first._study.ask("get_all_trials", 0)]
        assert states == ["RUNNING", "RUNNING", "FAIL", "FAIL"]


# --- databases -------------------------------------------------------------------------------------------------------


def test_a_database_of_sqlite(spec, alone, tmp_path):
    url = f"sqlite:///{tmp_path}/d"
    assert search(spec, 5, storage=url, at_once=AT_ONCE).trials == alone.trials[:5]
    assert search(spec, TRIALS, storage=url, at_once=AT_ONCE).text == alone.text
    with pytest.raises(LsmError) as caught:
        search(spec, TRIALS, storage=url, seed=1, liquid_seeds=2)
    names = ["seed", "number of liquid seeds", "number of proposals at once"]
    assert [error.what for error in caught.value.each()] == [f"its trials are of another {name}" for name in names]
    assert search(spec, 1, storage=url, study="another", seed=1).trials


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE trial_params SET param_value = 99",
        "UPDATE trial_params SET param_value = 'x'",
        "DELETE FROM trial_params WHERE param_id = 1",
        "UPDATE trial_user_attributes SET value_json = '[\"x\"]' WHERE key = 'accuracies'",
        "UPDATE trial_user_attributes SET value_json = '[1e999]' WHERE key = 'accuracies'",
        "UPDATE trial_user_attributes SET value_json = '[]' WHERE key = 'turn'",
        "UPDATE trial_user_attributes SET value_json = '{' WHERE key = 'turn'",
        "UPDATE study_user_attributes SET value_json = '7' WHERE key = 'seed'",
    ],
)
def test_what_a_database_says_is_checked(tmp_path, change):
    url = f"sqlite:///{tmp_path}/d"
    with opened(url) as made:
        for turn in made.claim(2, 2):
            made.tell(Trial(turn, {}, (0.5,)))
    with sqlite3.connect(tmp_path / "d") as altered:
        altered.execute(change)
    altered.close()
    with pytest.raises(LsmError, match=r"the journal is damaged|its trials are of another seed"), opened(url):
        pass


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            "UPDATE study_directions SET direction = 'MINIMIZE'",
            "its study's direction is MINIMIZE, this search's is MAX",
        ),
        ("UPDATE study_directions SET direction = 'NOT_SET'", "its study's direction is NOT_SET"),
        ("DELETE FROM study_directions", "its study's direction is missing"),
        ("UPDATE study_directions SET direction = 'x'", "'x' is not among the defined enum values"),
    ],
)
def test_a_study_that_goes_another_way_is_refused(tmp_path, change, words):
    url = f"sqlite:///{tmp_path}/d"
    with opened(url) as made:
        for turn in made.claim(2, 2):
            made.tell(Trial(turn, {}, (0.5,)))
    with opened(url):
        pass
    with sqlite3.connect(tmp_path / "d") as altered:
        altered.execute(change)
    altered.close()
    with pytest.raises(LsmError, match="the journal is damaged: ") as error, opened(url):
        pass
    assert words in error.value.what
    assert error.value.where.startswith(f"sqlite:///{tmp_path}/d")
    assert error.value.hint


@needs_postgres
@pytest.mark.once
def test_a_database_that_goes_away_is_waited_for(spec, alone, server, monkeypatch):
    url, judged = server.url(postgres.PASSWORD), trials._judged

    def interrupted(frames, piece):
        if piece.turn == 1:
            server.stop()
            threading.Timer(1.5, server.start).start()
        return judged(frames, piece)

    monkeypatch.setattr(trials, "_judged", interrupted)
    with pytest.warns(LsmWarning, match="waiting for it up to 60 s: the database fails: "):
        assert search(spec, TRIALS, storage=url, study="away", at_once=AT_ONCE).text == alone.text


@needs_postgres
@pytest.mark.once
def test_a_database_that_stays_away_ends_a_search_that_goes_on_later(spec, alone, server, monkeypatch):
    url, judged = server.url(postgres.PASSWORD), trials._judged
    monkeypatch.setattr(database, "PATIENCE_S", 0.0)
    monkeypatch.setattr(trials, "_judged", lambda frames, piece: server.stop() or judged(frames, piece))
    with pytest.raises(LsmError, match="the database fails: ") as caught:
        search(spec, TRIALS, storage=url, study="gone", at_once=AT_ONCE)
    assert postgres.PASSWORD not in str(caught.value)
    monkeypatch.setattr(trials, "_judged", judged)
    with pytest.raises(LsmError, match="the database fails: connection"):
        search(spec, TRIALS, storage=url, study="gone", at_once=AT_ONCE)
    server.start()
    assert search(spec, TRIALS, storage=url, study="gone", at_once=AT_ONCE).text == alone.text


@needs_postgres
@pytest.mark.once
def test_a_wrong_password_is_not_shown(spec, server, tmp_path):
    for url in (server.url("my-secret"), f"{server.url()}&password=my-secret", "postgresql://u:my-secret@@@/d:x"):
        options = ["--storage", url, "--trials", 1, "-o", tmp_path / "x", "--json"]
        result = call("search", spec, *options, status=None)
        assert result.exit_code
        assert "my-secret" not in result.output


@pytest.mark.parametrize("url", ["u:SE@CRET@h/d", "u:SE@CR/ET@h/d", "u:SE@CR?ET@h", "u:SE@CRET:9@h/d"])
def test_a_password_with_an_at_is_not_shown_in_part(tmp_path, url):
    """SQLAlchemy takes the last part of it for the host."""
    with pytest.raises(LsmError) as caught, opened(f"postgresql://{url}"):
        pass
    assert "CR" not in str(caught.value)
    assert "postgresql://u:SECRET@h" not in repr(storage.Study(None, "x", "postgresql://u:SECRET@h"))


@pytest.mark.parametrize(
    ("url", "words"),
    [("", "a database in memory"), ("/:memory:", "a database in memory"), ("/a\0b", "the storage is no URL")],
)
def test_what_would_be_lost_or_cannot_be_named_is_refused(url, words):
    with pytest.raises(LsmError, match=words), opened(f"sqlite://{url}"):
        pass


@pytest.mark.parametrize("made", ["studies (x int)", "trials (trial_id int)", "trial_params (x int)"])
def test_tables_of_something_else_are_not_waited_for(tmp_path, made):
    with sqlite3.connect(tmp_path / "d") as other:
        other.execute(f"CREATE TABLE {made}")
    other.close()
    with (
        pytest.raises(LsmError, match="its tables are not those of a search"),
        opened(f"sqlite:///{tmp_path}/d") as one,
    ):
        one.tell(Trial(next(iter(one.claim(1, 1))), {}, (0.5,)))


def test_a_driver_that_is_missing_is_named(spec, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(LsmError, match=r"a driver, which is not installed\n  pip install 'lsm-deploy\[postgres\]'"):
        search(spec, TRIALS, storage="postgresql://me@localhost/x")


# --- workers ---------------------------------------------------------------------------------------------------------


@pytest.mark.once
def test_on_workers(spec, tmp_path, monkeypatch):
    """The scores are those of readouts: workers are other processes, which nothing here is patched in."""
    pytest.importorskip("distributed", reason="workers need distributed")
    monkeypatch.setattr(trials, "_judged", JUDGED)
    arguments = ["search", spec, "--trials", 3, "--at-once", 2]
    call(*arguments, "-o", spec.parent / "w.yaml", "--journal", tmp_path / "w", "--workers", 1)
    call(*arguments, "-o", spec.parent / "s.yaml", "--journal", tmp_path / "s")
    assert (spec.parent / "w.yaml").read_text() == (spec.parent / "s.yaml").read_text()
    assert scores(tmp_path / "w") == scores(tmp_path / "s")


# --- a full disk -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [100, 1500, 3000, 5003])
def test_a_journal_on_a_full_disk_is_gone_on_with(spec, alone, tmp_path, size):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        with pytest.raises(LsmError, match="cannot write: File too large") as caught:
            search(spec, TRIALS, tmp_path / "j", at_once=AT_ONCE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "ulimit" in caught.value.hint
    assert (tmp_path / "j").stat().st_size == size
    again = search(spec, TRIALS, tmp_path / "j", at_once=AT_ONCE)
    assert again.trials == alone.trials
