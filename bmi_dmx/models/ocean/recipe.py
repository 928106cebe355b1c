"""Recipes of anomalies at the surface: maps, the process, a correction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from ...compose.spec import CorrectionSpec, ModelSpec, PartSpec
from ...conversion import MOST, refuse_outside
from ...process import SECONDS
from ...space import Grid
from .surface_anomaly import MONTHS, WAVES, SurfaceAnomaly
from .surface_currents import SurfaceCurrents

__all__ = ["SurfaceAnomalyModel", "SurfaceCurrentsModel"]

_RADIUS = 6.371e6
"""Of the Earth, m."""


@dataclass(frozen=True, kw_only=True)
class GridSpec:
    """Cells of one width on the sphere, rows from south to north.

    Parameters
    ----------
    rows, columns : int
        Numbers of cells.
    degrees : float
        Width of a cell in both directions.
    south, west : float
        Where the first row and column begin.
    """

    rows: int = 40
    columns: int = 120
    degrees: float = 3.0
    south: float = -60.0
    west: float = 0.0

    def __post_init__(self) -> None:
        refuse_outside("rows", self.rows, 2, MOST)
        refuse_outside("columns", self.columns, 2, MOST)

    def space(self) -> dict[str, Any]:
        """Return the grid as plain data; columns go around where they close."""
        around = abs(self.columns * self.degrees - 360.0) < 1e-9
        return Grid.uniform(
            (self.rows, self.columns),
            (self.degrees, self.degrees),
            (self.south, self.west),
            periodic=("x",) if around else (),
            radius=_RADIUS,
        ).to_dict()


@dataclass(frozen=True, kw_only=True)
class SurfaceAnomalyModel:
    """Anomalies of the temperature of the surface with maps, and a correction.

    Parameters
    ----------
    grid : GridSpec
        Where the cells are.
    modes : int
        Rank of the operator between all cells; 0 for none.
    local : bool
        Whether flows and diffusion are learned.
    history : int
        Months that are known, the present one included.
    damping : bool
        Whether damping is learned; else anomalies stay as they are.
    seasonal : bool
        Whether damping and the operator change with the season, as what was observed
        says before training.
    responses : {"known", "learned"}
        Whether training changes what follows from patterns.
    network : str, optional
        Registered network over grids that corrects them; none: physics alone.
    options : mapping of str to object
        What the network lets choose.
    scale : float
        Anomaly that it adds in a month where it answers with one, K.
    """

    grid: GridSpec = field(default_factory=GridSpec)
    modes: int = 15
    local: bool = True
    history: int = 12
    damping: bool = True
    seasonal: bool = False
    responses: Literal["known", "learned"] = "known"
    network: str | None = "unet"
    options: dict[str, Any] = field(default_factory=dict)
    scale: float = 0.5

    def model(self) -> ModelSpec:
        """Return known maps, learned maps, and the process with its correction."""
        places = self.grid.rows * self.grid.columns
        modes = range(1, self.modes + 1)
        known = ["sea", *(f"usual_{k}" for k in range(1, MONTHS + 1))]
        known += [f"weight_{k}" for k in modes]
        for wave in WAVES if self.seasonal else ():
            known += [f"damping_{wave}", *(f"response_{wave}_{k}" for k in modes)]
        learned = ["damping"] if self.damping else []
        if self.local:
            learned += ["eastward_flow", "northward_flow", "diffusivity"]
        responses = [f"response_{k}" for k in modes]
        (learned if self.responses == "learned" else known).extend(responses)
        parts = {"known": _maps(places, known, learned=False)}
        if learned:
            parts["learned"] = _maps(places, learned, learned=True)
        options = {"modes": self.modes, "local": self.local, "history": self.history}
        if self.seasonal:
            options["seasonal"] = True
        parts["surface"] = PartSpec(
            process="surface_anomaly", options=options, correction=self._correction()
        )
        return ModelSpec(
            parts=parts,
            seconds=SECONDS[SurfaceAnomaly.time],
            space=self.grid.space(),
            system="ocean",
            answers=("anomaly", "temperature"),
        )

    def _correction(self) -> CorrectionSpec | None:
        if self.network is None:
            return None
        return CorrectionSpec(
            network=self.network,
            options=self.options,
            reads=("anomaly", "earlier", *SurfaceAnomaly.features, "sea"),
            adds=("anomaly",),
            scale=self.scale,
            within="sea",
        )


@dataclass(frozen=True, kw_only=True)
class SurfaceCurrentsModel:
    """Anomalies of the currents at the surface with maps, and a correction.

    Parameters
    ----------
    grid : GridSpec
        Where the cells are.
    local : bool
        Whether flows and diffusion are learned.
    damping : bool
        Whether damping is learned; else anomalies stay as they are.
    history : int
        Days that are known, the present one included.
    substeps : int
        Steps of a day that flows and diffusion are taken in.
    network : str, optional
        Registered network over grids that corrects them; none: physics alone.
    options : mapping of str to object
        What the network lets choose.
    scale : float
        Anomaly that it adds in a day where it answers with one, m s-1.
    """

    grid: GridSpec
    local: bool = True
    damping: bool = True
    history: int = 4
    substeps: int = 6
    network: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    scale: float = 0.1

    def model(self) -> ModelSpec:
        """Return known maps, learned maps, and the process with its correction."""
        places = self.grid.rows * self.grid.columns
        usual = ("usual_eastward", "usual_northward")
        parts = {"known": _maps(places, ["sea", *usual], learned=False)}
        learned = ["damping"] if self.damping else []
        if self.local:
            learned += ["eastward_flow", "northward_flow", "diffusivity"]
        if learned:
            parts["learned"] = _maps(places, learned, learned=True)
        states = ("eastward", "northward")
        correction = None
        if self.network is not None:
            earlier = tuple(f"earlier_{state}" for state in states)
            correction = CorrectionSpec(
                network=self.network, options=self.options,
                reads=(*states, *earlier, *usual, "sea"), adds=states,
                scale=self.scale, within="sea",
            )  # fmt: skip
        parts["surface"] = PartSpec(
            process="surface_currents", correction=correction,
            options={"local": self.local, "history": self.history,
                     "substeps": self.substeps},
        )  # fmt: skip
        return ModelSpec(
            parts=parts,
            seconds=SECONDS[SurfaceCurrents.time],
            space=self.grid.space(),
            system="ocean",
            answers=("eastward_current", "northward_current"),
        )


def _maps(places: int, gives: list[str], *, learned: bool) -> PartSpec:
    options = {"places": places, "learned": learned}
    return PartSpec(network="maps", options=options, gives=tuple(gives))
