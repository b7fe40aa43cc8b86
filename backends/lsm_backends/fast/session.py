"""A program in motion: it takes input step by step, says who spiked, and can be saved and set back.

A step allocates nothing: its spikes stand in a buffer of the session's that the next step overwrites. A network large
enough is advanced by several threads, each of which owns a block of neurons.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_backends.fast import kernels
from lsm_backends.fast.layout import Layout, lay_out
from lsm_backends.fast.rows import aligned
from lsm_deploy.ir import COUNTS, Program, State

__all__ = ["LARGE", "Session"]

LARGE = 1 << 14
"""Neurons from which on blocks pay: a step then takes far longer than waiting for one another does."""


class Session:
    """One run of a program, from rest, that is advanced as its input comes in.

    registers: those that `run` records. threads: at most so many for a network of at least `LARGE` neurons; by default
    one a core. The `interval` policy clears registers by the session's own clock `t`.
    """

    def __init__(self, program: Program, record: Sequence[str] = (), *, threads: int | None = None) -> None:
        network = program.network
        blocks = (threads or os.cpu_count() or 1) if network.neurons >= LARGE else 1
        self._begin(lay_out(network, blocks), tuple(record))

    @classmethod
    def on(cls, layout: Layout, record: Sequence[str]) -> Session:
        """A session on a layout that others use too."""
        session = cls.__new__(cls)
        session._begin(layout, tuple(record))
        return session

    def _begin(self, layout: Layout, record: tuple[str, ...]) -> None:
        self._layout, self._record = layout, record
        network, size, sources, blocks = layout.network, layout.size, layout.sources, layout.blocks
        self.t = 0
        self._state = aligned(layout.initial.shape, np.int32)
        self._state[:] = layout.initial
        self._ring = aligned((layout.horizon, size), layout.ring_type)
        self._recorded = np.array(
            [[state.index(name) if name in state else -1 for state in layout.states] for name in record], np.int64
        ).reshape(len(record), len(layout.states))
        self._events = np.zeros((blocks, 4), np.int64)
        self._work: dict[str, NDArray[Any]] = {
            "ring": self._ring,
            "recorded": self._recorded,
            "begin_of": np.zeros((blocks, layout.horizon), np.uint32),
            "active": np.zeros((2, sources), np.int32),
            "active_signs": np.zeros((2, sources), np.int8),
            "active_counts": np.zeros((2, len(layout.pieces)), np.int64),
            "gathered": np.zeros((blocks, sources + 1), np.int64),
            "sums": aligned((size,), np.uint16),
            "events": self._events,
            "arrived": np.zeros(1, np.int64),
        }
        rows = layout.rows
        values = {
            "neurons": network.neurons,
            "channels": network.channels,
            "size": size,
            "sources": sources,
            "horizon": layout.horizon,
            "interval": network.sample_interval,
            "ternary": int((layout.pieces[:, 0] == kernels.KINDS["TernaryLIF"]).any()),
            "ahead": layout.ahead,
            "blocks": blocks,
            "registers": len(layout.initial),
            "constant_rows": len(layout.constants),
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
        self._kernel = kernels.advance[layout.ring_type]
        self._input = np.zeros(network.channels, np.int8)
        self._input_bits = self._input.view(np.bool_)
        spikes = np.zeros(network.neurons, np.int8)
        self._step = (self._plan.ctypes.data, self._input.ctypes.data, spikes.ctypes.data)
        self._pool = ThreadPoolExecutor(blocks) if blocks > 1 else None
        self.spikes: NDArray[np.int8] = spikes.view()
        self.spikes.setflags(write=False)

    def step(self, spikes: NDArray[np.generic]) -> NDArray[np.int8]:
        """Take the input spikes `[channel]` of a step (anything but 0 is one), return those of the neurons `[neuron]`.

        What is returned is a view of a buffer: copy it to keep it beyond the next step. ValueError: another length.
        """
        if len(spikes) != len(self._input):
            raise ValueError(f"{len(spikes)} input spikes for {len(self._input)} channels")
        np.not_equal(spikes, 0, out=self._input_bits)
        plan, stimulus, fired = self._step
        if self._pool is None:
            self._kernel(plan, 0, self.t, 1, stimulus, fired, 0, 0)
            self.t += 1
        else:
            self._advance(1, stimulus, fired)
        return self.spikes

    def feed(self, rows: Iterable[NDArray[np.generic]]) -> Iterator[NDArray[np.int8]]:
        """`step` for each row of any iterator, which may be endless: only one row at a time is held."""
        for row in rows:
            yield self.step(row)

    def run(
        self,
        stimulus: NDArray[np.int8],
        spikes: NDArray[np.int8] | None = None,
    ) -> tuple[NDArray[np.int8], NDArray[np.int32]]:
        """Advance by all steps of `stimulus` `[t, channel]` (0 or 1), with no call in between.

        Returns spikes `[t, neuron]` and the recorded registers `[t, register, neuron]`; the former in the
        array given, if any.
        """
        network, steps = self._layout.network, len(stimulus)
        if stimulus.shape != (steps, network.channels):
            raise ValueError(f"a stimulus of shape {stimulus.shape} for {network.channels} channels")
        stimulus = np.ascontiguousarray(stimulus, np.int8)
        spikes = np.zeros((steps, network.neurons), np.int8) if spikes is None else spikes
        if spikes.shape != (steps, network.neurons) or spikes.dtype != np.int8 or not spikes.flags.c_contiguous:
            raise ValueError(f"spikes of shape {spikes.shape} and type {spikes.dtype} cannot be written to as they are")
        registers = np.zeros((steps, len(self._record), network.neurons), np.int32)
        self._advance(steps, stimulus.ctypes.data, spikes.ctypes.data, bool(self._record), registers.ctypes.data)
        return spikes, registers

    def _advance(self, steps: int, stimulus: int, spikes: int, recording: int = 0, registers: int = 0) -> None:
        """Advance all blocks; addresses, as `kernels.advance` takes them."""
        plan, blocks = self._step[0], range(self._layout.blocks)
        rest = (self.t, steps, stimulus, spikes, int(recording), registers)
        if self._pool is None:
            self._kernel(plan, 0, *rest)
        else:
            try:
                running = [self._pool.submit(self._kernel, plan, block, *rest) for block in blocks]
            except BaseException:
                self._work["arrived"][0] = 1 << 62  # those that run wait for others that never will
                raise
            try:
                wait(running)
            finally:  # Ctrl-C, too, finds whole steps
                for done in running:
                    done.result()
        self.t += steps

    def register(self, name: str) -> NDArray[np.int32]:
        """A register of every neuron `[neuron]` as the last step left it; 0 where the kind does not have it."""
        values = np.zeros(self._layout.network.neurons, np.int32)
        for (_, _, first, last), state in zip(self._layout.pieces.tolist(), self._layout.states, strict=True):
            if name in state:
                values[first:last] = self._state[state.index(name), first:last]
        return values

    @property
    def counts(self) -> dict[str, int]:
        """Wraps, saturations and wide sums so far, as a trace counts them."""
        return dict(zip(COUNTS, self._events.sum(axis=0).tolist(), strict=False))

    def reset(self) -> None:
        """Begin a sample: everything at rest, nothing in flight, `t` 0; the counts go on."""
        self._state[:] = self._layout.initial
        self._ring[:] = 0
        self.t = 0

    def save(self) -> State:
        """All that the next steps depend on; `restore` takes it back, in this session or in another one."""
        names = dict.fromkeys(name for state in self._layout.states for name in state)
        neurons = self._layout.network.neurons
        # The ring as time goes: what is due in the next step comes first.
        ahead = np.roll(self._ring, -(self.t % len(self._ring)), axis=0)[:-1, :neurons]
        return State(self.t, {name: self.register(name) for name in names}, ahead.astype(np.int64), self.counts)

    def restore(self, state: State) -> None:
        """Go on where `state` was saved. ValueError: it is of another program."""
        neurons = self._layout.network.neurons
        if state.in_flight.shape != (len(self._ring) - 1, neurons):
            raise ValueError(f"sums in flight {state.in_flight.shape}, not {(len(self._ring) - 1, neurons)}")
        self.reset()
        self.t = state.t
        for (_, _, first, last), names in zip(self._layout.pieces.tolist(), self._layout.states, strict=True):
            for row, name in enumerate(names):
                self._state[row, first:last] = state.registers[name][first:last]
        self._ring[:-1, :neurons] = state.in_flight
        self._ring[:] = np.roll(self._ring, self.t % len(self._ring), axis=0)
        self._events[:] = 0
        self._events[0, : len(COUNTS)] = [state.counts[name] for name in COUNTS]
