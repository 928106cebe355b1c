"""Data of an experiment on basins, looked at before anything heavy is loaded."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from .... import config
from ....errors import DataError, suggestion
from ....logs import remarks
from ....models.hydrology.climate import CLIMATE
from ...experiment import Anchor
from .data.problems import all_at_once, piece
from .data.read import READERS, open_source, read
from .data.source import Source
from .data.spec import DataSpec
from .scored_data import source_of

__all__ = ["check"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Block:
    """What of an experiment says which data are read."""

    data: DataSpec


def check(entries: Mapping[str, Any], anchored: Anchor, where: str) -> None:
    """Refuse data that cannot be used, with all that is wrong with them.

    Looked at are data that people keep themselves; what others publish is read once, by
    the training. What is odd and repaired is said there too.

    Parameters
    ----------
    entries : mapping
        The experiment as plain data.
    anchored : callable
        Makes paths absolute.
    where : str
        Its file, for messages.

    Raises
    ------
    ConfigError, DataError, UnitsError
        The data cannot be read, or lack attributes that networks read.
    """
    if "data" not in entries:
        return
    spec = config.convert({"data": entries["data"]}, _Block, where=where).data
    if spec.reader not in READERS or not READERS[spec.reader].own or spec.at_once:
        return
    spec = spec.resolved(anchored)
    log.info("%s: looking at the data", where)
    attributes = list(dict.fromkeys(_attributes(entries.get("model", {}))))
    with remarks(), all_at_once():
        source = open_source(spec, Path.cwd())
        computed = () if spec.attributes == "file" else CLIMATE.names
        for name in attributes:
            if name not in computed:
                with piece():
                    _require(source, name)
        read(replace(spec.without_computed(), withheld=""), Path.cwd())


def _attributes(model: Any) -> Iterator[str]:
    """Yield the attributes that the networks of a model read, as they are written."""
    if not isinstance(model, Mapping):
        return
    for key, value in model.items():
        if key == "attributes" and isinstance(value, list):
            yield from map(str, value)
        else:
            yield from _attributes(value)


def _require(source: Source, name: str) -> None:
    """Refuse data without an attribute, saying what could give it."""
    if name not in source.attributes:
        hint = suggestion(name, [*source.attributes, *CLIMATE.names])
        raise DataError(
            f"{source.path}: no attribute {name!r}, which the model reads"
            f" ({source_of(name)}){hint}"
        )
    unknown = source.ids[~np.isfinite(source.attributes[name])]
    if unknown.size:
        raise DataError(
            f"{source.path}: attribute {name!r}, which the model reads, is not known of"
            f" {unknown.size} of {source.ids.size} basins, first '{unknown[0]}'"
        )
