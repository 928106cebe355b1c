"""What a component publishes, and what is known of it before it has a model."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np

from ..errors import ConfigError, StateError, suggestion
from .attributes import AREA
from .operation import Operation
from .programs import plan
from .quantities import (
    RUNOFF_VOLUME,
    Catalogue,
    Entry,
    Quantities,
    Quantity,
    Values,
    catalogue,
    quantity,
)
from .shared import bundle_named

__all__ = ["Expected", "Unready", "inputs", "not_initialized", "outputs"]


def not_initialized() -> StateError:
    """Return the error of a component that has no model."""
    return StateError("initialize(config_file) has not been called")


class Unready(Quantities):
    """What a component without a model answers for: nothing."""

    def __init__(self) -> None:
        super().__init__(_NOTHING, _no_values, tuple)

    def __missing__(self, name: str) -> Quantity:
        raise not_initialized()

    def knows(self, name: str) -> bool:
        """Refuse to say."""
        raise not_initialized()


class Expected(Quantities):
    """What is known of a component before it is initialized: its usual variables.

    Parameters
    ----------
    default_bundle : str or None
        The bundle of its class.
    """

    def __init__(self, default_bundle: str | None) -> None:
        self._bundle = default_bundle

    @cached_property
    def catalogue(self) -> Catalogue:  # type: ignore[override]
        """The variables of the default bundle at its own step, for one location."""
        if self._bundle is None:
            return _NOTHING
        bundle = bundle_named(self._bundle, Path())
        step = bundle.spec.time_step
        return catalogue(plan(Operation(bundle, step, step)), ())

    def __missing__(self, name: str) -> Quantity:
        entry = self.catalogue.get(name)
        if entry is None:
            raise not_initialized()
        return quantity(entry, np.full(1, np.nan), None)


_NOTHING = Catalogue(())


def _no_values(entry: Entry) -> Values:
    raise not_initialized()


def inputs(known: Catalogue) -> tuple[str, ...]:
    """Return the published names of the forcings."""
    return tuple(entry.name for entry in known.of("forcing"))


def outputs(
    known: Catalogue, wanted: tuple[str, ...] | None, area: bool
) -> tuple[str, ...]:
    """Return the published names of the outputs.

    Parameters
    ----------
    known : Catalogue
        What there is.
    wanted : tuple of str or None
        Those configured, by either of their names, among them parameters and
        diagnostics; None for all fluxes and states.
    area : bool
        Whether the area is known, or will be.

    Raises
    ------
    ConfigError
        When there is no such output.
    """
    usual, more = known.of("flux", "state"), known.of("parameter", "diagnostic")
    if not area:
        usual = tuple(e for e in usual if e.short != RUNOFF_VOLUME.name)
    if wanted is None:
        return tuple(entry.name for entry in usual)
    published = {n: e.name for e in (*usual, *more) for n in (e.name, e.short)}
    for name in wanted:
        if name not in published:
            hint = suggestion(name, published)
            volume = name in (RUNOFF_VOLUME.name, RUNOFF_VOLUME.standard_name)
            reason = f"; it needs attribute {AREA.name!r}" if volume else hint
            raise ConfigError(f"outputs: no output {name!r}{reason}")
    return tuple(dict.fromkeys(published[name] for name in wanted))
