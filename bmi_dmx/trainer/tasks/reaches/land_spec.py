"""The configuration of land that a river is trained with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ....bundle import bundles, load_bundle
from ....compose import ModelSpec, check_spec
from ....conversion import convert, plain, refuse_outside
from ....errors import ConfigError
from ...experiment import Anchor
from .series_spec import Series

__all__ = ["LAND", "Land"]

LAND = "land"
"""What land is called in a training, and in the names of its files."""


@dataclass(frozen=True, kw_only=True)
class Land:
    """Land whose runoff enters the reaches, trained with them by the flow at gauges.

    Its places are those that enter reaches in the file of the river, such as units of
    land, or reaches where each has land of its own.

    Parameters
    ----------
    start : str, optional
        Bundle with whose weights it begins, by name or folder.
    model : ModelSpec, optional
        What it is made of; default: what the bundle is made of. Where both are given,
        the weights of the bundle must fit.
    gives : str
        Which of its fluxes enters the reaches: a depth over the area in time, or m3
        s-1. What a unit hydrograph answers with, such as ``streamflow``, comes late
        before it is routed; ``runoff`` leaves that to the river.
    routed : bool
        Whether the flow takes its time in the river. If not, what enters above a gauge
        reaches it on the same day, and nothing of the river is learned: what is to be
        beaten.
    rate : float
        Learning rate relative to that of the river; 0 leaves the land as it is.
    keep : float
        Weight in the loss of how far weights are from those of the bundle: the mean
        over all of their squared differences, relative to their mean square.
    spin_up : int
        Days before each window, without gradient. Before the first day of the record
        its first year is repeated.
    path : str, optional
        NetCDF file of the weather; default: the file of the river.
    forcings : dict of str to Series
        What the land reads, by its name in the model. Where ``air_temperature`` is not
        among them it is the middle of the lowest and highest of the day.
    attributes : str
        Table (CSV) with a row for every place: its name first, then what the networks
        read and ``area_km2``.
    """

    start: str | None = None
    model: ModelSpec | None = None
    gives: str = "streamflow"
    routed: bool = True
    rate: float = 1.0
    keep: float = 0.0
    spin_up: int = 365
    path: str | None = None
    forcings: dict[str, Series] = field(default_factory=dict)
    attributes: str

    def __post_init__(self) -> None:
        if self.start is None and self.model is None:
            raise ConfigError("expected 'start' or 'model', found neither")
        if self.model is not None:
            try:
                check_spec(self.model)
            except ConfigError as error:
                raise ConfigError(f"model.{error}") from None
        for name in ("rate", "keep"):
            if not 0.0 <= getattr(self, name) < float("inf"):
                raise ConfigError(
                    f"{name}: found {getattr(self, name)}, expected 0 or more"
                )
        if self.keep and self.start is None:
            raise ConfigError("keep: there is no bundle to keep to; 'start' names one")
        if not self.rate and self.start is None:
            raise ConfigError("rate: land that learns nothing needs 'start'")
        refuse_outside("spin_up", self.spin_up, 0)

    @property
    def spec(self) -> ModelSpec:
        """What the land is made of."""
        if self.model is not None:
            return self.model
        assert self.start is not None
        return convert(load_bundle(self.start).manifest.model, ModelSpec)

    def resolved(self, anchored: Anchor) -> Land:
        """Return the land with absolute paths, and what it is made of."""
        changes: dict[str, Any] = {}
        if self.start is not None and self.start not in bundles:
            changes["start"] = anchored("land.start", self.start)
        changes["model"] = replace(self, **changes).spec
        changes["attributes"] = anchored("land.attributes", self.attributes)
        if self.path is not None:
            changes["path"] = anchored("land.path", self.path)
        changes["forcings"] = {
            name: series
            if series.path is None
            else replace(
                series, path=anchored(f"land.forcings.{name}.path", series.path)
            )
            for name, series in self.forcings.items()
        }
        return replace(self, **changes)

    def course(self) -> Mapping[str, Any]:
        """Return what decides the course of a training, without where files lie."""
        settings: dict[str, Any] = plain(self)
        for key in ("path", "attributes"):
            settings.pop(key, None)
        for series in settings.get("forcings", {}).values():
            series.pop("path", None)
        return settings
