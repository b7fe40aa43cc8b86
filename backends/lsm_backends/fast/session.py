"""A program in motion: it takes input step by step, says who spiked, and can be saved and set back.

A step allocates nothing: its spikes stand in a buffer of the session's that the next step overwrites. A network large
enough is advanced by several threads, each of which owns a block of neurons.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_backends.fast import kernels
from lsm_backends.fast.frame import Frame
from lsm_backends.fast.layout import Layout, lay_out
from lsm_backends.fast.rows import aligned
from lsm_deploy.core.errors import LsmError, raise_all
from lsm_deploy.core.fixed import UV_LIMIT
from lsm_deploy.core.ir import COUNTS, Program, QNetwork, State
from lsm_deploy.core.masked import MaskedArray, unmasked
from lsm_deploy.core.messages import BINARY
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.core.threads import processors
from lsm_deploy.core.turn import Turn

__all__ = ["LARGE", "Session", "blocks_for"]

LARGE = 1 << 14
"""Neurons from which on blocks pay: a step then takes far longer than waiting for one another does."""
SYNAPSE_BYTES = 7
"""Target, weight and delay."""


class Session:
    """One run of a program, from rest, that is advanced as its input comes in.

    registers: those that `run` records. threads: at most so many for a network of at least `LARGE` neurons; by default
    one a core. The `interval` policy clears registers by the session's own clock `t`.
    """

    def __init__(self, program: Program, record: Sequence[str] = (), *, threads: int | None = None) -> None:
        network = program.network
        self._begin(lay_out(network, blocks_for(network, threads or processors())), tuple(record))

    @classmethod
    def on(cls, layout: Layout, record: Sequence[str]) -> Session:
        """A session on a layout that others use too."""
        session = cls.__new__(cls)
        session._begin(layout, tuple(record))
        return session

    def _begin(self, layout: Layout, record: tuple[str, ...]) -> None:
        self._layout, self._record = layout, record
        network, size, sources, blocks = layout.network, layout.size, layout.sources, layout.blocks
        self._state = aligned(layout.initial.shape, np.int32)
        self._state[:] = layout.initial
        self._ring = aligned((blocks, layout.horizon, size), layout.ring_type)
        self._recorded = np.array(
            [[state.index(name) if name in state else -1 for state in layout.states] for name in record], np.int64
        ).reshape(len(record), len(layout.states))
        self._events = np.zeros((blocks, 8), np.int64)  # a cache line each
        self._work: dict[str, NDArray[Any]] = {
            "ring": self._ring,
            "recorded": self._recorded,
            "fires": aligned((size,), np.int8),
            "begin_of": np.zeros((blocks, layout.horizon), np.uint32),
            "active": np.zeros(sources, np.int32),
            "active_signs": np.zeros(sources, np.int8),
            "active_counts": np.zeros(len(layout.pieces), np.int64),
            "gathered": np.zeros((blocks, sources + 1), np.int64),
            "sums": aligned((blocks, size), np.uint16),
            "events": self._events,
            "arrived": np.zeros(1, np.int64),
            "clock": np.zeros(1, np.int64),
        }
        rows = layout.rows
        values = {
            "neurons": network.neurons,
            "channels": network.channels,
            "size": size,
            "sources": sources,
            "horizon": layout.horizon,
            "interval": network.sample_interval,
            "ternary": int(any(KINDS[p.kind].MESSAGE.signed for p in network.populations)),
            "ahead": layout.ahead,
            "blocks": blocks,
            "registers": len(layout.initial),
            "piece_count": len(layout.pieces),
            "class_count": len(rows.row_of),
            "row_count": len(rows.weights),
            "projection_count": len(layout.projections),
            "recordable": len(record),
        }
        arrays: dict[str, NDArray[Any]] = {
            "pieces": layout.pieces,
            "constants": layout.constants,
            "initial": layout.initial,
            "state": self._state,
            "rows": rows.weights,
            "row_of": rows.row_of,
            "signs": rows.signs,
            "delays": rows.delays,
            "class_shifts": rows.class_shifts,
            "shifts": rows.shifts,
            "projections": layout.projections,
            **self._work,
        }
        places = {name: array.ctypes.data for name, array in arrays.items()}
        self._plan = np.array([(values | places)[name] for name in kernels.PLAN], np.int64)
        self._kernel = kernels.advance(layout.ring_type)
        self._input = np.zeros(network.channels, np.int8)
        self._input_bits = self._input.view(np.bool_)
        self._entering: Any = memoryview(self._input)  # type: ignore[arg-type]
        spikes = np.zeros(network.neurons, np.int8)
        self._buffers = (self._input.ctypes.data, spikes.ctypes.data)
        self._calls = np.zeros((blocks, len(kernels.CALL)), np.int64)
        self._calls[:, :2] = [(self._plan.ctypes.data, block) for block in range(blocks)]
        self._of_blocks = [call.ctypes.data for call in self._calls]
        self._one_step = np.array([self._plan.ctypes.data, 0, 1, *self._buffers, 0, 0], np.int64)
        self._of_step = self._one_step.ctypes.data
        self._alone = blocks == 1
        self._pool: ThreadPoolExecutor | None = None
        self._process = 0
        self._turn = Turn()
        self._broken = False
        self.spikes: NDArray[np.int8] = spikes.view()
        self.spikes.setflags(write=False)

    def __reduce__(self) -> Any:
        """Copied, or sent to another process, it goes on in memory of its own: the plan holds addresses."""
        return _resumed, (self._layout.network, self._layout.blocks, self._record, self.save())

    def step(self, spikes: NDArray[np.generic]) -> NDArray[np.int8]:
        """Take the input spikes `[channel]` of a step (anything but 0 is one), return those of the neurons `[neuron]`.

        What is returned is a view of a buffer: copy it to keep it beyond the next step. ValueError: another length.
        """
        if isinstance(spikes, MaskedArray):
            unmasked(spikes)
        if not self._turn.take(False):
            self._turn.refuse()
        try:
            try:
                self._entering[:] = spikes  # if they are int8, and of this length
            except (TypeError, ValueError):
                self._enter(spikes)
            if self._alone:
                self._kernel(self._of_step)
            else:
                self._advance(1, *self._buffers)
        finally:
            self._turn.leave()
        return self.spikes

    def _enter(self, spikes: NDArray[np.generic]) -> None:
        if len(spikes) != len(self._input):
            raise ValueError(f"{len(spikes)} input spikes for {len(self._input)} channels")
        np.not_equal(spikes, 0, out=self._input_bits)

    def feed(self, rows: Iterable[NDArray[np.generic]]) -> Iterator[NDArray[np.int8]]:
        """`step` for each row of any iterator, which may be endless: only one row at a time is held."""
        for row in rows:
            yield self.step(row)

    def run(
        self,
        stimulus: NDArray[np.int8],
        spikes: NDArray[np.int8] | None = None,
    ) -> tuple[NDArray[np.int8], NDArray[np.int32]]:
        """Advance by all steps of `stimulus` `[t, channel]` (anything but 0 is a spike), with no call in between.

        Returns spikes `[t, neuron]` and the recorded registers `[t, register, neuron]`; the former in the
        array given, if any.
        """
        network, steps = self._layout.network, len(unmasked(stimulus))
        if stimulus.shape != (steps, network.channels):
            raise ValueError(f"a stimulus of shape {stimulus.shape} for {network.channels} channels")
        stimulus = np.not_equal(stimulus, 0, order="C").view(np.int8)  # of text, `!=` would make a single value
        # Every one is written: empty memory, unlike zeros, comes in large pages.
        spikes = np.empty((steps, network.neurons), np.int8) if spikes is None else spikes
        fits = spikes.shape == (steps, network.neurons) and spikes.dtype == np.int8
        if not fits or not spikes.flags.c_contiguous or not spikes.flags.writeable:
            raise ValueError(f"spikes of shape {spikes.shape} and type {spikes.dtype} cannot be written to as they are")
        registers = np.zeros((steps, len(self._record), network.neurons), np.int32)
        with self._turn:
            self._advance(steps, stimulus.ctypes.data, spikes.ctypes.data, bool(self._record), registers.ctypes.data)
        return spikes, registers

    def frame(self, steps: int, ahead: int = 0) -> Frame:
        """Room for the steps of a frame, which take this session on and allocate nothing."""
        network = self._layout.network
        moving = (self._state, self._ring, self._work["clock"], self._events)
        entering, sent = (np.zeros((steps, many), np.int8) for many in (network.channels, network.neurons))
        after = np.zeros((ahead, network.neurons), np.int8)
        return Frame(self._turn, self._advance, moving, BINARY, entering, sent, after)

    def _advance(self, steps: int, stimulus: int, spikes: int, recording: int = 0, registers: int = 0) -> None:
        """Advance all blocks; addresses, as in `kernels.CALL`."""
        self._calls[:, 2:] = steps, stimulus, spikes, int(recording), registers
        if self._alone:
            self._kernel(self._of_blocks[0])
            return
        if self._pool is None or self._process != os.getpid():  # a process that was forked has none of the threads
            self._pool, self._process = ThreadPoolExecutor(self._layout.blocks), os.getpid()
        if self._broken:
            raise RuntimeError("a thread of this session could not be started: begin another one")
        running: list[Future[None]] = []
        try:
            for call in self._of_blocks:
                running.append(self._pool.submit(self._kernel, call))
        finally:
            if len(running) < len(self._of_blocks):
                self._broken = True
                self._work["arrived"][0] = 1 << 62  # those that run wait for others that never will
            _wait_for(running)

    @property
    def t(self) -> int:
        """Steps since the sample began. The kernel counts them: whatever interrupts a run, this is where it stands."""
        return int(self._work["clock"][0])

    def register(self, name: str) -> NDArray[np.int32]:
        """A register of every neuron `[neuron]` as the last step left it; 0 where the kind does not have it."""
        values = np.zeros(self._layout.network.neurons, np.int32)
        with self._turn:
            for (_, _, first, last, _), state in zip(self._layout.pieces.tolist(), self._layout.states, strict=True):
                if name in state:
                    values[first:last] = self._state[state.index(name), first:last]
        return values

    @property
    def counts(self) -> dict[str, int]:
        """Wraps, saturations and wide sums so far, as a trace counts them."""
        return dict(zip(COUNTS, self._events.sum(axis=0).tolist(), strict=False))

    def reset(self) -> None:
        """Begin a sample: everything at rest, nothing in flight, `t` 0; the counts go on."""
        with self._turn:
            self._state[:] = self._layout.initial
            self._ring[:] = 0
            self._work["clock"][0] = 0

    def save(self) -> State:
        """All that the next steps depend on; `restore` takes it back, in this session or in another one."""
        names = dict.fromkeys(name for state in self._layout.states for name in state)
        neurons = self._layout.network.neurons
        # The ring as time goes: what is due in the next step comes first.
        with self._turn:
            ring = self._ring.sum(axis=0, dtype=np.int64)
            ahead = np.roll(ring, -(self.t % len(ring)), axis=0)[:-1, :neurons]
            return State(self.t, {name: self.register(name) for name in names}, ahead, self.counts)

    def restore(self, state: State) -> None:
        """Go on where `state` was saved. LsmError: it is of another program, or of none."""
        neurons = self._layout.network.neurons
        rows = self._layout.horizon
        self._check(state, rows, neurons)
        with self._turn:
            self.reset()
            self._work["clock"][0] = state.t
            for (_, _, first, last, _), names in zip(self._layout.pieces.tolist(), self._layout.states, strict=True):
                for row, name in enumerate(names):
                    self._state[row, first:last] = state.registers[name][first:last]
            ring = self._ring[0]
            ring[:-1, :neurons] = state.in_flight
            ring[:] = np.roll(ring, self.t % rows, axis=0)
            self._events[:] = 0
            self._events[0, : len(COUNTS)] = [state.counts[name] for name in COUNTS]

    def _check(self, state: State, rows: int, neurons: int) -> None:
        """Refuse what no run of this program leaves: kernels take the widths of sums and registers for granted."""
        network, mistakes = self._layout.network, []
        if state.in_flight.shape != (rows - 1, neurons):
            mistakes.append(f"sums in flight have shape {state.in_flight.shape}, not {(rows - 1, neurons)}")
        limits = np.iinfo(self._ring.dtype)
        if state.in_flight.min(initial=0) < -limits.max or state.in_flight.max(initial=0) > limits.max:
            mistakes.append("sums in flight are larger than any of this program")
        if names := set(network.state_names) ^ state.registers.keys():
            mistakes.append(f"it has no register {', '.join(sorted(names))}, or the program has none")
        elif state.neurons != neurons:
            mistakes.append(f"it is of {state.neurons} neurons, not {neurons}")
        elif np.abs(state.registers["v"].astype(np.int64)).max(initial=0) > UV_LIMIT:
            mistakes.append("a voltage does not fit 24 bits")
        if lacking := set(COUNTS) - state.counts.keys():
            mistakes.append(f"it counts no {', '.join(sorted(lacking))}")
        raise_all([LsmError(what, where="state", hint="take the state that this program left") for what in mistakes])


def _resumed(network: QNetwork, blocks: int, record: tuple[str, ...], state: State) -> Session:
    session = Session.on(lay_out(network, blocks), record)
    session.restore(state)
    return session


def _wait_for(running: Sequence[Future[None]]) -> None:
    """Until all are done, whatever comes: they write to memory that is lent to them, and leave whole steps."""
    interrupt: BaseException | None = None
    while any(not future.done() for future in running):
        try:
            wait(running)
        except BaseException as error:  # Ctrl-C
            interrupt = error
    if interrupt is not None:
        raise interrupt
    for future in running:
        future.result()


def blocks_for(network: QNetwork, threads: int) -> int:
    """Threads that share one run: several for large networks, while their sums take less than half the synapses."""
    if network.neurons < LARGE:
        return 1
    sums = 4 * network.neurons * (max((int(p.delays.max(initial=0)) for p in network.projections), default=0) + 2)
    return max(1, min(threads, network.synapses * SYNAPSE_BYTES // (2 * sums)))
