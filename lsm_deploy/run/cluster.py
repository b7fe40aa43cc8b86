"""Processes that do pieces of work: here, or wherever a Dask scheduler has workers.

Nothing of Dask is imported elsewhere. A piece is sent as bytes, and comes back with what it warned of; it is asked for
again where nobody can answer any more: a worker that died (Dask does that), or a scheduler, or the way to it (which is
done here). So each piece ends once, with its result or its error, whatever was lost on the way. What pieces share goes
to a worker once, and is known by its content.

Every worker is held to this package's own source, and warns where other packages differ from ours.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import pickle
import platform
import re
import time
import warnings
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import CancelledError, Executor, Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar
from uuid import uuid4

from lsm_deploy.core import threads
from lsm_deploy.core.errors import AbsentError, LsmError, LsmWarning, MisuseError
from lsm_deploy.run.backends import BACKENDS
from lsm_deploy.store.files import read_bytes

__all__ = ["Shared", "Workers", "workers"]

_T = TypeVar("_T")

PATIENCE = 600.0
"""Seconds that a scheduler may not answer, once it has, before a run gives up."""
FIRST = 15.0
"""Seconds that it may take to answer for the first time."""
HELD = 2
"""Values that workers hold for pieces to come, the last ones; each may be large."""
ADDRESS = re.compile(r"((tcp|tls)://)?[^/\s]+:\d{1,5}")
PACKAGES = ("numpy", "scipy", "scikit-learn", "numba")
"""What figures in floats depend on; integers do not."""
_HINT = "give all workers the same environment as here"


@contextmanager
def workers(number: int = 0, cluster: str | Path | None = None, *, patience: float = PATIENCE) -> Iterator[Any]:
    """An executor on so many processes of this machine, or on a Dask cluster; None, to work here, if neither is given.

    number: of processes, each of one thread; nobody but this machine can reach them. cluster: the address of a
    scheduler (`tcp://host:8786`), or the file that it wrote. patience: seconds to wait for a scheduler that does not
    answer any more. Leaving it ends the processes, but not a cluster.
    """
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
        hint = "give what `dask scheduler --scheduler-file FILE` writes"
        raise LsmError("this is no file of a scheduler", where=str(cluster), hint=hint)
    return address


# --- what a worker does ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Done:
    result: Any
    warnings: tuple[LsmWarning, ...]


def _do(asked: bytes, source: str, versions: Mapping[str, str], shared: _Held | None) -> _Done:
    """A piece, on a worker: its result, and what it warns of. source, versions: of who asks."""
    _one_thread()
    if source != _source():
        what = "a worker has another lsm-deploy than this: its results could differ"
        raise LsmError(what, where=platform.node(), hint=_HINT)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", LsmWarning)
        work, given = pickle.loads(asked)
        result = work(*(shared.value if shared and isinstance(each, Shared) else each for each in given))
    here = _versions()
    other = [f"{name} {here[name]} for {versions[name]}" for name in versions if here[name] != versions[name]]
    notes = [each.message for each in caught if isinstance(each.message, LsmWarning)]
    if other:
        what = f"a worker has {', '.join(other)}: figures in floats may differ in their last digits"
        notes.insert(0, LsmWarning(what, about="versions of workers"))
    return _Done(result, tuple(notes))


@dataclass(frozen=True)
class _Held:
    """A shared value on a worker: Dask, which would send a list from one to the next item by item, sees no list."""

    value: Any


def _unpacked(shared: bytes) -> _Held:
    return _Held(pickle.loads(shared))


@cache
def _one_thread() -> None:
    """What would take all processors takes one: there are as many workers."""
    for name in (threads.VARIABLE, "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"


@cache
def _source() -> str:
    """A digest of the source of this package and of its backends, as they are installed."""
    digest = hashlib.blake2b(digest_size=16)
    for package in sorted({module.partition(".")[0] for module in ("lsm_deploy", *BACKENDS.values())}):
        spec = find_spec(package)
        folder = Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else Path()
        for file in sorted(folder.rglob("*.py")):
            digest.update(f"{package}/{file.relative_to(folder).as_posix()}".encode() + file.read_bytes())
    return digest.hexdigest()


@cache
def _versions() -> dict[str, str]:
    return {"Python": platform.python_version(), **{name: metadata.version(name) for name in PACKAGES}}


# --- who asks for it -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shared:
    """A value that many pieces have among what they are given, by its content; packed: without it, on its way."""

    name: str
    packed: bytes

    def __reduce__(self) -> tuple[Any, ...]:
        return Shared, (self.name, b"")


class Workers(Executor):
    """Pieces of work, each done by one of many processes. One thread of this process asks for all of them.

    number: of processes that were started here, or 0.
    """

    def __init__(self, number: int, address: str | None, patience: float) -> None:
        """Start so many processes, or reach the scheduler at an address."""
        self.number, self._address, self._patience = number, address, patience
        self._held: dict[str, Any] = {}
        self._asked = 0
        self._pieces: set[Future[Any]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="workers", daemon=True)
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
        """Ask for `work(*given)`: a function of a module, and values that can be sent."""
        assert not named, "pieces of work are given values in order"
        import cloudpickle

        shared = next((each for each in given if isinstance(each, Shared)), None)
        asked: bytes = cloudpickle.dumps((work, given))
        self._asked += 1
        future = asyncio.run_coroutine_threadsafe(self._piece(asked, shared, -self._asked), self._loop)
        self._pieces.add(future)
        future.add_done_callback(self._pieces.discard)
        return future

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
        for piece in tuple(self._pieces):
            piece.cancel()
        self._wait(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _wait(self, asked: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(asked, self._loop).result()

    # In the thread that asks.

    async def _open(self, number: int) -> None:
        from distributed import Client, LocalCluster

        logging.getLogger("distributed").setLevel(logging.CRITICAL + 1)  # what matters is said by us
        if self._address is not None:
            self._client = await self._reached(FIRST)
            return
        self._cluster = await LocalCluster(
            n_workers=number,
            threads_per_worker=1,
            host="127.0.0.1",
            scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
            memory_limit=0,
            silence_logs=logging.CRITICAL + 1,
            asynchronous=True,
        )
        self._client = await Client(self._cluster, asynchronous=True, set_as_default=False)

    async def _reached(self, patience: float) -> Any:
        """A client of the scheduler, once that answers; LsmError: it does not."""
        from distributed import Client

        begun = time.monotonic()
        while True:
            left = begun + patience - time.monotonic()
            timeout = max(0.1, min(left, FIRST))
            client = Client(self._address, asynchronous=True, timeout=timeout, set_as_default=False)
            try:
                return await client
            except OSError as error:
                await client.close()
                if left < timeout:
                    what = f"no scheduler answers: {str(error).splitlines()[0]}"
                    hint = "start it with `dask scheduler`, or check the address"
                    raise LsmError(what, where=str(self._address), hint=hint) from None
            await asyncio.sleep(0.5)

    async def _answering(self) -> Any:
        """The client, connected; the first to miss it reaches for the scheduler again."""
        async with self._reaching:
            if self._client.status == "running":
                return self._client
            self._held.clear()
            begun = time.monotonic()
            while self._client.status == "connecting":
                await asyncio.sleep(0.2)
            if self._client.status != "running":
                self._client = await self._reached(begun + self._patience - time.monotonic())
            return self._client

    async def _piece(self, asked: bytes, shared: Shared | None, priority: int) -> Any:
        from distributed.scheduler import KilledWorker

        while True:
            client = await self._answering()
            try:
                held = self._data(client, shared)
                done = await client.submit(
                    _do, asked, _source(), _versions(), held, priority=priority, key=f"piece-{uuid4()}"
                )
            except CancelledError:  # by nobody here: the scheduler is not what it was, and does not know it any more
                await asyncio.sleep(0.2)
                continue
            except KilledWorker as error:
                what = f"{error.allowed_failures + 1} workers died, one after another, over the same piece of work"
                hint = "look for their reason: mostly memory, and fewer workers a machine have more of it"
                raise LsmError(what, where=str(error.last_worker.address), hint=hint) from None
            except ModuleNotFoundError as error:
                if error.name != "lsm_deploy":
                    raise
                raise LsmError("a worker has no lsm-deploy", where=str(self._address), hint=_HINT) from None
            for note in done.warnings:
                warnings.warn(note, stacklevel=1)
            return done.result

    def _data(self, client: Any, shared: Shared | None) -> Any:
        """What a worker takes for the shared value: a task of its own, by content, so that it is made again where the
        worker that had it is lost."""
        if shared is None:
            return None
        held = self._held.pop(shared.name, None)
        if held is None or held.status in ("cancelled", "lost", "error"):
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Sending large graph", UserWarning)
                held = client.submit(_unpacked, shared.packed, key=f"shared-{shared.name}")
        self._held[shared.name] = held
        while len(self._held) > HELD:
            del self._held[next(iter(self._held))]
        return held

    async def _hindrance(self) -> str:
        client = self._client
        if client.status != "running":
            return f"the scheduler at {self._address} does not answer"
        try:
            there = await asyncio.wait_for(client.scheduler.ncores(), FIRST)
        except (OSError, asyncio.TimeoutError):
            return f"the scheduler at {self._address} does not answer"
        return "" if there else "no worker is connected"

    async def _close(self) -> None:
        for each in (self._client, self._cluster):
            if each is not None:
                with suppress(OSError, asyncio.TimeoutError):
                    await each.close()
