"""Parameters of the end of a window: models with them, and the same without them.

What a network answers at the last step of a series is not known before. A model whose
constants are read there is trained and scored with them, and stepped with those of each
step; the weights are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, replace

from ..errors import ConfigError, suggestion
from .model import Model
from .parameterization import VaryingParameters
from .spec import ModelSpec, WindowWarmup

__all__ = ["WindowEnd", "at_each_step", "at_window_end", "window_ends"]


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


def at_each_step(model: Model) -> Model:
    """Return the model, same weights, whose parameters are those of each step.

    Nothing in it depends on steps to come, so that it can be stepped.
    """
    return _with(
        model, dict.fromkeys(window_ends(model.spec), WindowEnd(parameters=()))
    )


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
    for name, end in ends.items():
        if name not in model.spec.parts:
            hint = suggestion(name, model.spec.parts)
            raise ConfigError(f"parts: no part {name!r}{hint}")
        network = dict(model.named_children()).get(name)
        if not isinstance(network, VaryingParameters):
            raise ConfigError(f"parts.{name}: is no network that varies")
        names = [entry.parameter.name for entry in network.supplied]
        for parameter in end.parameters:
            if parameter not in names:
                raise ConfigError(
                    f"parts.{name}: {parameter!r} is no parameter that it "
                    f"gives{suggestion(parameter, names)}"
                )
    return _with(model, ends)


def _with(model: Model, ends: Mapping[str, WindowEnd]) -> Model:
    """Return the model with other ends of the networks that are named."""
    changed = {
        name: replace(
            model.spec.parts[name], window_end=end.parameters, window_warmup=end.warmup
        )
        for name, end in ends.items()
    }
    # A recipe would be written without them.
    spec = replace(
        model.spec, parts={**model.spec.parts, **changed}, recipe=None, settings=None
    )
    other = copy(model)
    other.spec = spec if changed else model.spec
    return other
