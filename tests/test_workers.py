"""Work on processes of this machine: the same bits as here, errors and warnings told here, nothing sent twice."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import time
import warnings
from concurrent.futures import CancelledError, Executor
from contextlib import suppress
from pathlib import Path
from threading import Lock, Thread, Timer
from typing import Any

import numpy as np
import pytest
from calls import call
from test_across import DATA, error, still

import lsm_deploy as ld
from lsm_deploy.core.errors import LsmError, LsmErrors, LsmWarning, MisuseError
from lsm_deploy.core.notes import warn
from lsm_deploy.measure.evaluation import evaluate_across
from lsm_deploy.run import cluster, piece, work
from lsm_deploy.run.work import completed

distributed = pytest.importorskip("distributed", reason="workers need distributed: pip install 'lsm-deploy[cluster]'")


@pytest.fixture(scope="module")
def three() -> Any:
    with ld.workers(3) as executor:
        yield executor


# --- pieces, which are functions of a module -------------------------------------------------------------------------


def scaled(shared: Any, item: int) -> tuple[int, float, int]:
    return os.getpid(), float(shared["values"].sum()) * item, id(shared)


def failing(shared: None, item: int) -> int:
    if item == 2:
        raise LsmErrors([LsmError("it is wrong", where="here", hint="mend it"), MisuseError("so is this")])
    return item


def broken(shared: None, item: int) -> int:
    raise ZeroDivisionError("a bug of ours")


class TwoArgumentsError(Exception):
    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.reason = reason


class WordedError(Exception):
    def __init__(self, name: str) -> None:
        super().__init__(f"there is no {name}")


class OfNoKind(BaseException):
    pass


def raising(shared: None, name: str) -> Any:
    """What workers, Dask and pickle might take for something else, or could not bring back."""
    if name == "endless":
        return raising(shared, name)
    if name == "no pickle":
        return Lock()
    error = {
        "two": TwoArgumentsError("a", "b"),
        "worded": WordedError("x"),
        "kind": OfNoKind(1),
        "lock": ValueError("held"),
        "text": UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"),
        "file": FileNotFoundError(2, "there is none", "x"),
        "cancelled": CancelledError("c"),
        "cancelled there": asyncio.CancelledError("c"),
        "again": distributed.Reschedule("r"),
        "interrupt": KeyboardInterrupt(),
        "exit": SystemExit(3),
    }[name]
    if name in ("lock", "two", "kind"):
        error.lock = Lock()  # type: ignore[attr-defined]
    raise error


def warning(shared: None, item: int) -> int:
    warn(f"piece {item} lost something", about="losses")
    return item


def threads(shared: None, item: int) -> tuple[set[int], int]:
    from threadpoolctl import threadpool_info

    np.linalg.svd(np.eye(2))
    from lsm_deploy.core.threads import processors

    return {pool["num_threads"] for pool in threadpool_info()}, processors()


# --- what comes out --------------------------------------------------------------------------------------------------


@pytest.mark.once
def test_bits_do_not_depend_on_the_number_of_workers(tmp_path: Path, three: Executor) -> None:
    described = still(tmp_path)
    given = described, DATA, "folds=2", 2, "fast"

    def facts(executor: Executor | None) -> Any:
        across = evaluate_across(*given, executor=executor)
        answers = [[e.answers for e in each] for each in across.evaluations]
        return {**across.to_json(), "seconds": None}, answers

    here, answers = facts(None)
    with ld.workers(1) as one:
        assert_same(facts(one), (here, answers))
    assert_same(facts(three), (here, answers))


@pytest.mark.once
def test_what_splits_choose_does_not_depend_on_the_number_of_workers(tmp_path: Path, three: Executor) -> None:
    still(tmp_path)
    (tmp_path / "space.yaml").write_text("projections.0.gain: [0.3, 1.5]\nreadout.features.bins: [1, 3]\n")

    def told(executor: Executor | None) -> str:
        given = tmp_path / "spec.yaml", DATA, "leave-one-group-out", 2
        nested = ld.evaluate_nested(*given, space=tmp_path / "space.yaml", alone=True, executor=executor)
        found = nested.to_json()
        return json.dumps({**found, "seconds": None, "as_written": {**found["as_written"], "seconds": None}})

    here = told(None)
    assert told(three) == here


def assert_same(some: Any, others: Any) -> None:
    assert json.dumps(some[0]) == json.dumps(others[0]), "to the last digit"
    for liquid, same in zip(some[1], others[1], strict=True):
        for answers, wanted in zip(liquid, same, strict=True):
            assert answers.keys() == wanted.keys()
            for name, each in answers.items():
                assert each.predicted == wanted[name].predicted
                np.testing.assert_array_equal(each.scores, wanted[name].scores)


def test_what_pieces_share_is_sent_to_a_worker_once(three: Executor) -> None:
    shared = {"values": np.arange(1000.0), "list": list(range(1000))}
    done = dict(completed(scaled, shared, range(30), three))
    assert [done[i][1] for i in range(30)] == [499500.0 * i for i in range(30)]
    objects = {(process, where) for process, _, where in done.values()}
    assert len(objects) == len({process for process, _ in objects}) > 1
    assert os.getpid() not in {process for process, _ in objects}


def test_a_function_may_be_given_nothing(three: Executor) -> None:
    assert three.submit(os.getpid).result() not in (0, os.getpid())


def test_a_worker_has_one_thread(three: Executor) -> None:
    assert {done for _, (blas, done) in completed(threads, None, range(6), three)} == {1}
    assert all(blas == {1} for _, (blas, _) in completed(threads, None, range(6), three))


def test_errors_come_back_as_they_are(three: Executor) -> None:
    with pytest.raises(LsmErrors) as caught:
        list(completed(failing, None, range(5), three))
    first, second = caught.value.each()
    assert (first.what, first.where, first.hint) == ("it is wrong", "here", "mend it")
    assert isinstance(second, MisuseError)
    with pytest.raises(ZeroDivisionError, match="a bug of ours"):
        list(completed(broken, None, [1], three))


@pytest.mark.parametrize(
    "name", ["endless", "two", "worded", "kind", "lock", "text", "file", "cancelled", "cancelled there", "again"]
)
def test_whatever_is_raised_comes_back_as_it_is_raised_here(three: Executor, name: str) -> None:
    raised = []
    for executor in (None, three):
        with pytest.raises(BaseException) as caught:  # noqa: PT011 - each
            list(completed(raising, None, [name], executor))
        raised.append((caught.type, str(caught.value), getattr(caught.value, "reason", "")))
        there = caught.value.__cause__
    assert "in raising" in str(there), "where it was raised is in its traceback"
    if name.startswith("cancelled"):  # which would cancel who waits for it
        assert raised[1][0] is RuntimeError
        assert re.fullmatch(r"a piece of work raised .*CancelledError: c", raised[1][1])
    else:
        assert raised[0] == raised[1]


@pytest.mark.parametrize(
    ("name", "what"), [("interrupt", "KeyboardInterrupt"), ("exit", "SystemExit: 3"), ("no pickle", "")]
)
def test_what_would_end_a_worker_or_cannot_be_sent_is_an_error(three: Executor, name: str, what: str) -> None:
    with pytest.raises(RuntimeError if what else TypeError) as caught:
        list(completed(raising, None, [name], three))
    assert str(caught.value) == (f"a piece of work raised {what}" if what else "cannot pickle '_thread.lock' object")
    assert dict(completed(scaled, {"values": np.ones(1)}, [1], three))[0][1] == 1.0, "and the workers go on"


def test_warnings_are_told_here(three: Executor) -> None:
    with pytest.warns(LsmWarning) as caught:
        assert dict(completed(warning, None, range(3), three)) == {0: 0, 1: 1, 2: 2}
    assert sorted(str(each.message) for each in caught) == [f"piece {i} lost something" for i in range(3)]
    assert {each.message.about for each in caught} == {"losses"}  # type: ignore[union-attr]


def test_workers_with_other_packages_are_told_of_and_with_another_source_refused(
    three: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = piece.versions()
    monkeypatch.setattr(piece, "versions", lambda: {**versions, "numpy": "0.1"})
    with pytest.warns(LsmWarning, match=rf"a worker has numpy {versions['numpy']} for 0.1: figures in floats may"):
        assert dict(completed(failing, None, [0], three)) == {0: 0}
    monkeypatch.setattr(piece, "source", lambda: "another")
    what, _, hint = error(lambda: list(completed(failing, None, [0], three)))
    assert what == "a worker has another lsm-deploy than this: its results could differ"
    assert hint == "give all workers the same environment as here"


def test_nobody_but_this_machine_can_reach_them(three: Executor) -> None:
    ours = {os.getpid(), *(process for _, (process, *_) in completed(scaled, {"values": np.ones(1)}, range(9), three))}
    sockets = set()
    for process in ours:
        for handle in Path(f"/proc/{process}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed since
                sockets.add(os.readlink(handle).removeprefix("socket:[").removesuffix("]"))
    listening = [
        line.split()[1].split(":")[0]
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        if line.split()[3] == "0A" and line.split()[9] in sockets
    ]
    assert set(listening) == {"0100007F"}


# --- what is waited for ----------------------------------------------------------------------------------------------


def slow(shared: None, item: int) -> int:
    time.sleep(0.5)
    return item


def test_what_is_waited_for_is_said(three: Executor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "SILENCE", 0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert dict(completed(slow, None, [1], three)) == {0: 1}, "nothing is said of work that takes its time"
    monkeypatch.setattr(three, "waiting_for", lambda: "no worker is connected")
    with pytest.warns(LsmWarning) as caught:
        list(completed(slow, None, [1], three))
    assert [str(each.message) for each in caught] == [
        "waiting for workers: 0 of 1 pieces are done; no worker is connected"
    ]


# --- what is asked wrongly -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "what"),
    [
        ((2, "tcp://127.0.0.1:1"), "workers here and a cluster are asked for"),
        ((-1,), "-1 workers are asked for"),
        ((1_000_000,), "1000000 workers are asked for"),
        ((float("nan"),), "the number of workers is of type float, not int"),
        *(
            ((0, text), f"{text!r} is no address and no file")
            for text in ("nobody", "", "nothing://127.0.0.1:1", "tcp://127.0.0.1", "tcp://127.0.0.1:http")
        ),
    ],
)
def test_workers_are_asked_for_one_way(asked: Any, what: str) -> None:
    with pytest.raises(MisuseError) as caught, ld.workers(*asked):
        pass
    assert caught.value.what == what


def test_the_file_of_a_scheduler_that_begins_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a batch script it is started a line above."""
    file = tmp_path / "scheduler.json"
    begins = Timer(0.3, file.write_text, ['{"address": "tcp://127.0.0.1:1"}'])
    begins.start()
    with pytest.warns(LsmWarning, match=r"waiting for .*scheduler\.json"):
        assert cluster._address(file) == "tcp://127.0.0.1:1"
    begins.join()
    file.unlink()
    monkeypatch.setattr(cluster, "FIRST", 0.1)
    with pytest.warns(LsmWarning), pytest.raises(MisuseError, match="no address and no file"):
        cluster._address(file)


