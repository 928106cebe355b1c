"""A learned analysis: what a network makes of a forecast and what was observed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ..conversion import refuse_outside
from ..errors import ConfigError
from ..networks.base import Network
from ..process import Stencil
from ..registries import networks
from ..variables import Flux, Forcing, State
from .learned_process import LearnedProcess

__all__ = ["Analysis"]

_NUDGING = -2.0
"""Logit of the share of a departure that a network which says nothing removes, 0.12."""

_SQUASHED = 3.0
"""Errors of observation beyond which departures look alike to a network."""

_PATIENCE = 4.0
"""Cycles without an observation that look half as long as forever."""

_BAND = ("behind", "variance", "ahead")


class Analysis(LearnedProcess):
    r"""A forecast corrected by a network that has read what was observed of it.

    A network :math:`N` answers at every place with a free increment :math:`a`, a gain
    :math:`g`, and what it forgets and writes, :math:`d` and :math:`b`:

    .. math::

        x^a &= x^f + m\, \sigma(g - 2)\, (y - x^f) + s\, a
        + \sum_{0 < |k| \le r} \tanh g_k\, m_k\, (y_k - x^f_k) \\
        c &\leftarrow \sigma(d)\, c + \tanh b

    :math:`m` is 1 where a value was observed, :math:`s` the size of its error, and
    :math:`k` counts the places up to :math:`r` away, which have gains of their own as
    those of Kalman have: increments are products of departures and of what was known
    before. The last layer begins at zero: what has not learned anything is nudging with
    a gain of 0.12. The network reads forecast, departure, mask, the change since the
    last analysis, the error, the cycles since the place was last observed, and its
    memory :math:`c`; all of it measured in what is usual. Where nothing at all is
    observed nothing changes.

    ``form: gain`` is the published one (McCabe and Brown 2021,
    doi:10.48550/arXiv.2111.01058): :math:`x^a = \sigma(g)\, x^f + a` and
    :math:`c \leftarrow \sigma(d)\, c + b`, which read values as they are; where nothing
    is observed it reads what it is given instead.

    Fields may have axes in front, such as that of the members of an ensemble.

    Parameters
    ----------
    options : mapping or Options, optional
        The states, the network, and what it reads and remembers.

    Raises
    ------
    ConfigError
        When a number is impossible.
    """

    @dataclass(frozen=True)
    class Options:
        """What can be chosen.

        Parameters
        ----------
        states : list of str
            Fields of the system that is analysed.
        network : str
            Registered network over fields.
        settings : mapping
            What the network lets choose.
        memory : int
            Channels that it remembers.
        reach : int
            Places to either side whose departures have gains of their own; increments
            alone have them.
        form : {"increment", "gain"}
            How it answers.
        spread : {"none", "variance", "band"}
            What it reads of the other members: nothing, the variance, or also the
            covariances with the places behind and ahead.
        change : bool
            Whether it reads how the state changed since the last analysis.
        masked : bool
            Whether the form of gains reads where something was observed.
        perturbed : bool
            Whether each member is given observations with errors of its own.
        """

        states: tuple[str, ...] = ("x",)
        network: str = "residual_conv"
        settings: dict[str, Any] = field(default_factory=dict)
        memory: int = 6
        reach: int = 0
        form: Literal["increment", "gain"] = "increment"
        spread: Literal["none", "variance", "band"] = "none"
        change: bool = True
        masked: bool = True
        perturbed: bool = False

    about = "a learned analysis of a forecast and of what was observed"
    time = "1"
    coupling = Stencil()
    options: Options

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        choices = self.options
        refuse_outside("memory", choices.memory, 1)
        refuse_outside("reach", choices.reach, 0)
        if choices.reach and choices.form != "increment":
            raise ConfigError(
                f"reach: found {choices.reach} with form {choices.form!r}, expected 0: "
                "only increments have gains of places around"
            )
        if not choices.states:
            raise ConfigError("states: found none, expected at least one")
        self.forcings = tuple(_forcings(choices))
        self.states = (
            *(State(name=f"{s}_before", about="last analysis") for s in choices.states),
            *(
                State(name=f"{s}_age", about="cycles since it was last observed")
                for s in choices.states
            ),
            State(name="started", about="whether there was an analysis before"),
            State(name="memory", size=choices.memory, internal=True),
        )
        self.fluxes = tuple(
            Flux(name=f"{s}_analysis", about="the analysis") for s in choices.states
        )
        kind = networks[choices.network]
        fields = len(choices.states)
        body = kind.make(
            self._channels(),
            fields * (1 + self._gains) + 2 * choices.memory,
            choices.settings,
        )
        self.network = _ScaledNetwork(body, fields)
        if choices.form == "increment":
            with torch.no_grad():
                for weight in body.output.parameters():
                    weight.zero_()

    @property
    def _gains(self) -> int:
        """How many gains a place has."""
        return 2 * self.options.reach + 1

    def _channels(self) -> int:
        """Return how many channels the network reads."""
        options = self.options
        each = (
            2 + options.change + {"none": 0, "variance": 1, "band": 3}[options.spread]
        )
        if options.form == "increment":
            return (each + 3) * len(options.states) + options.memory
        return each * len(options.states) + options.memory + options.masked

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Analyse once."""
        options = self.options
        states = [_ObservedState.of(name, s, f) for name in options.states]
        memory = _entries(s.memory)
        answer, _ = self.network(self._read(states, memory, s.started))
        rows = [answer.narrow(-2, k, 1).squeeze(-2) for k in range(answer.shape[-2])]
        count, each = len(states), self._gains
        free, rest = rows[:count], rows[count:]
        gains = [rest[at * each : (at + 1) * each] for at in range(count)]
        writes = rest[count * each : count * each + options.memory]
        forgotten = rest[count * each + options.memory :]
        masks = _channels([state.mask for state in states])
        there = torch.amax(masks, (-2, -1), keepdim=True).squeeze(-2) > 0.0
        fluxes, after = {}, {}
        for at, state in enumerate(states):
            changed = self._analysed(at, state, free[at], gains[at])
            analysis = torch.where(there, changed, state.forecast)
            fluxes[f"{state.name}_analysis"] = analysis
            after[f"{state.name}_before"] = analysis
            after[f"{state.name}_age"] = (1.0 - state.mask) * (state.age + 1.0)
        bounded = torch.tanh if options.form == "increment" else _same
        after["started"] = s.started * 0.0 + 1.0
        entries: Any = [
            torch.where(there, torch.sigmoid(forget) * c + bounded(write), c)
            for c, forget, write in zip(memory, forgotten, writes, strict=True)
        ]
        after["memory"] = entries if options.memory > 1 else entries[0]
        return after, fluxes

    def _analysed(
        self, at: int, state: _ObservedState, free: Tensor, gains: Sequence[Tensor]
    ) -> Tensor:
        reach = self.options.reach
        if self.options.form == "gain":
            return torch.sigmoid(gains[reach]) * state.forecast + free
        share = torch.sigmoid(gains[reach] + _NUDGING)
        error: Tensor = self.network.of("error", at)
        analysis = state.forecast + state.mask * share * state.departure + error * free
        departure = state.mask * state.departure
        for away, gain in zip(range(-reach, reach + 1), gains, strict=True):
            if away:
                analysis = analysis + torch.tanh(gain) * torch.roll(
                    departure, -away, -1
                )
        return analysis

    def _read(
        self, states: list[_ObservedState], memory: list[Tensor], started: Tensor
    ) -> Tensor:
        """Return what the network reads, (…, channel, place)."""
        options, usual, channels = self.options, self.network, []
        plain = options.form == "gain"
        for at, state in enumerate(states):
            mean, std = usual.of("mean", at), usual.of("std", at)
            if plain:
                mean, std = torch.zeros_like(mean), torch.ones_like(std)
                channels += [state.forecast, state.observed]
            else:
                in_errors = state.mask * state.departure / state.error
                channels += [
                    (state.forecast - mean) / std,
                    _SQUASHED * torch.tanh(in_errors / _SQUASHED),
                    state.mask,
                    torch.log(state.error / usual.of("error", at)),
                    state.age / (state.age + _PATIENCE),
                ]
            if options.change:
                channels.append(started * (state.forecast - state.before) / std)
            channels += [x / (std * std) for x in state.spread]
        if plain and options.masked:
            channels.append(0.2 * states[0].mask - 0.1)
        return _channels([*channels, *memory])


