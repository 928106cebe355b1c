"""What a model predicted and gauges showed, side by side, to learn its errors from."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np

from .. import config
from ..bundle import Bundle
from ..compose.remaining import KNOWN, MISSED, PREDICTED, PREVIOUS
from ..errors import ConfigError, DataError, suggestion
from ..operate.shared import bundle_named
from ..trainer.tasks.basins.data.read import read
from .hindcast import Hindcast, hindcasts, position
from .hindcast_run import recorded

__all__ = ["record"]

Array = np.ndarray[Any, np.dtype[Any]]


def record(
    hindcast: str,
    first: str,
    last: str,
    reads: dict[str, str],
    attributes: list[str],
    offset: float,
    spin_up: int = 365,
) -> dict[str, dict[str, Any]]:
    """Return series for the task ``arrays`` from which errors of a model are learned.

    The model runs alone; no truth is known but what gauges showed.

    Parameters
    ----------
    hindcast : str
        Of the package: which model, and which basins.
    first, last : str
        The days, as ``1980-10-01``.
    reads : mapping of str to str
        What is read of the model besides its flow, by name, with units.
    attributes : list of str
        Of the basins.
    offset : float
        Added to flows before the root, mm per day.
    spin_up : int
        Days at the beginning by which the model comes to itself, which are run and left
        out.

    Raises
    ------
    ConfigError
        When there is no such hindcast.
    DataError
        When the data lack some of the days, or an attribute.
    """
    known = hindcasts()
    if hindcast not in known:
        hint = suggestion(hindcast, known)
        raise ConfigError(f"data.options.hindcast: no {hindcast!r}{hint}")
    settings = config.load(known[hindcast], Hindcast)
    data = read(settings.data)
    begin, end = (position(data, date.fromisoformat(day)) for day in (first, last))
    run = data.part(slice(begin, end + 1))
    for name in attributes:
        if name not in run.attributes:
            raise DataError(f"attributes: {name!r}{suggestion(name, run.attributes)}")
    bundle = bundle_named(settings.bundle, known[hindcast].parent)
    found = recorded(bundle, run, ("streamflow", *reads))
    predicted, observed = found.pop("streamflow"), run.target.astype(float)
    missed = np.sqrt(np.maximum(observed, 0.0) + offset) - np.sqrt(predicted + offset)
    before = np.concatenate([np.full_like(missed[:1], np.nan), missed[:-1]])
    forcing = {
        PREDICTED: predicted,
        PREVIOUS: np.concatenate([predicted[:1], predicted[:-1]]),
        MISSED: np.nan_to_num(before),
        KNOWN: np.isfinite(before).astype(float),
        **found,
    }
    spun_up = slice(spin_up, None)
    return {
        "forcing": {name: x[spun_up] for name, x in forcing.items()},
        "attributes": {name: run.attributes[name] for name in attributes},
        "targets": {"expected": observed[spun_up]},
        "units": {name: _units(bundle, name) for name in attributes},
    }


def _units(bundle: Bundle, name: str) -> str:
    """Return the units in which a model reads an attribute."""
    for attribute in bundle.manifest.attributes:
        if attribute.name == name:
            return attribute.units
    return "1"
