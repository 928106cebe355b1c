"""Potential evaporation by another formula than a model was trained with."""

from __future__ import annotations

from dataclasses import replace

from ...compose.parts import make_parts
from ...compose.spec import ModelSpec, PartSpec
from ...errors import ConfigError, suggestion
from .roles import EVAPORATION
from .system import EVAPORATIONS, refuse_several

__all__ = ["with_evaporation"]


def with_evaporation(spec: ModelSpec, name: str) -> ModelSpec:
    """Return a model whose potential evaporation comes from somewhere else.

    Parameters
    ----------
    spec : ModelSpec
        The model; what it learned does not depend on the choice.
    name : str
        One of :data:`~.system.EVAPORATIONS`, or ``bundle``, as it was trained.

    Raises
    ------
    ConfigError
        There is no such formula, or several models that run as one have their own.
    """
    names = ("bundle", *EVAPORATIONS)
    if name not in names:
        raise ConfigError(f"{EVAPORATION}: unknown {name!r}{suggestion(name, names)}")
    if name == "bundle":
        return spec
    refuse_several(entry.part for entry in make_parts(spec))
    evaporation = spec.parts.get(EVAPORATION)
    if name == ("given" if evaporation is None else evaporation.process):
        return spec
    parts = [(key, part) for key, part in spec.parts.items() if key != EVAPORATION]
    if name != "given":
        first = next(k for k, (_, part) in enumerate(parts) if part.when != "once")
        parts.insert(first, (EVAPORATION, PartSpec(process=name)))
    return replace(spec, parts=dict(parts), recipe=None, settings=None)
