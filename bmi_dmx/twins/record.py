"""What a model predicted and gauges showed, side by side, to learn its errors from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from .. import config
from ..bundle import Bundle
from ..compose.remaining_error import KNOWN, MISSED, PREDICTED, PREVIOUS
from ..errors import ConfigError, DataError, suggestion
from ..operate.bundle_cache import bundle_named
from ..trainer.tasks.basins.data.basins import BasinData
from ..trainer.tasks.basins.data.read import read
from .hindcast import Hindcast, hindcasts, position
from .hindcast_run import recorded

__all__ = ["record"]

Array = np.ndarray[Any, np.dtype[Any]]


def record(
    hindcast: str,
    models: Mapping[str, Sequence[str]],
    reads: dict[str, str],
    attributes: list[str],
    offset: float,
    spin_up: int = 365,
) -> dict[str, dict[str, Any]]:
    """Return series for the task ``arrays`` from which errors of a model are learned.

    Models run alone; no truth is known but what gauges showed. In days that a model
    learned from it errs less than in days to come. So others of its kind may be given
    that did not learn from the days that they are asked for (cross-fitting): what they
    give follows in time, as if it were more days.

    Parameters
    ----------
    hindcast : str
        Of the package: which basins.
    models : mapping of str to (str, str)
        First and last day, as ``1980-10-01``, by name or folder of a bundle. A relative
        folder starts at the current one.
    reads : mapping of str to str
        What is read of the model besides its flow, by name, with units.
    attributes : list of str
        Of the basins.
    offset : float
        Added to flows before the root, mm per day.
    spin_up : int
        Days at the beginning by which each model comes to itself, which are run and
        left out.

    Raises
    ------
    BundleError
        When there is no such model.
    ConfigError
        When there is no such hindcast, no model, or days are none.
    DataError
        When the data lack some of the days, or an attribute.
    """
    paths = hindcasts()
    if hindcast not in paths:
        hint = suggestion(hindcast, paths)
        raise ConfigError(f"data.options.hindcast: no {hindcast!r}{hint}")
    if not models:
        raise ConfigError("data.options.models: found none, expected one or more")
    data = read(config.load(paths[hindcast], Hindcast).data)
    for name in attributes:
        if name not in data.attributes:
            raise DataError(f"attributes: {name!r}{suggestion(name, data.attributes)}")
    bundles = {name: bundle_named(name, Path.cwd()) for name in models}
    runs = []
    for name, bundle in bundles.items():
        run = data.part(_days(data, name, models[name], spin_up))
        forcing, observed = _series(bundle, run, reads, offset)
        runs.append(({n: x[spin_up:] for n, x in forcing.items()}, observed[spin_up:]))
    first = next(iter(bundles.values()))
    return {
        "forcing": {
            name: np.concatenate([forcing[name] for forcing, _ in runs])
            for name in runs[0][0]
        },
        "attributes": {name: data.attributes[name] for name in attributes},
        "targets": {"expected": np.concatenate([observed for _, observed in runs])},
        "units": {name: _units(first, name) for name in attributes},
    }


def _days(data: BasinData, name: str, period: Sequence[str], spin_up: int) -> slice:
    """Return the days of the data for which a model is asked."""
    where = f"data.options.models.{name}"
    if len(period) != 2:
        raise ConfigError(f"{where}: found {period}, expected a first and a last day")
    begin, end = (position(data, date.fromisoformat(str(day))) for day in period)
    if end - begin < spin_up:
        raise ConfigError(
            f"{where}: found {period[0]} to {period[1]}, expected more than the "
            f"{spin_up} days of spin_up"
        )
    return slice(begin, end + 1)


def _series(
    bundle: Bundle, run: BasinData, reads: Mapping[str, str], offset: float
) -> tuple[dict[str, Array], Array]:
    """Return what is read of each day, (day, basin) by name, and what was observed."""
    series = recorded(bundle, run, ("streamflow", *reads))
    predicted, observed = series.pop("streamflow"), run.target.astype(float)
    missed = np.sqrt(np.maximum(observed, 0.0) + offset) - np.sqrt(predicted + offset)
    before = np.concatenate([np.full_like(missed[:1], np.nan), missed[:-1]])
    forcing = {
        PREDICTED: predicted,
        PREVIOUS: np.concatenate([predicted[:1], predicted[:-1]]),
        MISSED: np.nan_to_num(before),
        KNOWN: np.isfinite(before).astype(float),
        **series,
    }
    return forcing, observed


def _units(bundle: Bundle, name: str) -> str:
    """Return the units in which a model reads an attribute."""
    for attribute in bundle.manifest.attributes:
        if attribute.name == name:
            return attribute.units
    return "1"