class _ScaledNetwork(nn.Module):
    """A network, and what is usual of the states it reads, (state,).

    Attributes
    ----------
    mean, std : Tensor
        Of the system as it runs by itself.
    error, low, high : Tensor
        Size of the errors of observation, and the least and largest that were seen.
    """

    def __init__(self, body: Network, states: int) -> None:
        super().__init__()
        self.body = body
        for name in ("mean", "std", "error", "low", "high"):
            value = torch.zeros if name == "mean" else torch.ones
            self.register_buffer(name, value(states))

    def of(self, name: str, at: int) -> Tensor:
        """Return a number of one state, (1,)."""
        whole: Tensor = getattr(self, name)
        return whole.narrow(0, at, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return what the network answers, (…, channel, place)."""
        answer: tuple[Tensor, dict[str, Tensor]] = self.body.step(x, {})
        return answer


@dataclass(frozen=True)
class _ObservedState:
    """One state of the system as it is forecast, and what was observed of it."""

    name: str
    forecast: Tensor
    observed: Tensor
    mask: Tensor
    error: Tensor
    before: Tensor
    age: Tensor
    spread: tuple[Tensor, ...]

    @classmethod
    def of(cls, name: str, s: SimpleNamespace, f: SimpleNamespace) -> _ObservedState:
        """Return what is known of a state by its name."""
        inputs, states = vars(f), vars(s)
        band = (f"{name}_{part}" for part in _BAND)
        return cls(
            name, inputs[name], inputs[f"{name}_observed"], inputs[f"{name}_seen"],
            inputs[f"{name}_error"], states[f"{name}_before"], states[f"{name}_age"],
            tuple(inputs[part] for part in band if part in inputs),
        )  # fmt: skip

    @property
    def departure(self) -> Tensor:
        """Observed minus forecast."""
        return self.observed - self.forecast


def _forcings(options: Analysis.Options) -> list[Forcing]:
    parts = {"none": (), "variance": ("variance",), "band": _BAND}[options.spread]
    forcings = []
    for s in options.states:
        forcings += [
            Forcing(name=s, about="the forecast"),
            Forcing(name=f"{s}_observed", about="what was observed"),
            Forcing(
                name=f"{s}_seen", bounds=(0.0, 1.0), about="1 where it was, else 0"
            ),
            Forcing(name=f"{s}_error", bounds=(1e-6, 1e6), about="size of its error"),
            *(
                Forcing(name=f"{s}_{part}", about=f"{part} among the members")
                for part in parts
            ),
        ]
    return forcings


def _channels(fields: list[Tensor]) -> Tensor:
    """Return fields (…, place) as channels, (…, channel, place)."""
    return torch.cat([x.unsqueeze(-2) for x in fields], -2)


def _entries(memory: Any) -> list[Tensor]:
    return [memory] if isinstance(memory, Tensor) else list(memory)


def _same(x: Tensor) -> Tensor:
    return x