def test_without_workers_there_is_no_executor() -> None:
    with ld.workers() as executor:
        assert executor is None


def test_a_scheduler_that_does_not_answer_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "FIRST", 0.1)
    file = tmp_path / "scheduler.json"
    file.write_text('{"address": "tcp://127.0.0.1:1"}')
    with pytest.raises(LsmError, match="no scheduler answers") as caught, ld.workers(cluster=file):
        pass
    assert caught.value.where == "tcp://127.0.0.1:1"
    for text in ("[]", "{}", "{", '{"address": 3}', '{"address": "inproc://x:1"}', "\xff"):
        file.write_text(text)
        with pytest.raises(LsmError, match="this is no file of a scheduler"), ld.workers(cluster=file):
            pass


def test_what_else_listens_at_a_port_is_no_scheduler() -> None:
    def answer() -> None:
        connection, _ = server.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 9)
            connection.recv(1)

    with socket.create_server(("127.0.0.1", 0)) as server:
        Thread(target=answer, daemon=True).start()
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(LsmError, match="what answers is no scheduler") as caught, ld.workers(cluster=address):
            pass
    assert caught.value.hint == "check the address, and its port"


def test_where_dask_is_missing_the_command_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "find_spec", lambda name: None)
    with pytest.raises(LsmError) as caught, ld.workers(2):
        pass
    assert caught.value.hint == "pip install 'lsm-deploy[cluster]'"


def test_workers_go_with_what_is_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    still(tmp_path)
    for command, words in (("eval", "go with --data"), ("quantise-report", "go with --fit-bits")):
        for option in (("--workers", 2), ("--cluster", "tcp://127.0.0.1:1")):
            assert words in call(command, "spec.yaml", *option, status=2).output


@pytest.mark.once
def test_a_diagnosis_and_a_search_for_bits_are_the_same_on_workers(tmp_path: Path, three: Executor) -> None:
    described = still(tmp_path)
    given = {"samples": 4, "train": DATA, "knows": True, "after_ms": (0.0, 20.0)}
    here, there = (ld.diagnose(described, executor=executor, **given) for executor in (None, three))
    assert json.dumps(here.to_json()) == json.dumps(there.to_json())
    both = ld.measure_quantisation(described, ld.stimulus_for(ld.compile_any(described), samples=2)[0])
    bound = ld.Bound("distance", 0.5)
    assert ld.fit_weight_bits(both, bound) == ld.fit_weight_bits(both, bound, executor=three)
