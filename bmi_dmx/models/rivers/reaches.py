"""From files of rivers to the reaches that a component steps."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...bmi.location_files import read_file
from ...bmi.locations import Locations, read_locations
from ...config import expanded
from ...data.identity import match
from ...data.quantity import quantity
from ...errors import ConfigError, DataError, suggestion
from ...operate.operation import Operation
from ...operate.repeated_warnings import warn_once
from ...variables import Attribute, Variable
from .formats import River, read_river
from .formats.read import found
from .lake_kinds import INITIAL_ELEVATION
from .lake_table import lake_reaches
from .names import ALIASES
from .settings import OF_TREE, RiverSettings

__all__ = ["reaches_of"]

Array = np.ndarray[Any, np.dtype[np.float64]]

_log = logging.getLogger(__name__)


def reaches_of(
    settings: RiverSettings, operation: Operation, folder: Path
) -> Locations:
    """Return the reaches of a configuration, with what the model reads of them.

    Parameters
    ----------
    settings : RiverSettings
        With a tree.
    operation : Operation
        The model.
    folder : Path
        What relative paths start from.

    Returns
    -------
    Locations
        Its ``origin`` is the :class:`~.formats.River`.

    Raises
    ------
    ConfigError, DataError, UnitsError
        When a file is not there or not usable, or lacks what the model reads.
    """
    assert settings.tree is not None
    path = found(expanded(settings.tree, "tree", folder))
    lakes = settings.lakes and expanded(settings.lakes, "lakes", folder)
    if not path.exists():
        raise ConfigError(f"tree: {path}: no such file")
    if lakes is not None and not lakes.exists():
        raise ConfigError(f"lakes: {lakes}: no such file")
    river = read_river(path, format=settings.format, lakes=lakes)
    for text in river.remarks:
        _say(text)
    if settings.outlets:
        river = _above(river, settings)
    ids = river.tree.ids
    attributes = _wanted(river, operation.understood, f"tree: {path}")
    attributes |= _completed(attributes, operation, f"tree: {path}")
    attributes |= _lakes(river, operation, path)
    attributes |= _more(settings, operation, folder, ids)
    _refuse_missing(attributes, settings, operation, path, river)
    return Locations(
        ids, attributes, _parameters(settings, operation, folder, river), river
    )


def _say(text: str) -> None:
    """Say once what was assumed about a file."""
    warn_once(_log, text, "%s", text)


def _above(river: River, settings: RiverSettings) -> River:
    """Return what drains through the outlets that are configured."""
    names = [str(name) for name in settings.outlets]
    candidates = (*river.tree.ids, *river.gauges)
    matched = match(names, candidates)
    if matched.lacking:
        name = matched.lacking[0]
        hint = suggestion(name, candidates)
        raise ConfigError(f"outlets: no reach or gauge {name!r}{hint}")
    if matched.remark:
        _say(f"outlets: {matched.remark}")
    return river.upstream_of(candidates[place] for place in matched.places.values())


def _wanted(
    river: River, variables: Mapping[str, Variable], where: str
) -> dict[str, Array]:
    """Return attributes of a river as they are declared; others are passed over."""
    return {
        name: quantity(
            river.attributes[name],
            river.units.get(name, ""),
            variable,
            f"{where}: {name}",
            _say,
        )
        for name, variable in variables.items()
        if name in river.attributes
    }


def _completed(
    attributes: Mapping[str, Array], operation: Operation, where: str
) -> dict[str, Array]:
    """Return what networks read of reaches, the mean where the file has no number.

    The same is done where they are trained.
    """
    names = {name for part in operation.plan.networks for name in part.attributes}
    inputs = {}
    for name in sorted(names & attributes.keys()):
        values = attributes[name]
        missing = np.isnan(values)
        if missing.any() and not missing.all():
            inputs[name] = np.where(missing, np.nanmean(values), values)
            _say(
                f"{where}: {name}: missing at {int(missing.sum())} of {len(values)} "
                "reaches, and taken as the mean of the others"
            )
    return inputs


def _lakes(river: River, operation: Operation, path: Path) -> dict[str, Array]:
    """Return what the model reads of lakes; say where it has none, but the tree has."""
    if "lake" not in operation.required:
        if river.lakes is not None:
            _say(
                f"tree: {path}: its lakes ({len(river.lakes)}) are run as the reaches "
                f"that lie in them, for model {operation.bundle.name!r} has no lakes"
            )
        return {}
    lakes = lake_reaches(river)
    columns = {n: x for n, x in lakes.attributes.items() if n in operation.required}
    return {**columns, INITIAL_ELEVATION.name: lakes.elevation}


def _more(
    settings: RiverSettings, operation: Operation, folder: Path, ids: tuple[str, ...]
) -> dict[str, Array]:
    """Return attributes that the block of the locations gives beside the tree."""
    block = settings.locations
    if block is None:
        return {}
    if block.ids:
        raise ConfigError(
            "locations: ids: the reaches are those of the tree; remove them"
        )
    locations = read_locations(replace(block, ids=ids), folder, operation.understood)
    return locations.attributes


def _refuse_missing(
    attributes: Mapping[str, Array],
    settings: RiverSettings,
    operation: Operation,
    path: Path,
    river: River,
) -> None:
    """Refuse a tree without an attribute that the model reads.

    Raises
    ------
    DataError
        Naming the file and the attribute.
    """
    for name in operation.required:
        if name not in attributes and name not in settings.attribute_defaults:
            hint = suggestion(name, river.attributes)
            raise DataError(
                f"tree: {path}: attribute {name!r}, which the model reads, is not in "
                f"it{hint}; a table of reaches (locations: file) or attribute_defaults "
                "can give it"
            )


def _parameters(
    settings: RiverSettings, operation: Operation, folder: Path, river: River
) -> dict[str, Array]:
    """Return the channel parameters that hold in place of what networks answer."""
    if settings.parameters is None:
        return {}
    variables = {
        name: Attribute(name=name, units=p.units, bounds=p.bounds)
        for name, (_, p) in operation.published.items()
    }
    if settings.parameters == OF_TREE:
        parameters = _wanted(river, variables, f"parameters: {settings.tree}")
        if not parameters:
            hint = suggestion("", variables)
            raise DataError(
                f"parameters: {settings.tree}: has no parameter of the model{hint}"
            )
        return parameters
    path = expanded(settings.parameters, "parameters", folder)
    if not path.is_file():
        raise ConfigError(
            f"parameters: {path}: no such file; expected a table, or {OF_TREE!r}"
        )
    return _table(path, variables, river.tree.ids)


def _table(
    path: Path, variables: Mapping[str, Attribute], ids: tuple[str, ...]
) -> dict[str, Array]:
    """Return the parameters of a table by the names of reaches."""
    others = {
        alias: variables[name] for alias, name in ALIASES.items() if name in variables
    }
    there, columns = read_file(path, (), {**variables, **others})
    if not columns:
        hint = suggestion("", variables)
        raise DataError(f"parameters: {path}: has no parameter of the model{hint}")
    matched = match(ids, there)
    if not matched.places:
        raise DataError(
            f"parameters: {path}: names none of the reaches, the first of which is "
            f"{ids[0]!r}; the first of the table is {there[0]!r}"
        )
    if matched.remark:
        _say(f"parameters: {path}: {matched.remark}")
    if matched.lacking:
        _say(
            f"parameters: {path}: {len(matched.lacking)} of {len(ids)} reaches are not "
            f"in it, and keep what the networks answer; the first is "
            f"{matched.lacking[0]!r}"
        )
    rows = np.array([matched.places.get(name, -1) for name in ids])
    parameters: dict[str, Array] = {}
    for title, values in columns.items():
        name = ALIASES.get(title, title)
        if name in parameters:
            raise DataError(f"parameters: {path}: {name!r} is given twice")
        parameters[name] = np.where(rows >= 0, values[rows], np.nan)
    return parameters
