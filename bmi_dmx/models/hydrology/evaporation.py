"""Potential evaporation by another formula than a model was trained with."""

from __future__ import annotations

from dataclasses import replace

from ...compose.spec import ModelSpec, PartSpec
from ...errors import ConfigError, suggestion
from .system import EVAPORATIONS

__all__ = ["with_evaporation"]

_PART = "evaporation"


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
        There is no such formula.
    """
    known = ("bundle", *EVAPORATIONS)
    if name not in known:
        raise ConfigError(f"{_PART}: unknown {name!r}{suggestion(name, known)}")
    own = spec.parts.get(_PART)
    trained = "given" if own is None else own.process
    if name in ("bundle", trained):
        return spec
    parts = [(key, part) for key, part in spec.parts.items() if key != _PART]
    if name != "given":
        first = next(k for k, (_, part) in enumerate(parts) if part.when != "once")
        parts.insert(first, (_PART, PartSpec(process=name)))
    return replace(spec, parts=dict(parts), recipe=None, settings=None)
