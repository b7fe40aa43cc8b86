"""Processes that do pieces of work: here, or wherever a Dask scheduler has workers.

Nothing of Dask is imported elsewhere. A piece is sent as bytes, and comes back with what it warned of; it is asked for
again where nobody can answer any more: a worker that died (Dask does that), or a scheduler, or the way to it (which is
done here). So each piece ends once, with its result or its error, whatever was lost on the way. What pieces share goes
to a worker once, and is known by its content.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import re
import signal
import sys
import time
import warnings
from collections.abc import Callable, Collection, Coroutine, Iterator
from concurrent.futures import CancelledError, Executor, Future
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from multiprocessing import resource_tracker
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar
from uuid import uuid4

from lsm_deploy.core.errors import AbsentError, LsmError, MisuseError, require_type
from lsm_deploy.core.notes import warn
from lsm_deploy.run import piece
from lsm_deploy.run.piece import Shared
from lsm_deploy.store.files import read_bytes

__all__ = ["Shared", "Workers", "workers"]

_T = TypeVar("_T")

MOST = 1000
"""Processes of one machine, each of which takes some 100 MB."""
PATIENCE = 600.0
"""Seconds that a scheduler may not answer, once it has, before a run gives up."""
FIRST = 15.0
"""Seconds that it may take to write its file, and to answer for the first time."""
ADDRESS = re.compile(r"((tcp|tls)://)?[^/\s]+:\d{1,5}")
QUIET = 30.0
"""Seconds without a sign of life after which a worker is said not to answer; of a thousand each gives one in 10 s."""


@contextmanager
def workers(number: int = 0, cluster: str | Path | None = None, *, patience: float = PATIENCE) -> Iterator[Any]:
    """An executor on so many processes of this machine, or on a Dask cluster; None, to work here, if neither is given.

    number: of processes, each of one thread; nobody but this machine can reach them. cluster: the address of a
    scheduler (`tcp://host:8786`), or the file that it wrote. patience: seconds to wait for a scheduler that does not
    answer any more. Leaving it ends the processes, but not a cluster.
    """
    require_type(number, int, "number of workers", "give a whole number")
    if number > MOST:
        raise MisuseError(f"{number} workers are asked for", where="workers", hint=f"ask for {MOST} at most")
    if number < 0 or (number and cluster is not None):
        what = f"{number} workers are asked for" if number < 0 else "workers here and a cluster are asked for"
        raise MisuseError(what, where="workers", hint="give a number of workers, or a cluster")
    if not number and cluster is None:
        yield None
        return
    if find_spec("distributed") is None:
        what, hint = "workers need distributed, which is not installed", "pip install 'lsm-deploy[cluster]'"
        raise AbsentError(what, where="workers", hint=hint)
    executor = Workers(number, None if cluster is None else _address(cluster), patience)
    try:
        yield executor
    finally:
        executor.shutdown(cancel_futures=True)


def _address(cluster: str | Path) -> str:
    """The address itself, or what stands in a scheduler's file."""
    if str(cluster).endswith(".json") and not os.path.exists(cluster):
        _await_file(Path(cluster))
    if not os.path.isfile(cluster):
        if not isinstance(cluster, str) or not ADDRESS.fullmatch(cluster):
            hint = "give the address of a scheduler, such as tcp://host:8786, or the file that it wrote"
            raise MisuseError(f"{str(cluster)!r} is no address and no file", where="cluster", hint=hint)
        return cluster
    try:
        address = json.loads(read_bytes(Path(cluster)))["address"]
    except (ValueError, LookupError, TypeError):
        address = None
    if not isinstance(address, str) or not ADDRESS.fullmatch(address):
        hint = "give what `dask scheduler --no-dashboard --scheduler-file FILE` writes"
        raise LsmError("this is no file of a scheduler", where=str(cluster), hint=hint)
    return address


def _await_file(file: Path) -> None:
    """A scheduler that was started a moment ago writes its file some seconds later."""
    warn(f"waiting for {file}, which a scheduler that begins will write", level=4)
    until = time.monotonic() + FIRST
    while not file.exists() and time.monotonic() < until:
        time.sleep(0.1)


