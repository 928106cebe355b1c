"""From a ``data:`` block to the data of basins."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .....config import expanded
from .....errors import ConfigError, DataError, suggestion
from .....models.hydrology.climate import CLIMATE
from .....registry import Registry
from .attributes import has_extremes, portable
from .basins import Array64, BasinData, parse_period, positions
from .memory_map import mapped
from .places import read_places
from .problems import settle
from .products import common_days, moved_alike, side_by_side
from .quality import (
    check_places,
    check_water,
    complete_forcing,
    observed,
    remark_far,
)
from .remarks import each_once
from .source import Source
from .spec import DataSpec
from .withheld_days import read_withheld, without

__all__ = ["READERS", "moved", "open_source", "read", "read_for_training"]

READERS: Registry[type[Source]] = Registry(
    "reader",
    {
        "basins": f"{__package__}.netcdf:BasinFile",
        "camels_us": f"{__package__}.camels:CamelsUs",
        "caravan": f"{__package__}.caravan:Caravan",
        "delaware": f"{__package__}.delaware:Delaware",
        "tables": f"{__package__}.tables:Tables",
    },
)
"""Readers by the name used in ``data.reader``."""


log = logging.getLogger(__name__)

CHOICES = ("product", "products", "forcings", "target", "targets", "units")
"""Keys that some readers have no use for."""

SHOWN = 5
"""Most basins named where many lack something."""


def read(spec: DataSpec, folder: Path | None = None) -> BasinData:
    """Read, check and complete the data that ``spec`` describes.

    Parameters
    ----------
    spec : DataSpec
        The ``data:`` block.
    folder : Path, optional
        Where relative paths start: the folder of the configuration file; the current
        folder when absent.

    Returns
    -------
    BasinData
        Basins in the order of the data set, or of the list in ``spec.basins``.

    Raises
    ------
    ConfigError, DataError, UnitsError
        The block is wrong, or the data are missing, malformed or not usable.
    """
    return _read(spec, folder or Path.cwd(), lambda data: data)


def _read(
    spec: DataSpec, folder: Path, select: Callable[[BasinData], BasinData | None]
) -> BasinData:
    """Read what ``select`` leaves of each group of basins."""
    source = open_source(spec, folder)
    if spec.places:
        _add_places(spec, source, folder)
    ids = spec.choose(source.ids, source.attributes, folder, source.left_out)
    if spec.basins == "all":
        _report(source)
    at = positions(ids, source.ids)
    attributes = {name: values[at] for name, values in source.attributes.items()}
    check_places(attributes, ids, str(source.path))
    products = spec.products or ("",)
    sources = [source, *(_of(spec, name, folder) for name in products[1:])]
    count = spec.at_once or ids.size

    def group(first: int) -> BasinData | None:
        part = slice(first, first + count)
        constants = {name: values[part] for name, values in attributes.items()}
        return select(_read_group(spec, sources, ids[part], constants, folder))

    groups = filter(None, map(group, range(0, ids.size, count)))
    with each_once():
        data = next(groups, None) if count >= ids.size else mapped(groups, ids.size)
    if data is None:
        raise DataError("no basin has an observation in the training period")
    remark_far(data.attributes, data.ids, str(source.path))
    return data


def _read_group(
    spec: DataSpec,
    sources: Sequence[Source],
    ids: NDArray[np.str_],
    attributes: dict[str, Array64],
    folder: Path,
) -> BasinData:
    """Read, check and complete what there is of some basins."""
    source, products = sources[0], spec.products
    period = parse_period(*spec.period) if spec.period else None
    read_all = [one.series(ids, period) for one in sources]
    if products:
        read_all = common_days(read_all, products)
    series, time = read_all[0], read_all[0].time
    complete = [
        complete_forcing(
            one.forcing,
            ids,
            time,
            gaps=spec.gaps,
            max_gap=spec.max_gap,
            where=of.where,
        )
        for one, of in zip(read_all, sources, strict=True)
    ]
    target = observed(series.target, ids, time, source.where)
    settle()
    forcing = complete[0]
    if products:
        forcing = side_by_side(products, sources, complete, str(ids[0]))
    data = BasinData(
        ids=ids,
        time=time,
        forcing=forcing,
        attributes=attributes,
        target=target,
        units=source.units,
        targets=series.observed,
        stations=source.stations,
    )
    shift = moved_alike(spec.shift, products, forcing) if products else spec.shift
    data = moved(data, shift)
    check_water(data.forcing["precipitation"], data.target, ids, source.where)
    if spec.withheld:
        path = expanded(spec.withheld, "data.withheld", folder)
        # In the climate neither: what stands in is of the days it is computed from.
        mask = read_withheld(path, data.ids, data.time)
        data = without(data, mask, spec.attributes_period)
    constants, computed = _attributes(spec, data, source)
    unread = tuple(sorted(attributes.keys() - constants.keys()))
    return replace(data, attributes=constants, unread=unread, computed=computed)


def read_for_training(
    spec: DataSpec, train: tuple[date, date], folder: Path | None = None
) -> BasinData:
    """Read data, without the basins that have nothing to learn from if so asked.

    Parameters
    ----------
    spec : DataSpec
        The ``data:`` block.
    train : (date, date)
        First and last day of the training period.
    folder : Path, optional
        As for :func:`read`.

    Raises
    ------
    ConfigError, DataError, UnitsError
        As :func:`read`; or no basin is left.
    """
    if spec.unobserved == "refuse":
        return read(spec, folder)
    unobserved: list[str] = []

    def learned_from(data: BasinData) -> BasinData | None:
        try:
            observed = np.isfinite(data.period(*train).target).any(axis=0)
        except DataError as error:
            raise DataError(f"periods.train: {error}") from None
        unobserved.extend(data.ids[~observed].tolist())
        if observed.all():
            return data
        return data.select(data.ids[observed].tolist()) if observed.any() else None

    data = _read(spec, folder or Path.cwd(), learned_from)
    if unobserved:
        log.warning(
            "%d of %d basins have no observation in the training period and are left "
            "out: %s",
            len(unobserved), len(unobserved) + data.ids.size, ", ".join(unobserved),
        )  # fmt: skip
    return data


def _add_places(spec: DataSpec, source: Source, folder: Path) -> None:
    """Add what a table says of the basins, before what the data set says."""
    path = spec.locate(folder, "places")
    more, units = read_places(path, source.ids.tolist())
    for name, values in more.items():
        original = source.attributes.get(name)
        column = (
            values if original is None else np.where(np.isnan(values), original, values)
        )
        source.attributes[name] = column
    source.units = {**source.units, **units}


def moved(data: BasinData, shift: Mapping[str, int]) -> BasinData:
    """Return data with some forcings moved in time, and the ends that lack them cut.

    Parameters
    ----------
    data : BasinData
    shift : mapping of str to int
        Steps by which a forcing is moved later, by name.

    Raises
    ------
    DataError
        There is no such forcing, or the record is not as long.
    """
    for name in shift:
        if name not in data.forcing:
            hint = suggestion(name, data.forcing)
            raise DataError(f"data.shift: the data hold no forcing {name!r}{hint}")
    first, last = max(0, *shift.values(), 0), min(0, *shift.values(), 0)
    if first - last >= data.time.size:
        raise DataError(f"data.shift: the record has {data.time.size} steps")
    if not any(shift.values()):
        return data
    forcing = {
        name: np.roll(values, shift.get(name, 0), axis=0)
        for name, values in data.forcing.items()
    }
    steps = slice(first, data.time.size + last)
    return replace(data, forcing=forcing).part(steps)


def _report(source: Source) -> None:
    """Log which basins the data set does not hold completely."""
    reasons: dict[str, list[str]] = {}
    for name, reason in source.left_out.items():
        reasons.setdefault(reason, []).append(name)
    for reason, names in reasons.items():
        log.warning(
            "%s: %d basins are left out: %s (%s%s)",
            source.path,
            len(names),
            reason,
            ", ".join(names[:SHOWN]),
            ", …" if len(names) > SHOWN else "",
        )


def open_source(spec: DataSpec, folder: Path) -> Source:
    """Return the data set of a ``data:`` block, of which no series is read yet.

    Raises
    ------
    ConfigError, DataError, UnitsError
        The block is wrong, or there is nothing that its reader understands.
    """
    try:
        reader = READERS[spec.reader]
    except ConfigError as error:
        raise ConfigError(f"data.reader: {error}") from error
    shipped = None if spec.path else reader.shipped()
    for key in CHOICES:
        if getattr(spec, key) and key not in reader.choices:
            choices = (
                ", ".join(n for n in CHOICES if n in reader.choices) or "none of them"
            )
            raise ConfigError(
                f"data.{key}: the reader {spec.reader!r} does not use it; of"
                f" {', '.join(CHOICES)} it uses {choices}"
            )
    if spec.products:
        spec = replace(spec, product=spec.products[0], products=(), shift={})
    return reader(spec, shipped or spec.locate(folder))


def _of(spec: DataSpec, product: str, folder: Path) -> Source:
    """Return the data set of one product among several, nothing else of it asked."""
    return open_source(
        replace(spec, product=product, products=(), targets={}, shift={}), folder
    )


def _attributes(
    spec: DataSpec, data: BasinData, source: Source
) -> tuple[dict[str, Array64], tuple[str, ...]]:
    """Return the attributes that are asked for, and which were computed."""
    attributes = dict(data.attributes)
    if spec.attributes == "file":
        return attributes, ()
    if not has_extremes(data):
        raise DataError(
            f"{source.path}: portable attributes need the lowest and the highest"
            " temperature of the day, which these data do not hold; set data.attributes"
            " to 'file', and model.evaporation to 'oudin'"
        )
    if spec.attributes_period is not None:
        _check_covered(data, *spec.attributes_period)
    try:
        computed = portable(data, spec.attributes_period)
    except DataError as error:
        raise DataError(f"{source.path}: portable attributes: {error}") from None
    climates = tuple(name for name in computed if name in CLIMATE)
    return (
        computed if spec.attributes == "portable" else {**attributes, **computed}
    ), climates


def _check_covered(data: BasinData, first: date, last: date) -> None:
    try:
        data.period(first, last)
    except DataError as error:
        raise DataError(
            "data.attributes_period, which spans training and validation unless given: "
            f"{error}"
        ) from None
