"""What every file of a river is read into."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ....errors import DataError
from ....space import Map, Points, Tree
from ....space.checks import name_hint

__all__ = ["Lakes", "River"]

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Lakes:
    """Lakes and reservoirs that reaches run through.

    Parameters
    ----------
    ids : tuple of str
        Their names.
    outlets : tuple of str
        (lake,) the reach by which each is left.
    reaches : tuple of tuple of str
        (lake,) all reaches that lie in it, that of the outlet among them.
    attributes : dict of str to ndarray
        (lake,) ``area_km2``, ``weir_elevation``, ``weir_coefficient``, ``weir_length``,
        ``orifice_elevation``, ``orifice_coefficient``, ``orifice_area``,
        ``maximum_elevation``, ``initial_fraction``, and what else the file has by its
        own name; NaN where the file has no number.
    units : dict of str to str
        Units of the attributes.
    """

    ids: tuple[str, ...]
    outlets: tuple[str, ...]
    reaches: tuple[tuple[str, ...], ...]
    attributes: dict[str, Array]
    units: dict[str, str]

    def __len__(self) -> int:
        return len(self.ids)

    def within(self, reaches: Iterable[str]) -> Lakes | None:
        """Return the lakes whose outlets are among some reaches; None if none is."""
        names = set(reaches)
        at = [k for k, outlet in enumerate(self.outlets) if outlet in names]
        if not at:
            return None
        return Lakes(
            ids=tuple(self.ids[k] for k in at),
            outlets=tuple(self.outlets[k] for k in at),
            reaches=tuple(
                tuple(r for r in self.reaches[k] if r in names) for k in at
            ),
            attributes={name: x[at] for name, x in self.attributes.items()},
            units=self.units,
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class River:
    """Reaches, what is known of them, and what is joined to them by name.

    Parameters
    ----------
    tree : Tree
        The reaches in the order of the file, and which drains into which.
    attributes : dict of str to ndarray
        (reach,) numbers by name: ``length`` (m), ``slope`` (1), ``manning``
        (s m-1/3), ``bottom_width``, ``top_width``, ``floodplain_width`` (m),
        ``side_slope`` (horizontal per vertical), ``floodplain_manning``, ``musk_x``,
        ``area_km2`` (what drains into the reach from its sides),
        ``drainage_area_km2`` (that and all above), ``longitude``, ``latitude``, and
        what else the file has by its own name. Lengths and slopes are above 0; of
        others, what the file does not know is NaN.
    units : dict of str to str
        Units of the attributes; empty where nothing is known.
    gauges : dict of str to str
        The reach at whose lower end each gauge is.
    gauge_areas : dict of str to float
        Drainage area at a gauge, km2, where the file says it.
    entering : dict of str to dict of str to float
        Other names under which water comes, such as those of a nexus or a unit of
        land: the reaches that it enters, and their shares, which sum to 1.
    lakes : Lakes or None
        Lakes and reservoirs.
    remarks : tuple of str
        What was assumed, repaired and left out.
    format : str
        Which reader read it.
    path : str
        The file it was read from.
    """

    tree: Tree
    attributes: dict[str, Array]
    units: dict[str, str]
    gauges: dict[str, str] = field(default_factory=dict)
    gauge_areas: dict[str, float] = field(default_factory=dict)
    entering: dict[str, dict[str, float]] = field(default_factory=dict)
    lakes: Lakes | None = None
    remarks: tuple[str, ...] = ()
    format: str = ""
    path: str = ""

    def __len__(self) -> int:
        return len(self.tree)

    def part(self, positions: Sequence[int] | NDArray[np.int64]) -> River:
        """Return the river of some reaches, and what is joined to those.

        Parameters
        ----------
        positions : sequence of int
            Of the reaches, such as :meth:`.Tree.upstream_of` returns them.
        """
        at = np.asarray(positions, dtype=np.int64)
        tree = self.tree.subset(at)
        names = set(tree.ids)
        gauges = {name: reach for name, reach in self.gauges.items() if reach in names}
        return replace(
            self,
            tree=tree,
            attributes={name: values[at] for name, values in self.attributes.items()},
            gauges=gauges,
            gauge_areas={n: a for n, a in self.gauge_areas.items() if n in gauges},
            entering={
                name: shares
                for name, shares in self.entering.items()
                if names.issuperset(shares)
            },
            lakes=None if self.lakes is None else self.lakes.within(names),
        )

    def upstream_of(self, ids: Iterable[str]) -> River:
        """Return the river above gauges or reaches, these included.

        Raises
        ------
        DataError
            When there is neither a gauge nor a reach of that name.
        """
        return self.part(self.tree.upstream_of(self.reach_of(i) for i in ids))

    def reach_of(self, name: str) -> str:
        """Return the reach of a gauge, or the reach itself."""
        if name in self.gauges:
            return self.gauges[name]
        self.tree.positions([name])
        return name

    def map_from(self, ids: Sequence[str]) -> Map:
        """Return the map of what comes under some names to the reaches it enters.

        Parameters
        ----------
        ids : sequence of str
            Names of reaches, or others that enter some.

        Returns
        -------
        Map
            From points of these names; nothing is lost.

        Raises
        ------
        DataError
            Naming the first that is neither a reach nor enters one.
        """
        reaches = set(self.tree.ids)
        links: list[tuple[str, str, float]] = []
        for name in ids:
            if name in self.entering:
                links += [(name, r, share) for r, share in self.entering[name].items()]
            elif name in reaches:
                links.append((name, name, 1.0))
            else:
                names = dict.fromkeys([*self.entering, *reaches], 0)
                raise DataError(
                    f"{name!r} is no reach and enters none{name_hint(name, names)}"
                )
        return Map.by_id(Points(ids), self.tree, links)