class Workers(Executor):
    """Pieces of work, each done by one of many processes. One thread of this process asks for all of them.

    number: of processes that were started here, or 0.
    """

    def __init__(self, number: int, address: str | None, patience: float) -> None:
        """Start so many processes, or reach the scheduler at an address."""
        self.number, self._address, self._patience = number, address or "", patience
        self._held: dict[str, Any] = {}
        self._asked = 0
        self._signs: dict[str, tuple[float, float]] = {}
        self._pieces: set[asyncio.Task[Any]] = set()
        self._gone: LsmError | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._serve, name="workers", daemon=True)
        self._thread.start()
        self._cluster: Any = None
        self._client: Any = None
        self._reaching = asyncio.Lock()
        try:
            self._wait(self._open(number))
        except BaseException:
            self.shutdown()
            raise

    def submit(self, work: Callable[..., _T], /, *given: Any, **named: Any) -> Future[_T]:
        """Ask for `work(*given)`: a function of a module, and values that can be sent; by the last a piece is named."""
        assert not named, "pieces of work are given values in order"
        import cloudpickle

        shared = next((each for each in given if isinstance(each, Shared)), None)
        asked: bytes = cloudpickle.dumps((work, given))
        self._asked += 1
        name = f"piece {given[-1]!s:.100}" if given else "piece"
        return asyncio.run_coroutine_threadsafe(self._piece(asked, shared, -self._asked, name), self._loop)

    def share(self, value: Any) -> Shared:
        """The value, to be given to many pieces, and to be sent to each worker once."""
        import cloudpickle

        packed = cloudpickle.dumps(value)
        return Shared(hashlib.blake2b(packed, digest_size=16).hexdigest(), packed)

    def waiting_for(self) -> str:
        """What keeps pieces from being done, in words; "" where nothing does."""
        return self._wait(self._hindrance())

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End what was started; a cluster that was there before stays."""
        if self._loop.is_closed():
            return
        self._wait(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _wait(self, asked: Coroutine[Any, Any, _T]) -> _T:
        future = asyncio.run_coroutine_threadsafe(asked, self._loop)
        try:
            return future.result()
        finally:
            future.cancel()  # as Ctrl-C would leave it

    # In the thread that asks.

    def _serve(self) -> None:
        """Ctrl-C is for who started the workers, and ends them then: they inherit that this thread does not take it."""
        if sys.platform != "win32":
            resource_tracker.ensure_running()  # which would take it again
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        self._loop.run_forever()

    async def _open(self, number: int) -> None:
        from distributed import Client, LocalCluster

        logging.getLogger("distributed").setLevel(logging.CRITICAL + 1)  # what matters is said by us
        if self._address:
            self._client = await self._reached(FIRST)
            return
        self._cluster = LocalCluster(
            n_workers=number,
            threads_per_worker=1,
            host="127.0.0.1",
            scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
            memory_limit=0,
            silence_logs=logging.CRITICAL + 1,
            asynchronous=True,
        )
        await self._cluster
        self._address = self._cluster.scheduler_address
        self._client = await Client(self._cluster, asynchronous=True, set_as_default=False)

    async def _reached(self, patience: float) -> Any:
        """A client of the scheduler, once that answers; LsmError: it does not."""
        from distributed import Client

        until = time.monotonic() + patience
        while True:
            timeout = max(0.1, min(until - time.monotonic(), FIRST))
            client = Client(self._address, asynchronous=True, timeout=timeout, set_as_default=False)
            try:
                return await asyncio.wait_for(_started(client), timeout)
            except BaseException as error:
                await _closed(client)
                if not isinstance(error, Exception):
                    raise
                if not isinstance(error, OSError | asyncio.TimeoutError):  # Dask reads what it is sent for its own
                    what, hint = f"what answers is no scheduler: {error}", "check the address, and its port"
                    raise LsmError(what, where=self._address, hint=hint) from None
                if time.monotonic() + 0.5 > until:
                    what, hint = (
                        "no scheduler answers",
                        "start it with `dask scheduler --no-dashboard`, or check the address",
                    )
                    raise LsmError(what, where=self._address, hint=hint) from None
            await asyncio.sleep(0.5)

    async def _answering(self) -> Any:
        """The client, connected; the first to miss it reaches for the scheduler again."""
        async with self._reaching:
            if self._client.status == "running":
                return self._client
            self._held.clear()
            await _closed(self._client)
            if self._gone is None:
                try:
                    self._client = await self._reached(self._patience)
                except LsmError as error:
                    self._gone = error
            if self._gone is not None:  # for all pieces, once one has waited for it
                raise self._gone
            return self._client

    async def _piece(self, asked: bytes, shared: Shared | None, priority: int, name: str) -> Any:
        from distributed.scheduler import KilledWorker

        task = asyncio.current_task()
        assert task is not None
        self._pieces.add(task)
        task.add_done_callback(self._pieces.discard)
        while True:
            client = await self._answering()
            try:
                held = self._data(client, shared)
                done = await client.submit(
                    piece.do, asked, piece.source(), piece.versions(), held, priority=priority, key=f"piece-{uuid4()}"
                )
            except CancelledError:  # by nobody here: the scheduler is not what it was, and does not know it any more
                await asyncio.sleep(0.2)
                continue
            except KilledWorker as error:
                what = f"{error.allowed_failures + 1} workers died, one after another, over the same piece of work"
                hint = "look for their reason: mostly memory, and fewer workers a machine have more of it"
                raise LsmError(what, where=name, hint=hint) from None
            except ModuleNotFoundError as error:
                if error.name != "lsm_deploy":
                    raise
                raise LsmError("a worker has no lsm-deploy", where=self._address, hint=piece.ENVIRONMENT) from None
            for note in done.warnings:
                warn(note)
            return done.result()

    def _data(self, client: Any, shared: Shared | None) -> Any:
        """What a worker takes for the shared value: a task of its own, by content, so that it is made again where the
        worker that had it is lost."""
        if shared is None:
            return b""
        held = self._held.pop(shared.name, None)
        if held is None or held.status in ("cancelled", "lost", "error"):
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Sending large graph", UserWarning)
                held = client.submit(bytes, shared.packed, key=f"shared-{shared.name}")
        self._held[shared.name] = held
        while len(self._held) > piece.HELD:
            del self._held[next(iter(self._held))]
        return held

    async def _hindrance(self) -> str:
        client = self._client
        if client.status != "running":
            return f"the scheduler at {self._address} does not answer"
        try:
            there = (await asyncio.wait_for(client.scheduler.identity(), FIRST))["workers"]
        except (OSError, asyncio.TimeoutError):
            return f"the scheduler at {self._address} does not answer"
        except RuntimeError:  # Dask's, if its client gave up, or begins anew, while it was asked
            if client is self._client and client.status == "running":
                raise
            return f"the scheduler at {self._address} does not answer"
        now = time.monotonic()
        signs = {worker: about["last_seen"] for worker, about in there.items()}  # by a clock of its own
        self._signs = {
            worker: last if (last := self._signs.get(worker, (0.0, 0.0)))[0] == sign else (sign, now)
            for worker, sign in signs.items()
        }
        silent = sum(now - since > QUIET for _, since in self._signs.values())
        if silent:
            return f"{silent} of {len(there)} workers do not answer: they hang, or cannot pause"
        return "" if there else "no worker is connected"

    async def _close(self) -> None:
        await _ended(self._pieces)
        for each in (self._client, self._cluster):
            if each is not None:
                await _closed(each)
        await _ended(asyncio.all_tasks() - {asyncio.current_task()})


async def _ended(tasks: Collection[asyncio.Task[Any]]) -> None:
    for task in tuple(tasks):
        task.cancel()
    await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), FIRST)


async def _started(client: Any) -> Any:
    return await client


async def _closed(what: Any) -> None:
    """Dask's own way to end a client or a cluster, as far as it comes in time."""
    with suppress(OSError, asyncio.TimeoutError):
        await asyncio.wait_for(what.close(), FIRST)
