"""Lateral inflow as it comes: by reach, nexus or unit of land, in any order."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...conversion import shown
from ...data.identity import match, names_of, refuse_repeated
from ...errors import ConfigError, DataError, suggestion
from ...operate.repeated_warnings import warn_once
from ...space import Map, Points
from .formats import River
from .numbers import numbers_of
from .settings import REACHES

__all__ = ["Sources"]

Array = np.ndarray[Any, np.dtype[Any]]

_log = logging.getLogger(__name__)

_FORCING = "lateral_inflow"


class Sources:
    """What enters the reaches, under the names under which it comes.

    Parameters
    ----------
    river : River or None
        What else than a reach has a name, and where it enters.
    reaches : sequence of str
        Names of the reaches.
    flow : ndarray
        (reach,) what enters each in the next step, m3 s-1.
    sources : str or sequence of str
        As of :class:`~.settings.RiverSettings`.

    Attributes
    ----------
    river : River or None
        As given.
    names : tuple of str
        Names in the order in which values come.
    values : ndarray
        (source,) m3 s-1; that of the flow itself where they are the reaches.

    Raises
    ------
    ConfigError
        When there are no such names.
    """

    def __init__(
        self,
        river: River | None,
        reaches: Sequence[str],
        flow: Array,
        sources: str | Sequence[str | int] = REACHES,
    ) -> None:
        self.river, self._flow = river, flow
        self._reaches = tuple(reaches)
        others = () if river is None else tuple(river.entering)
        self._known = (*self._reaches, *(n for n in others if n not in set(reaches)))
        self._restored = False
        self._map: Map | None = None
        self.names, self.values = self._reaches, flow
        self._like = self._reaches
        if sources != REACHES:
            self._like = self._configured(sources)
            self._take(self._like)

    def _configured(self, sources: str | Sequence[str | int]) -> tuple[str, ...]:
        if isinstance(sources, str):
            matches = tuple(name for name in self._known if name.startswith(sources))
            if not matches:
                raise ConfigError(
                    f"sources: no name begins with {sources!r}"
                    f"{suggestion(sources, self._known)}"
                )
            return matches
        names = [str(name) for name in sources]
        try:
            return self._matched(names, self._known)
        except DataError as error:
            raise ConfigError(f"sources: {error}") from None

    @property
    def direct(self) -> bool:
        """Whether values come by reach, in the order of the reaches."""
        return self._map is None

    @property
    def numbers(self) -> Array:
        """Return the numbers in the names, (source,)."""
        return numbers_of(self.names, "sources")

    def declare(self, ids: Array) -> None:
        """Say whose values come from now on, and in which order.

        What was set before is forgotten, unless nothing changes. Where their number
        does, the values are another array.

        Parameters
        ----------
        ids : ndarray
            Names as text; or whole numbers, which are those in names like the ones
            there were.

        Raises
        ------
        DataError
            When one is not known, or is given twice.
        """
        if not ids.size:
            raise DataError("land_surface_water_source__id: found none")
        try:
            names = names_of(ids, "land_surface_water_source__id")
        except DataError:
            if ids.dtype.kind not in "iufUSO":
                raise DataError(
                    f"land_surface_water_source__id: expected names, found {shown(ids)}"
                ) from None
            raise
        among = self._like if ids.dtype.kind in "iuf" else self._known
        try:
            sources = self._matched(names, among)
        except DataError as error:
            raise DataError(f"land_surface_water_source__id: {error}") from None
        if sources != self.names:
            self._take(sources)

    def _matched(self, names: Sequence[str], among: Sequence[str]) -> tuple[str, ...]:
        refuse_repeated(names, "names")
        matched = match(names, among)
        if matched.lacking:
            name = matched.lacking[0]
            raise DataError(f"{name!r} is no name of a source{suggestion(name, among)}")
        return tuple(among[matched.places[name]] for name in names)

    def _take(self, names: tuple[str, ...]) -> None:
        before = self.values.size
        self.names, self._restored = names, False
        if names == self._reaches:
            self._map, self.values = None, self._flow
        else:
            self._map = self._map_from(names)
            if before != len(names) or self.values is self._flow:
                self.values = np.empty(len(names))
        self.values.fill(np.nan)
        self._tell_dry()

    def _map_from(self, names: tuple[str, ...]) -> Map:
        if self.river is not None:
            return self.river.map_from(names)
        links = [(name, name, 1.0) for name in names]
        return Map.by_id(Points(names), Points(self._reaches), links)

    def _tell_dry(self) -> None:
        """Say once that reaches get nothing from the sources there are."""
        if self._map is None:
            return
        dry = np.ones(len(self._reaches), dtype=bool)
        dry[self._map.rows] = False
        if dry.any():
            warn_once(
                _log, "sources",
                "%d of %d reaches have no lateral inflow from the sources there are; "
                "the first is %r",
                int(dry.sum()), dry.size, self._reaches[int(dry.argmax())],
            )  # fmt: skip

    def forget(self) -> None:
        """Let the flow be that of a state that was restored, until values are set."""
        if self._map is not None:
            self.values.fill(np.nan)
            self._restored = True

    def spread(self) -> None:
        """Let the reaches have what the sources bring."""
        if self._map is None or (self._restored and np.isnan(self.values).all()):
            return
        self._restored = False
        self._flow[:] = self._map.apply(self.values)

    def brought(self, values: Array) -> Array:
        """Return what sources bring to the reaches, (..., reach) of (..., source)."""
        return values if self._map is None else self._map.apply(values)

    def checked(self, check: Callable[[], None]) -> None:
        """Spread the values, and look at them; the error is told of the source.

        Parameters
        ----------
        check : callable
            Looks at the flow of the reaches.

        Raises
        ------
        DataError
            When a value is missing, negative or absurd.
        """
        self.spread()
        try:
            check()
        except DataError as error:
            bad = ~(self.values >= 0.0)
            if self._map is None or not bad.any() or self._restored:
                raise
            at = int(bad.argmax())
            raise DataError(
                f"forcing {_FORCING!r} of source {self.names[at]!r} is "
                f"{self.values[at]:g} m3 s-1; expected 0 or more ({error})"
            ) from None

    def gathered(self, values: Array) -> Array:
        """Return what changes of the reaches' flow mean for the sources.

        Parameters
        ----------
        values : ndarray
            (..., reach) derivatives by the flow that enters each.

        Returns
        -------
        ndarray
            (..., source) derivatives by what each brings.
        """
        if self._map is None:
            return values
        derivatives = np.zeros((len(self.names), *values.shape[:-1]))
        shares = values[..., self._map.rows] * self._map.weights
        np.add.at(derivatives, self._map.columns, np.moveaxis(shares, -1, 0))
        return np.moveaxis(derivatives, 0, -1)
