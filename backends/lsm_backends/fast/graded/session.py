"""A program in motion whose messages are graded, of the interface of `fast.session.Session`; and samples in a batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_backends.fast.frame import Frame
from lsm_backends.fast.graded.layout import Layout, lay_out
from lsm_backends.fast.kernels import messages as kernels
from lsm_backends.fast.kernels.graded import WORK_ROWS
from lsm_backends.fast.rows import aligned
from lsm_deploy.core.errors import LsmError, raise_all
from lsm_deploy.core.fixed import UV_LIMIT
from lsm_deploy.core.ir import COUNTS, Program, QNetwork, State, check_messages
from lsm_deploy.core.masked import unmasked
from lsm_deploy.core.messages import BINARY, Messages
from lsm_deploy.core.turn import Turn

__all__ = ["Batch", "GradedSession"]


class Batch:
    """So many samples of a program side by side, all of which begin at once."""

    def __init__(self, layout: Layout, record: Sequence[str], samples: int = 1) -> None:
        self.layout, self.record = layout, tuple(record)
        network, size = layout.network, layout.size
        self.state = aligned((samples, *layout.initial.shape), np.int32)
        self.sent = aligned((samples, layout.rows, network.neurons + network.channels), np.int16)
        self.sums = aligned((samples, size), layout.sum_type)
        self.pending = aligned((layout.rows, network.sums), np.int64)
        self.pending_until = np.zeros(1, np.int64)
        self.events = np.zeros(len(COUNTS), np.int64)
        self.clock = np.zeros(1, np.int64)
        recorded = [[state.index(name) if name in state else -1 for state in layout.states] for name in record]
        values = {
            "neurons": network.neurons,
            "channels": network.channels,
            "due": network.sums,
            "size": size,
            "rows": layout.rows,
            "interval": network.sample_interval,
            "samples": samples,
            "widest": layout.widest,
            "registers": len(layout.initial),
            "recordable": len(record),
            "piece_count": len(layout.pieces),
            "product_count": len(layout.products),
            "constant_rows": len(layout.constants),
            "table_size": layout.tables.shape[1],
        }
        self._arrays: dict[str, NDArray[Any]] = {
            "pieces": layout.pieces,
            "products": layout.products,
            "constants": layout.constants,
            "initial": layout.initial,
            "tables": layout.tables,
            "state": self.state,
            "sent": self.sent,
            "gathered": aligned((samples, layout.widest), np.int16),
            "sums": self.sums,
            "fires": np.zeros(size, np.int16),
            "work": aligned((WORK_ROWS, size), np.int32),
            "pending": self.pending,
            "pending_until": self.pending_until,
            "recorded": np.array(recorded, np.int64).reshape(len(record), len(layout.states)),
            "events": self.events,
            "clock": self.clock,
        }
        places = {name: array.ctypes.data for name, array in self._arrays.items()}
        self._plan = np.array([(values | places)[name] for name in kernels.MESSAGE_PLAN], np.int64)
        self.address = self._plan.ctypes.data
        self.kernel = kernels.advance_messages[layout.sum_type]
        self.reset()

    def reset(self) -> None:
        """Everything at rest, nothing in flight, the clock at 0; the counts go on."""
        self.state[:] = self.layout.initial
        for each in (self.sent, self.sums, self.pending, self.pending_until, self.clock):
            each[:] = 0

    def advance(
        self,
        windows: NDArray[np.int64],
        stimulus: NDArray[np.int16],
        spikes: NDArray[np.int16],
        registers: NDArray[np.int32],
    ) -> None:
        """Advance all samples: windows `[sample, 2]`, the first row of each and its steps, the longest first."""
        self.kernel(
            self.address,
            int(self.clock[0]),
            int(windows[0, 1]),
            windows.ctypes.data,
            len(windows),
            stimulus.ctypes.data,
            spikes.ctypes.data,
            int(bool(self.record)),
            registers.ctypes.data,
        )


class GradedSession:
    """One run of a program, from rest, that is advanced as its input comes in. registers: those that `run` records."""

    def __init__(self, program: Program, record: Sequence[str] = ()) -> None:
        self._begin(lay_out(program.network), tuple(record))

    def _begin(self, layout: Layout, record: tuple[str, ...]) -> None:
        self._layout, self._record, network = layout, record, layout.network
        self._batch, self._turn = Batch(layout, record), Turn()
        self._window, self._input = np.array([[0, 1]]), np.zeros(network.channels, np.int16)
        self._fires = np.zeros(network.neurons, np.int16)
        self._spikes = self._fires if network.message_type == np.int16 else np.zeros(network.neurons, np.int8)
        self._window_address = self._window.ctypes.data
        self._step = (1, self._input.ctypes.data, self._fires.ctypes.data)
        self.spikes: Messages = self._spikes.view()
        self.spikes.setflags(write=False)

    def __reduce__(self) -> Any:
        """Copied, or sent to another process, it goes on in memory of its own: the plan holds addresses."""
        return _resumed, (self._layout.network, self._record, self.save())

    def step(self, spikes: NDArray[Any]) -> Messages:
        """Take what enters in a step `[channel]`, return what neurons send `[neuron]`.

        What is returned is a view of a buffer: copy it to keep it beyond the next step. ValueError: another length.
        LsmError: a value that the network does not take.
        """
        if len(unmasked(spikes)) != len(self._input):
            raise ValueError(f"{len(spikes)} input spikes for {len(self._input)} channels")
        with self._turn:
            self._input[:] = self._messages(np.asarray(spikes))
            self._advance(*self._step)
            if self._spikes is not self._fires:
                self._spikes[:] = self._fires
        return self.spikes

    def feed(self, rows: Iterable[NDArray[Any]]) -> Iterator[Messages]:
        """`step` for each row of any iterator, which may be endless: only one row at a time is held."""
        for row in rows:
            yield self.step(row)

    def run(self, stimulus: NDArray[Any]) -> tuple[Messages, NDArray[np.int32]]:
        """Advance by all steps of `stimulus` `[t, channel]`, with no call in between.

        Returns what neurons send `[t, neuron]` and the recorded registers `[t, register, neuron]`.
        """
        network, steps = self._layout.network, len(unmasked(stimulus))
        if stimulus.shape != (steps, network.channels):
            raise ValueError(f"a stimulus of shape {stimulus.shape} for {network.channels} channels")
        entering = np.ascontiguousarray(self._messages(stimulus))
        spikes = np.empty((steps, network.neurons), np.int16)
        registers = np.zeros((steps, len(self._record), network.neurons), np.int32)
        with self._turn:
            self._batch.advance(np.array([[0, steps]]), entering, spikes, registers)
        return spikes.astype(network.message_type, copy=False), registers

    def frame(self, steps: int, ahead: int = 0) -> Frame:
        """Room for the steps of a frame, which take this session on and allocate nothing."""
        network, batch = self._layout.network, self._batch
        moving = (batch.state, batch.sent, batch.pending, batch.pending_until, batch.clock, batch.events)
        entering, sent = (np.zeros((steps, many), np.int16) for many in (network.channels, network.neurons))
        after = np.zeros((ahead, network.neurons), np.int16)
        return Frame(self._turn, self._advance, moving, network.input, entering, sent, after)

    def _advance(self, steps: int, stimulus: int, spikes: int) -> None:
        """Advance by so many steps; addresses, as `advance_messages` takes them."""
        self._window[0, 1] = steps
        self._batch.kernel(self._batch.address, self.t, steps, self._window_address, 1, stimulus, spikes, 0, 0)

    def _messages(self, spikes: NDArray[Any]) -> NDArray[np.int16]:
        network = self._layout.network
        if network.input == BINARY:
            return np.not_equal(spikes, 0).astype(np.int16)
        if spikes.dtype.kind not in "biu":
            raise ValueError(f"{spikes.dtype} values are no integers")
        check_messages(network, spikes, "input")
        return spikes.astype(np.int16, copy=False)

    @property
    def t(self) -> int:
        """Steps since the sample began. The kernel counts them: whatever interrupts a run, this is where it stands."""
        return int(self._batch.clock[0])

    def register(self, name: str) -> NDArray[np.int32]:
        """A register of every neuron `[neuron]` as the last step left it; 0 where the kind does not have it."""
        values = np.zeros(self._layout.network.neurons, np.int32)
        with self._turn:
            for here, there, state in self._pieces():
                if name in state:
                    values[here] = self._batch.state[0, state.index(name), there]
        return values

    def _pieces(self) -> Iterator[tuple[slice, slice, tuple[str, ...]]]:
        """Neurons, places and registers of each piece."""
        for (_, place, neuron, size, *_), state in zip(self._layout.pieces.tolist(), self._layout.states, strict=True):
            yield slice(neuron, neuron + size), slice(place, place + size), state

    @property
    def counts(self) -> dict[str, int]:
        """Wraps, saturations and wide sums so far, as a trace counts them."""
        return dict(zip(COUNTS, self._batch.events.tolist(), strict=True))

    def reset(self) -> None:
        """Begin a sample: everything at rest, nothing in flight, `t` 0; the counts go on."""
        with self._turn:
            self._batch.reset()

    def save(self) -> State:
        """All that the next steps depend on; `restore` takes it back, in this session or in another one."""
        layout, batch = self._layout, self._batch
        with self._turn:
            t, network = self.t, layout.network
            ahead = np.zeros((layout.rows - 1, network.sums), np.int64)
            for row in range(len(ahead)):
                if t + row < batch.pending_until[0]:
                    ahead[row] = batch.pending[(t + row) % layout.rows]
                for port, weights, columns in layout.delivered:
                    delay, source = columns.T
                    sent = t + row - 1 - delay
                    past = batch.sent[0, sent % layout.rows, source].astype(np.int64)
                    past[(sent >= t) | (sent < t - layout.rows + 1)] = 0
                    ahead[row, network.ports[port]] += weights @ past
            registers = {name: self.register(name) for name in network.state_names}
            return State(t, registers, ahead, self.counts)

    def restore(self, state: State) -> None:
        """Go on where `state` was saved. LsmError: it is of another program, or of none."""
        self._check(state)
        layout, batch = self._layout, self._batch
        with self._turn:
            batch.reset()
            batch.clock[0] = state.t
            for here, there, names in self._pieces():
                for row, name in enumerate(names):
                    batch.state[0, row, there] = state.registers[name][here]
            # What had been sent is unknown, only what it adds to the steps to come.
            due = (state.t + np.arange(layout.rows - 1)) % layout.rows
            batch.pending[due] = state.in_flight
            batch.pending_until[0] = state.t + layout.rows - 1
            batch.events[:] = [state.counts[name] for name in COUNTS]

    def _check(self, state: State) -> None:
        """Refuse what no run of this program leaves: kernels take the widths of sums and registers for granted."""
        network, mistakes = self._layout.network, []
        shape = (self._layout.rows - 1, network.sums)
        if state.in_flight.shape != shape:
            mistakes.append(f"sums in flight have shape {state.in_flight.shape}, not {shape}")
        limit = np.iinfo(self._layout.sum_type).max
        if state.in_flight.min(initial=0) < -limit or state.in_flight.max(initial=0) > limit:
            mistakes.append("sums in flight are larger than any of this program")
        if names := set(network.state_names) ^ state.registers.keys():
            mistakes.append(f"it has no register {', '.join(sorted(names))}, or the program has none")
        elif state.neurons != network.neurons:
            mistakes.append(f"it is of {state.neurons} neurons, not {network.neurons}")
        else:
            if np.abs(state.registers["v"].astype(np.int64)).max(initial=0) > UV_LIMIT:
                mistakes.append("a voltage does not fit 24 bits")
            for p in network.populations:
                clock = state.registers["clock"][network.columns(p.name)] if "period" in p.registers else np.zeros(1)
                if clock.min() < 0 or (clock >= p.registers.get("period", 1)).any():
                    mistakes.append(f"a clock of population {p.name!r} is beyond its period")
        if lacking := set(COUNTS) - state.counts.keys():
            mistakes.append(f"it counts no {', '.join(sorted(lacking))}")
        raise_all([LsmError(what, where="state", hint="take the state that this program left") for what in mistakes])


def _resumed(network: QNetwork, record: tuple[str, ...], state: State) -> GradedSession:
    session = GradedSession.__new__(GradedSession)
    session._begin(lay_out(network), record)
    session.restore(state)
    return session
