"""Observations from files, each brought after the step in which it holds."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from ...config import expanded
from ...data.identity import listed, match
from ...data.quantity import assumed
from ...errors import ConfigError, DataError, UnitsError, suggestion
from ...operate.ensemble import EnsembleRunner
from ...operate.repeated_warnings import warn_once
from ...registries import observation_files
from ...units import convert
from .analysis import Assimilation, output_named
from .inbox import Inbox
from .series import ObservedSeries
from .settings import ObservationFile

__all__ = ["FileSource", "source_of"]

Array = np.ndarray[Any, np.dtype[Any]]

_log = logging.getLogger(__name__)

_EPOCH = datetime(1970, 1, 1)


class FileSource:
    """Gives out rows of observations in the order of their times.

    What is given after a step depends on the time alone, so that a run that is resumed
    goes on where it was.

    Parameters
    ----------
    name : str
        Output that is observed.
    time, place, value : ndarray
        (row,) seconds since 1970, positions among the places of the model, and values
        in its units.
    places : int
        Number of places of the model.
    """

    def __init__(
        self, name: str, time: Array, place: Array, value: Array, places: int
    ) -> None:
        there = np.flatnonzero(~np.isnan(value))
        order = there[np.argsort(time[there], kind="stable")]
        self._name, self._places = name, places
        self._time, self._place = time[order], place[order]
        self._value = value[order]

    def bring(self, inboxes: Mapping[str, Inbox], now: float, seconds: float) -> None:
        """Put the means of what holds in the step that ends into the inbox."""
        slack = 1e-6 * seconds
        span = np.array([now - seconds + slack, now + slack])
        first, last = np.searchsorted(self._time, span, side="right")
        if first == last:
            return
        place, value = self._place[first:last], self._value[first:last]
        count = np.bincount(place, minlength=self._places)
        total = np.bincount(place, value, self._places)
        at = np.flatnonzero(count)
        inboxes[self._name].value[at] = total[at] / count[at]


def source_of(
    settings: ObservationFile,
    folder: Path,
    runner: EnsembleRunner,
    assimilation: Assimilation,
) -> FileSource:
    """Read the observations of a configuration.

    Parameters
    ----------
    settings : ObservationFile
        Which.
    folder : Path
        What a relative path starts from.
    runner : EnsembleRunner
        Whose places are observed.
    assimilation : Assimilation
        What is declared to be observed.

    Raises
    ------
    ConfigError
        When there is no such file, format, quantity or place.
    DataError
        When it cannot be read, or nothing in it is of these places.
    UnitsError
        When its units are those of something else.
    """
    key = "assimilation: observations"
    name = _quantity(settings, runner, assimilation, key)
    try:
        reader = observation_files[settings.format]
    except ConfigError as error:
        raise ConfigError(f"{key}: format: {error}") from None
    file = expanded(settings.file, f"{key}: file", folder)
    series = [reader(path) for path in _paths(file, key)]
    for remark in dict.fromkeys(r for one in series for r in one.remarks):
        warn_once(_log, remark, "%s: %s", series[0].path, remark)
    there = tuple(dict.fromkeys(p for one in series for p in one.places))
    positions = _found(settings, runner.ids, there, key)
    parts = [_rows(one, positions, runner, name) for one in series]
    time, place, value = (
        np.concatenate(columns) for columns in zip(*parts, strict=True)
    )
    if not time.size:
        raise DataError(f"{key}: {series[0].path}: found no value of these places")
    time, place, value = _once(time, place, value, runner.ids, series[0].path)
    _tell_unused(time, runner, series[0].path)
    return FileSource(name, time, place, value, len(runner.ids))


def _once(
    time: Array, place: Array, value: Array, ids: Sequence[str], path: Path
) -> tuple[Array, Array, Array]:
    """Return the rows that hold a value, once each: files may overlap.

    A mean over a step would count a value twice. Of values that contradict each other
    it cannot be known which is meant: all are kept, and said.
    """
    there = np.flatnonzero(~np.isnan(value))
    order = there[np.lexsort((value[there], place[there], time[there]))]
    time, place, value = time[order], place[order], value[order]
    same = (np.diff(time) == 0.0) & (np.diff(place) == 0)
    repeated = same & (np.diff(value) == 0.0)
    other = np.flatnonzero(same & ~repeated)
    if other.size:
        k = int(other[0])
        warn_once(
            _log, f"{path}: contradicting",
            "%s: %d values differ from others of their place and time, and the mean is "
            "taken: %g and %g at %s on %s", path, other.size, value[k], value[k + 1],
            ids[place[k]], _EPOCH + timedelta(seconds=float(time[k])),
        )  # fmt: skip
    rows = np.flatnonzero(~np.append(False, repeated)) if value.size else order
    return time[rows], place[rows], value[rows]


def _tell_unused(time: Array, runner: EnsembleRunner, path: Path) -> None:
    """Say where no observation can be used, for the run is at another time.

    Parameters
    ----------
    time : ndarray
        Seconds since 1970 at which something is known.
    runner : EnsembleRunner
    path : Path
        For the message.
    """
    clock = runner.clock
    if not clock.dated:
        return
    if not time.size:
        warn_once(_log, f"{path}: time", "%s: all its values are missing", path)
        return
    start = (clock.start - _EPOCH).total_seconds()
    first, last = float(time.min()), float(time.max())
    if last > start and first <= start + clock.end:
        return
    warn_once(
        _log, f"{path}: time",
        "%s: nothing of it is used: it is from %s to %s, the run begins at %s", path,
        _EPOCH + timedelta(seconds=first), _EPOCH + timedelta(seconds=last),
        clock.start,
    )  # fmt: skip


def _quantity(
    settings: ObservationFile,
    runner: EnsembleRunner,
    assimilation: Assimilation,
    key: str,
) -> str:
    names = tuple(assimilation.inboxes)
    if settings.quantity is None:
        if len(names) != 1:
            raise ConfigError(
                f"{key}: quantity: missing; observed are {listed(names) or 'none'}, "
                "expected one of them"
            )
        return names[0]
    name = output_named(runner, settings.quantity)
    if name not in names:
        raise ConfigError(
            f"{key}: quantity: {settings.quantity!r} is not among what is "
            f"observed{suggestion(settings.quantity, names)}"
        )
    return name


def _paths(path: Path, key: str) -> list[Path]:
    if not path.is_dir():
        if not path.is_file():
            raise ConfigError(f"{key}: file: {path}: no such file")
        return [path]
    files = sorted(p for p in path.iterdir() if p.is_file() and p.name[0] != ".")
    if not files:
        raise ConfigError(f"{key}: file: {path}: the folder has no files")
    return files


def _found(
    settings: ObservationFile, ids: Sequence[str], there: Sequence[str], key: str
) -> dict[str, int]:
    """Return the position of the model's place, by name in the file."""
    for name in settings.places:
        if name not in ids:
            raise ConfigError(
                f"{key}: places: the model has no place {name!r}{suggestion(name, ids)}"
            )
    positions = {settings.places.get(name, name): k for k, name in enumerate(ids)}
    matched = match(tuple(positions), there)
    names = [settings.places[n] for n in ids if n in settings.places]
    missing = [name for name in names if name in matched.lacking]
    if missing or not matched.places:
        raise DataError(
            f"{key}: {settings.file}: found no place "
            f"{listed(missing or list(matched.lacking))}; it has {listed(list(there))}"
        )
    if matched.remark:
        _log.info("%s: %s", key, matched.remark)
    if matched.lacking:
        _log.info("%s: nothing of %s", key, listed(list(matched.lacking)))
    return {there[entry]: positions[name] for name, entry in matched.places.items()}


def _rows(
    series: ObservedSeries, positions: dict[str, int], runner: EnsembleRunner, name: str
) -> tuple[Array, Array, Array]:
    """Return the rows of a series at places of the model, in its units."""
    position = np.array([positions.get(p, -1) for p in series.places], np.intp)
    place = position[series.place] if series.place.size else np.zeros(0, np.intp)
    ours = place >= 0
    value = series.value[ours]
    units = _units(runner, name)
    if not series.units:
        remark = assumed({name: units})
        warn_once(_log, f"{series.path}: units", "%s: %s", series.path, remark)
    if series.units and series.units != units:
        try:
            value = np.asarray(convert(value, series.units, units), float)
        except UnitsError as error:
            raise UnitsError(
                f"{series.path}: {error}; observe a quantity of such units in place of "
                f"{name!r}"
            ) from None
    return series.time[ours], place[ours], value


def _units(runner: EnsembleRunner, name: str) -> str:
    """Return the units of an output for the host."""
    operation = runner.operation
    part, short = next(k for k, x in runner.stages.buffers.items() if x == name)
    declared = operation.plan[part].declared(operation.inner)
    variable = next(v for v in declared.outputs if v.name == short)
    return operation.exchange(variable)[0]
