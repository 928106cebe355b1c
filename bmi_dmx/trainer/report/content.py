"""What a report shows: places and their scores, series, parameters, curves, notes.

Plain declarations, filled by tasks; how they are drawn stands elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .numbers_in_pages import encoded, numbers, shown_places

__all__ = [
    "Curve",
    "Findings",
    "Line",
    "Panel",
    "Parameter",
    "PlaceColumn",
    "PlaceScore",
    "Places",
    "SeriesSet",
    "Table",
    "Tile",
]

Array = NDArray[np.float64]

MOST_NUMBERS = 3_000_000
"""Of all series together in a page, two bytes each."""

MILLISECOND = np.timedelta64(1, "ms")


@dataclass(frozen=True)
class Tile:
    """A number that is seen first.

    Parameters
    ----------
    value, label, note : str
        The number as text, what it is, and what to compare it with.
    """

    value: str
    label: str
    note: str = ""


@dataclass(frozen=True)
class Table:
    """A table with a caption.

    Parameters
    ----------
    heads : sequence of str
        Heads of the columns.
    rows : sequence of sequence
        Cells, see :meth:`~..protocols.page.Page.table`.
    caption : str
        What it shows.
    """

    heads: Sequence[str]
    rows: Sequence[Sequence[Any]]
    caption: str = ""


@dataclass(frozen=True, kw_only=True)
class PlaceColumn:
    """A number known of every place.

    Parameters
    ----------
    label, units : str
        What it is called, and in which units it is.
    values : array (place,)
        NaN where it is not known.
    digits : int
        Behind the point.
    """

    label: str
    units: str
    values: Array
    digits: int = 0

    def plain(self) -> dict[str, Any]:
        """Return it as the page holds it."""
        return {
            "label": self.label, "units": self.units, "digits": self.digits,
            "values": numbers(self.values),
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class PlaceScore:
    """A score of every place.

    Parameters
    ----------
    label, about : str
        What it is called, and what it means.
    values : array (place,)
        NaN where it is not defined.
    ideal : float
        Its best value.
    range : (float, float)
        What the colours span.
    """

    label: str
    about: str
    values: Array
    ideal: float
    range: tuple[float, float]

    @classmethod
    def of(cls, label: str, about: str, values: Array, ideal: float) -> PlaceScore:
        """Return a score whose colours span most of its values, and the best one.

        One that is at best 1 and hardly below 0 has colours from 0 to 1.
        """
        finite = values[np.isfinite(values)]
        low, high = np.quantile(finite, [0.05, 0.95]) if finite.size else (0.0, 1.0)
        if ideal == 1.0 and finite.size and finite.max() <= 1.0:
            return cls(
                label=label, about=about, values=values, ideal=1.0, range=(0.0, 1.0)
            )
        if finite.size and finite.min() >= ideal:
            span = (ideal, max(float(high), ideal + 1e-9))
        else:
            far = max(abs(low - ideal), abs(high - ideal), 1e-9)
            span = (ideal - float(far), ideal + float(far))
        return cls(label=label, about=about, values=values, ideal=ideal, range=span)

    def plain(self) -> dict[str, Any]:
        """Return it as the page holds it."""
        return {
            "label": self.label, "about": self.about, "ideal": self.ideal,
            "range": list(self.range), "values": numbers(self.values),
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where a model was scored, and how it did there.

    Parameters
    ----------
    what : str
        What a place is called.
    ids : sequence of str
        Their names in files.
    scores : sequence of PlaceScore
        The one of interest first.
    names : sequence of str, optional
        What people call them.
    x, y : array (place,), optional
        Where they are; degrees east and north where ``degrees``.
    columns : sequence of PlaceColumn
        What else is known of them.
    """

    what: str
    ids: Sequence[str]
    scores: Sequence[PlaceScore]
    names: Sequence[str] | None = None
    x: Array | None = None
    y: Array | None = None
    degrees: bool = True
    columns: Sequence[PlaceColumn] = ()

    @property
    def mapped(self) -> bool:
        """Whether all of them can be drawn on a map."""
        return (
            self.x is not None
            and self.y is not None
            and bool(np.isfinite(self.x).all() and np.isfinite(self.y).all())
        )

    @property
    def typical(self) -> int:
        """The place whose first score is the median, or nearest to it."""
        values = self.scores[0].values
        if not np.isfinite(values).any():
            return 0
        return int(np.nanargmin(np.abs(values - np.nanmedian(values))))

    def plain(self) -> dict[str, Any]:
        """Return them as the page holds them."""
        content: dict[str, Any] = {
            "what": self.what, "ids": list(self.ids), "first": self.typical,
            "names": None if self.names is None else list(self.names),
            "degrees": self.degrees,
            "scores": [score.plain() for score in self.scores],
            "columns": [column.plain() for column in self.columns],
        }  # fmt: skip
        if self.mapped and self.x is not None and self.y is not None:
            content |= {"x": numbers(self.x), "y": numbers(self.y)}
        return content


