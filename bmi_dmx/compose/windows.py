"""Parameters of the end of a window: models with them, and the same without them.

What a network answers at the last step of a series is not known before. A model whose
constants are read there is trained and scored with them, and stepped with those of each
step, or with the running mean of these; the weights are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch

from ..errors import ConfigError, suggestion
from .model import Model
from .parameterization import VaryingParameters
from .spec import ModelSpec, PartSpec, WindowWarmup

__all__ = ["WindowEnd", "at_each_step", "at_window_end", "unsettled", "window_ends"]


@dataclass(frozen=True, kw_only=True)
class WindowEnd:
    """What a network answers at the end of a window, and holds through all of it.

    Parameters
    ----------
    parameters : tuple of str
        Their names.
    warmup : {"apart", "constant", "shared"}
        What holds in a warm-up, see ``window_warmup`` of
        :class:`~bmi_dmx.compose.spec.PartSpec`.
    """

    parameters: tuple[str, ...]
    warmup: WindowWarmup = "apart"


def window_ends(spec: ModelSpec) -> dict[str, WindowEnd]:
    """Return what a specification reads at the end of windows, by network."""
    return {
        name: WindowEnd(parameters=entry.window_end, warmup=entry.window_warmup)
        for name, entry in spec.parts.items()
        if entry.window_end
    }


def at_each_step(model: Model, over: int | None = None) -> Model:
    """Return the model, same weights, whose parameters are those of each step.

    Nothing in it depends on steps to come, so that it can be stepped.

    Parameters
    ----------
    model : Model
        With parameters of the end of windows.
    over : int, optional
        Steps of the running mean that these are in place of the answer of the step
        alone; of networks ``lstm``.
    """
    parts = {}
    for name, end in window_ends(model.spec).items():
        entry = replace(model.spec.parts[name], window_end=(), window_warmup="apart")
        if over is not None and entry.network == "lstm":
            runs = _channels(model, name, end.parameters)
            options = {**entry.options, "settled": runs, "over": over}
            entry = replace(entry, network="lstm_settled", options=options)
        parts[name] = entry
    return _with(model, parts)


def _channels(
    model: Model, network: str, parameters: tuple[str, ...]
) -> list[tuple[int, int]]:
    """Return the runs of answers of a network that some parameters are made of."""
    module = model.network(network)
    assert isinstance(module, VaryingParameters)
    runs: list[tuple[int, int]] = []
    at = 0
    for entry in module.supplied:
        if entry.parameter.name in parameters:
            joined = bool(runs) and runs[-1][1] == at - 1
            first = runs.pop()[0] if joined else at
            runs.append((first, at + entry.channels - 1))
        at += entry.channels
    return runs


def at_window_end(model: Model, ends: Mapping[str, WindowEnd]) -> Model:
    """Return the model, same weights, with some parameters of the end of a series.

    Parameters
    ----------
    model : Model
        One that is stepped.
    ends : mapping of str to WindowEnd
        By network.

    Raises
    ------
    ConfigError
        There is no such network, or it gives no such parameter.
    """
    for name in ends:
        if name not in model.spec.parts:
            hint = suggestion(name, model.spec.parts)
            raise ConfigError(f"parts: no part {name!r}{hint}")
        network = dict(model.named_children()).get(name)
        if not isinstance(network, VaryingParameters):
            raise ConfigError(f"parts.{name}: is no network that varies")
    return _with(
        model, {n: _ended(model.spec.parts[n], end) for n, end in ends.items()}
    )


def _ended(entry: PartSpec, end: WindowEnd) -> PartSpec:
    """Return a network with its own answers at the end of a window."""
    entry = unsettled(entry)
    return replace(entry, window_end=end.parameters, window_warmup=end.warmup)


def unsettled(entry: PartSpec) -> PartSpec:
    """Return a part whose network, if it is one that settles, answers for each step."""
    if entry.network != "lstm_settled":
        return entry
    options = {k: v for k, v in entry.options.items() if k not in _SETTLING}
    return replace(entry, network="lstm", options=options)


_SETTLING = ("settled", "over")
"""Options of a network whose answers settle, beside those of the one it is made of."""


def _with(model: Model, parts: Mapping[str, PartSpec]) -> Model:
    """Return the model with other networks of the same weights."""
    if not parts:
        return model
    # A recipe would be written without them.
    spec = replace(
        model.spec, parts={**model.spec.parts, **parts}, recipe=None, settings=None
    )
    # Networks draw first weights when made; that must disturb nobody.
    with torch.random.fork_rng(devices=[]):
        other = Model(spec, model.statistics, model.space)
    other.to(model.like).load_state_dict(model.state_dict())
    return other.train(model.training)