@dataclass(frozen=True, kw_only=True)
class Line:
    """One quantity at every time step and place.

    Parameters
    ----------
    name, label, units : str
        How the page and how a reader calls it, and its units.
    values : array (time, place)
        NaN where missing.
    kind : {"line", "hanging"}
        Whether it is a line, or columns that hang from above with an axis of their own.
    colour : str, optional
        As in CSS; that of the text when absent.
    on : bool
        Whether it is seen from the beginning.
    """

    name: str
    label: str
    units: str
    values: NDArray[Any]
    kind: Literal["line", "hanging"] = "line"
    colour: str | None = None
    on: bool = True

    def plain(self, shown: Sequence[int]) -> dict[str, Any]:
        """Return it as the page holds it, of some places."""
        part = np.asarray(self.values[:, list(shown)], dtype=np.float64)
        finite = part[np.isfinite(part)]
        low, high = (
            (float(finite.min()), float(finite.max())) if finite.size else (0, 1)
        )
        return {
            "name": self.name, "label": self.label, "units": self.units,
            "kind": self.kind, "colour": self.colour, "on": self.on,
            "thin": not self.on, "low": low, "high": high,
            "data": [encoded(column, low, high) for column in part.T],
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class SeriesSet:
    """Series of all places on one axis of time.

    Parameters
    ----------
    time : array (T,) of datetime64
        Start of each time step; the steps are of one length.
    units : str
        Of all that are lines.
    lines : sequence of Line
        The series.
    judged : (str, str)
        Names of what was simulated and what was observed.
    """

    time: NDArray[np.datetime64]
    units: str
    lines: Sequence[Line]
    judged: tuple[str, str]

    def plain(self, places: Places) -> dict[str, Any]:
        """Return them as the page holds them, of as many places as it may."""
        each = max(len(self.time) * len(self.lines), 1)
        most = max(MOST_NUMBERS // each, 1)
        shown = shown_places(places.scores[0].values, most)
        start = self.time[0].astype("datetime64[ms]")
        step = np.diff(self.time[:2]).astype("timedelta64[ms]")
        return {
            "start": int((start - np.datetime64(0, "ms")) / MILLISECOND),
            "step": int(step[0] / MILLISECOND) if step.size else 86_400_000,
            "count": len(self.time), "units": self.units, "shown": shown,
            "judged": list(self.judged),
            "lines": [line.plain(shown) for line in self.lines],
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """What a network learned: a parameter of every place and member.

    Parameters
    ----------
    label, units, about : str
        What it is.
    bounds : (float, float)
        The ends of its axis.
    values : array (place, member)
        All of them.
    log : bool
        Whether it is spaced by its logarithm.
    places : bool
        Whether the rows are the places of the report.
    """

    label: str
    units: str
    about: str
    bounds: tuple[float, float]
    values: Array
    log: bool = False
    places: bool = True

    def plain(self) -> dict[str, Any]:
        """Return it as the page holds it."""
        return {
            "label": self.label, "units": self.units, "about": self.about,
            "low": self.bounds[0], "high": self.bounds[1], "log": self.log,
            "places": self.places,
            "values": [numbers(row) for row in np.atleast_2d(self.values)],
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A line of a panel.

    Parameters
    ----------
    label : str
        What it is.
    x, y : array
        Its points.
    thin : bool
        Whether it stands behind the others, without an entry in the legend.
    steps : bool
        Whether it goes up in steps.
    colour : str, optional
        As in CSS; the next of the page when absent.
    """

    label: str
    x: Array
    y: Array
    thin: bool = False
    steps: bool = False
    colour: str | None = None

    def plain(self) -> dict[str, Any]:
        """Return it as the page holds it."""
        return {
            "label": self.label, "x": numbers(self.x), "y": numbers(self.y),
            "thin": self.thin, "steps": self.steps, "colour": self.colour,
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Curves over a common axis.

    Parameters
    ----------
    title, x_label, about : str
        Headline, what the axis is, and a caption.
    curves : sequence of Curve
        What is drawn.
    log : bool
        Whether the vertical axis is logarithmic.
    x_range, y_range : (float, float), optional
        Ends of the axes; those of the curves when absent.
    """

    title: str
    x_label: str
    curves: Sequence[Curve]
    log: bool = False
    about: str = ""
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None

    def plain(self) -> dict[str, Any]:
        """Return it as the page holds it."""
        return {
            "title": self.title, "x_label": self.x_label, "log": self.log,
            "about": self.about, "lines": [curve.plain() for curve in self.curves],
            **({"x_range": list(self.x_range)} if self.x_range else {}),
            **({"y_range": list(self.y_range)} if self.y_range else {}),
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What a task has to tell of a run.

    Parameters
    ----------
    period : str
        What was scored.
    tiles : sequence of Tile
        What is seen first.
    tables : sequence of Table
        The scores that matter.
    details : mapping of str to Table
        Further scores, to be unfolded, by what they are.
    panels : sequence of Panel
        Scores as curves.
    places, series, parameters
        What can be looked at place by place; nothing where the task has no such.
    pictures : mapping of Path to str
        Pictures of the evaluation, and what they show.
    baselines : mapping of str to str
        What the model is compared with.
    notes : sequence of str
        What was assumed about the data, repaired and odd.
    """

    period: str
    tiles: Sequence[Tile] = ()
    tables: Sequence[Table] = ()
    details: Mapping[str, Table] = field(default_factory=dict)
    panels: Sequence[Panel] = ()
    places: Places | None = None
    series: SeriesSet | None = None
    parameters: Sequence[Parameter] = ()
    pictures: Mapping[Path, str] = field(default_factory=dict)
    baselines: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
